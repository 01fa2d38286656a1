//! `kimage init`: a cluster file to begin with.

use std::fs::OpenOptions;
use std::io::Write as _;

use super::site::{Site, SiteError};
use crate::cli::Init;
use crate::failure::Outcome;
use crate::spec;

pub(super) fn run(site: &Site, arguments: &Init) -> Outcome {
    let text = spec::init(&arguments.name);
    let write = |source| SiteError::Write {
        path: site.file.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options
        .open(&site.file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(write)?;
    site.report.step(&format!(
        "wrote {}; next: change names and addresses, `kimage check`, `kimage base build debian-12`, `kimage build --all`",
        site.file.display()
    ));
    Ok(())
}
