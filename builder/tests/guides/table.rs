//! Reads `docs/guides.md`.

use std::path::{Path, PathBuf};

use kimage::spec::Role;

use super::repository;

/// One guide and its table, or a variant of it and what that changes.
pub(crate) struct Guide {
    /// The example's cluster file.
    pub cluster: PathBuf,
    /// What the guide sets, in its order.
    pub rows: Vec<Row>,
}

/// One thing that a guide sets.
pub(crate) struct Row {
    /// As `000-17`.
    pub number: String,
    /// Where it is.
    pub place: Place,
    /// What is there, or why it is nowhere.
    pub text: String,
}

/// Where a thing is.
pub(crate) enum Place {
    /// In an image.
    At {
        /// Of this role; `None` for all.
        role: Option<Role>,
        /// An absolute path.
        path: String,
    },
    /// Left out.
    Nowhere,
}

impl Guide {
    /// Of the cluster file that a heading names between backticks; `None` if there is none.
    fn of(path: &str) -> Option<Self> {
        let cluster = repository().join(path.trim_matches('`'));
        cluster.is_file().then_some(Self {
            cluster,
            rows: Vec::new(),
        })
    }

    /// How messages and folders call the example: `ha-kube-nginx`, or of a variant `centos-7-hybrid.flannel`.
    pub(crate) fn name(&self) -> String {
        let folder = self.cluster.parent().and_then(Path::file_name).unwrap();
        let folder = folder.to_string_lossy();
        match self.cluster.file_stem().unwrap().to_string_lossy() {
            file if file == "cluster" => folder.into_owned(),
            file => format!("{folder}.{file}"),
        }
    }
}

/// All guides of the document, or what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Vec<Guide>, String> {
    let mut guides: Vec<Guide> = Vec::new();
    let (mut name, mut last) = (String::new(), 0);
    for (line, number) in text.lines().zip(1..) {
        let about = |problem: &str| format!("line {number}: {problem}: {line}");
        let variant = line.strip_prefix("### Variant: ");
        if let Some(heading) = line.strip_prefix("## ") {
            let (guide, path) = heading
                .split_once(": ")
                .ok_or_else(|| about("no number and cluster file"))?;
            (name, last) = (guide.to_owned(), 0);
            guides.push(Guide::of(path).ok_or_else(|| about("there is no such example"))?);
        } else if let Some(path) = variant {
            guides.push(Guide::of(path).ok_or_else(|| about("there is no such example"))?);
        } else if let Some(guide) = guides.last_mut()
            && line.starts_with(&format!("| {name}-"))
        {
            let row = row(line).map_err(|problem| about(&problem))?;
            last += 1;
            let expected = format!("{name}-{last}");
            if row.number != expected {
                return Err(about(&format!("this is row {expected}")));
            }
            guide.rows.push(row);
        }
    }
    match guides.iter().find(|guide| guide.rows.is_empty()) {
        Some(empty) => Err(format!("{} has no row", empty.cluster.display())),
        None if guides.is_empty() => Err("no guide".to_owned()),
        None => Ok(guides),
    }
}

fn row(line: &str) -> Result<Row, String> {
    let cells: Vec<&str> = line
        .strip_prefix("| ")
        .and_then(|line| line.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect())
        .unwrap_or_default();
    let [number, _, role, path, text] = cells[..] else {
        return Err("not five cells".to_owned());
    };
    let place = if path == "—" {
        Place::Nowhere
    } else {
        Place::At {
            role: match role {
                "master" => Some(Role::Master),
                "worker" => Some(Role::Worker),
                "all" => None,
                other => return Err(format!("`{other}` is no role")),
            },
            path: path.to_owned(),
        }
    };
    let text = match &place {
        Place::Nowhere if text.is_empty() => return Err("no reason".to_owned()),
        Place::Nowhere => text,
        Place::At { .. } => text
            .strip_prefix('`')
            .and_then(|text| text.strip_suffix('`'))
            .filter(|text| !text.is_empty())
            .ok_or("no text between backticks")?,
    };
    Ok(Row {
        number: number.to_owned(),
        place,
        text: text.to_owned(),
    })
}

#[test]
fn a_row_out_of_order_and_a_missing_example_are_found() {
    let with = |example: &str, numbers: [u32; 2]| {
        let rows = numbers.map(|number| format!("| 002-{number} | w | all | /etc/hosts | `x` |\n"));
        read(&format!("## 002: `{example}`\n\n{}", rows.concat())).err()
    };
    let example = "examples/two-nodes/cluster.yaml";
    assert_eq!(with(example, [1, 2]), None);
    assert!(with(example, [1, 3]).unwrap().contains("this is row 002-2"));
    assert!(
        with("examples/none.yaml", [1, 2])
            .unwrap()
            .contains("no such example")
    );
}
