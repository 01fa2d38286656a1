//! `kimage check`: every problem of the cluster file at once.

use super::site::{Site, print, print_json};
use crate::cli::Json;
use crate::failure::{Failure, Outcome};
use crate::plan;
use crate::spec;

pub(super) fn run(site: &Site, arguments: &Json) -> Outcome {
    let text = site.read(&site.file)?;
    let blueprints = site.blueprints()?;
    let (problems, failure) =
        match spec::parse_with(&text, &site.file.display().to_string(), &blueprints) {
            Ok((cluster, warnings)) => {
                plan::plan(&cluster, &blueprints)?;
                (warnings, None)
            }
            Err(error) => (
                error.problems().clone(),
                Some(Box::<dyn Failure>::from(error)),
            ),
        };
    if arguments.json {
        print_json(&problems)?;
    }
    match failure {
        Some(failure) => Err(failure),
        None => {
            if !arguments.json {
                if !problems.is_empty() {
                    site.report.plain(&problems.styled());
                }
                print(&format!("{}: no errors\n", site.file.display()))?;
            }
            Ok(())
        }
    }
}
