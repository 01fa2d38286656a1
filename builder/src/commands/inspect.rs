//! `kimage inspect`: look inside a finished image, without root or mounting.

use serde_json::json;

use super::redact::redact;
use super::site::{print, print_bytes, print_json};
use crate::cli::Inspect;
use crate::failure::Outcome;
use crate::inspect::{Image, Listed, Seen};

pub(super) fn run(arguments: &Inspect) -> Outcome {
    let image = Image::open(&arguments.image)?;
    let Some(path) = &arguments.path else {
        return partitions(&image, arguments.json);
    };
    let entries = image.entries(path)?;
    let content = match entries.as_slice() {
        [only]
            if only.kind == Seen::File
                && only.path.trim_end_matches('/') == path.trim_end_matches('/') =>
        {
            Some(redact(&image.file(path)?))
        }
        _ => None,
    };
    match (content, arguments.json) {
        (Some(content), false) => print_bytes(&content)?,
        (Some(content), true) => {
            let mut entry = as_json(&entries[0]);
            entry["content"] = String::from_utf8_lossy(&content).into();
            print_json(&entry)?;
        }
        (None, true) => print_json(&entries.iter().map(as_json).collect::<Vec<_>>())?,
        (None, false) => {
            for entry in &entries {
                print(&line(entry))?;
            }
        }
    }
    Ok(())
}

fn partitions(image: &Image, as_json: bool) -> Outcome {
    if as_json {
        let partitions: Vec<_> = image
            .partitions()
            .iter()
            .map(|part| {
                json!({"number": part.number, "name": part.name, "start": part.start, "size": part.size,
                       "purpose": part.purpose, "guid": part.guid})
            })
            .collect();
        return Ok(print_json(
            &json!({"size": image.size(), "partitions": partitions}),
        )?);
    }
    print(&format!("disk  {}\n", indicatif::BinaryBytes(image.size())))?;
    for part in image.partitions() {
        let size = indicatif::BinaryBytes(part.size).to_string();
        print(&format!(
            "{}  {:<6} {size:>12}  at {:>10}  {}\n",
            part.number, part.name, part.start, part.guid
        ))?;
    }
    print("root is at `/`, the EFI system partition at `esp:/`\n")?;
    Ok(())
}

fn letter(kind: &Seen) -> char {
    match kind {
        Seen::File => '-',
        Seen::Directory => 'd',
        Seen::Symlink(_) => 'l',
        Seen::CharDevice(..) => 'c',
        Seen::BlockDevice(..) => 'b',
        Seen::Fifo => 'p',
        Seen::Socket => 's',
    }
}

fn line(entry: &Listed) -> String {
    let target = match &entry.kind {
        Seen::Symlink(target) => format!(" -> {target}"),
        _ => String::new(),
    };
    let (
        kind,
        Listed {
            mode,
            uid,
            gid,
            size,
            path,
            ..
        },
    ) = (letter(&entry.kind), entry);
    format!("{kind}{mode:04o} {uid:>5} {gid:>5} {size:>11} {path}{target}\n")
}

fn as_json(entry: &Listed) -> serde_json::Value {
    let mut value = json!({"path": entry.path, "kind": letter(&entry.kind).to_string(), "mode": format!("{:04o}", entry.mode),
        "uid": entry.uid, "gid": entry.gid, "mtime": entry.mtime, "size": entry.size});
    if let Seen::Symlink(target) = &entry.kind {
        value["target"] = target.as_str().into();
    }
    value
}
