//! `kimage check`: every problem of the cluster file, and of the files that it names, at once.

use super::site::{Site, print, print_json};
use super::{addons, audit_policy};
use crate::cli::Json;
use crate::failure::Outcome;
use crate::plan;
use crate::spec::{self, Problems, SpecError};

pub(super) fn run(site: &Site, arguments: &Json) -> Outcome {
    let text = site.read(&site.file)?;
    let name = site.file.display().to_string();
    let blueprints = site.blueprints()?;
    let (warnings, failure) = match spec::parse_with(&text, &name, &blueprints) {
        Ok((mut cluster, warnings)) => {
            addons::preload(site, &mut cluster)?;
            plan::plan(&cluster, &blueprints)?;
            let failure = audit_policy::read(site, &cluster)?.err();
            (Some(warnings), failure)
        }
        Err(error) => (None, Some(error)),
    };
    if arguments.json {
        let failed = failure.as_ref().map(SpecError::problems);
        let all = warnings.iter().chain(failed);
        print_json(&all.flat_map(Problems::records).collect::<Vec<_>>())?;
    } else if let Some(warnings) = warnings.filter(|warnings| !warnings.is_empty()) {
        site.report.plain(&warnings.styled());
    }
    match failure {
        Some(failure) => Err(failure.into()),
        None => {
            if !arguments.json {
                print(&format!("{name}: no errors\n"))?;
            }
            Ok(())
        }
    }
}
