//! `kimage base`: operating systems, prepared once.

use super::site::{Site, print, print_json};
use serde::Serialize;

use crate::base::{self, BuildOptions, Limits, Listed};
use crate::cli;
use crate::failure::Outcome;
use crate::spec::Cluster;

pub(super) fn run(site: &Site, command: cli::Base) -> Outcome {
    let blueprints = site.blueprints()?;
    match command {
        cli::Base::Build { image, mirror } => {
            let blueprint = blueprints.find(&image)?;
            // A base serves without a cluster file, too.
            let packages = match site.file.exists() {
                true => packages(&site.cluster()?, &image),
                false => Vec::new(),
            };
            base::build(
                blueprint,
                &site.cache,
                &BuildOptions { mirror, packages },
                &site.report,
            )?;
        }
        cli::Base::Import { image, path } => {
            base::import(
                blueprints.find(&image)?,
                &site.cache,
                &path,
                &Limits::USUAL,
                &site.report,
            )?;
        }
        cli::Base::List(arguments) => {
            let rows: Vec<Row> = base::list(&site.cache, &blueprints)
                .iter()
                .map(Row::of)
                .collect();
            if arguments.json {
                print_json(&rows)?;
            } else {
                for Row {
                    image,
                    state,
                    digest,
                    ..
                } in &rows
                {
                    print(&format!(
                        "{image:<18} {state:<14} {}\n",
                        digest.as_deref().unwrap_or("")
                    ))?;
                }
            }
        }
    }
    Ok(())
}

/// The packages that a cluster asks of an image, if it uses it.
fn packages(cluster: &Cluster, image: &str) -> Vec<String> {
    match cluster.nodes.iter().any(|node| node.image == image) {
        true => cluster.host.packages.clone(),
        false => Vec::new(),
    }
}

/// One image, prepared or not.
#[derive(Serialize)]
struct Row {
    image: String,
    state: &'static str,
    digest: Option<String>,
    /// What a `kimage base build` would do.
    can_be_built: bool,
}

impl Row {
    fn of(listed: &Listed<'_>) -> Self {
        let (state, digest) = match &listed.prepared {
            Ok(Some(prepared)) if listed.is_outdated() => {
                ("outdated", Some(prepared.digest.to_string()))
            }
            Ok(Some(prepared)) => ("prepared", Some(prepared.digest.to_string())),
            Ok(None) => ("not prepared", None),
            Err(_) => ("damaged", None),
        };
        Self {
            image: listed.blueprint.name.clone(),
            state,
            digest,
            can_be_built: listed.can_be_built(),
        }
    }
}
