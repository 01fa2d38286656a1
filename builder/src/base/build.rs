//! Builds a base from the distribution's packages, with mmdebstrap.
//!
//! It runs without root where the system lets users make user namespaces; it finds that out itself (`--mode=auto`). All
//! that it makes gets the blueprint's date, so the same packages give the same bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::filesystem::Filesystem;
use super::refusal::Limits;
use super::scan::{Form, Wanted};
use super::selection::Selection;
use super::store::{self, Prepared};
use super::{BaseError, grub, read_archive, settle};
use crate::blueprint::{Blueprint, Mmdebstrap, Source};
use crate::program::Program;
use crate::report::Report;
use crate::tree::{Blob, TreePath};

/// How to build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildOptions {
    /// Where packages come from; mmdebstrap's own default when absent.
    pub mirror: Option<String>,
    /// Packages beside the blueprint's.
    pub packages: Vec<String>,
}

/// What mmdebstrap says that is worth a line here, and what it is called.
const STEPS: &[(&str, &str)] = &[
    ("running apt-get update", "reading package lists"),
    ("downloading packages", "downloading packages"),
    ("extracting archives", "unpacking what is essential"),
    (
        "installing remaining packages",
        "installing packages, and making the initrd",
    ),
    ("creating tarball", "packing"),
];

/// Builds the base of an image and keeps it in the cache.
pub fn build(
    blueprint: &Blueprint,
    cache: &Path,
    options: &BuildOptions,
    report: &Report,
) -> Result<Prepared, BaseError> {
    let image = &blueprint.name;
    let recipe = match &blueprint.source {
        Source::Mmdebstrap(recipe) => recipe,
        Source::Import { advice, .. } => {
            return Err(BaseError::ImportOnly {
                image: image.clone(),
                advice: advice.clone(),
            });
        }
    };
    // Before the long part: it fails where GRUB is not installed.
    let code = grub::boot_code(image)?;
    let files =
        tempfile::tempdir().map_err(BaseError::machine("write in", &std::env::temp_dir()))?;
    write_files(files.path(), recipe)?;
    let tar = store::temporary(cache, image)?;
    report.step(&format!(
        "{image}: building from packages with mmdebstrap; this takes a minute or two"
    ));
    mmdebstrap(blueprint, recipe, options, files.path(), tar.path())
        .run_with(|line| {
            let known = STEPS.iter().find(|(theirs, _)| line.contains(theirs));
            if let Some((_, ours)) = known {
                report.step(&format!("{image}: {ours}"));
            }
        })
        .map_err(BaseError::program(image))?;
    let mut filesystem = Filesystem::new();
    let selection = Selection::new(blueprint);
    read_archive(
        &mut filesystem,
        &Blob::new(tar.path().to_owned()),
        &Limits::USUAL,
        Wanted::Selected(&selection),
        Form::Archive,
    )?;
    settle(
        cache,
        blueprint,
        filesystem,
        &code,
        "mmdebstrap".to_owned(),
        None,
        report,
    )
}

fn mmdebstrap(
    blueprint: &Blueprint,
    recipe: &Mmdebstrap,
    options: &BuildOptions,
    files: &Path,
    tar: &Path,
) -> Program {
    let mut program = Program::new("mmdebstrap")
        .env("SOURCE_DATE_EPOCH", blueprint.date.seconds().to_string())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--mode=auto")
        .arg("--format=tar")
        .arg(format!("--variant={}", recipe.variant.name()))
        .arg(format!("--architectures={}", blueprint.architecture))
        .arg("--aptopt=Apt::Install-Recommends \"false\"")
        .arg(format!("--include={}", include(recipe, options)));
    for top in top_names(recipe) {
        let from = files.join(top);
        program = program.arg(format!("--essential-hook=copy-in {} /", from.display()));
    }
    program = program.arg(&recipe.suite).arg(tar);
    match &options.mirror {
        Some(mirror) => program.arg(mirror),
        None => program,
    }
}

/// All packages, as mmdebstrap takes them.
fn include(recipe: &Mmdebstrap, options: &BuildOptions) -> String {
    let mut packages = recipe.packages.clone();
    for package in &options.packages {
        if !packages.contains(package) {
            packages.push(package.clone());
        }
    }
    packages.join(",")
}

/// The first names of the recipe's files, once each.
fn top_names(recipe: &Mmdebstrap) -> Vec<&str> {
    let mut names: Vec<&str> = recipe
        .files
        .keys()
        .filter_map(|path| path.names().next())
        .collect();
    names.dedup();
    names
}

/// Lays the recipe's files out, readable for all whatever the user's umask says.
fn write_files(directory: &Path, recipe: &Mmdebstrap) -> Result<(), BaseError> {
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(BaseError::machine("write", path))
    };
    for (path, text) in &recipe.files {
        let inside = |path: &TreePath| directory.join(path.as_str().trim_start_matches('/'));
        let file = inside(path);
        let mut above = Vec::new();
        let mut parent = path.parent();
        while let Some(path) = parent.filter(|path| !path.is_root()) {
            parent = path.parent();
            above.push(inside(&path));
        }
        for directory in above.iter().rev() {
            fs::create_dir_all(directory).map_err(BaseError::machine("make", directory))?;
            set_mode(directory, 0o755)?;
        }
        fs::write(&file, text).map_err(BaseError::machine("write", &file))?;
        set_mode(&file, 0o644)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprints;

    #[test]
    fn packages_that_are_asked_for_are_built_in_once() {
        let blueprints = Blueprints::embedded().unwrap();
        let Source::Mmdebstrap(recipe) = &blueprints.find("debian-12").unwrap().source else {
            panic!("debian-12 is built");
        };
        let with = |packages: &[&str]| {
            let options = BuildOptions {
                packages: packages.iter().map(|name| (*name).to_owned()).collect(),
                ..BuildOptions::default()
            };
            include(recipe, &options)
        };
        assert_eq!(with(&["ipset"]), with(&[]));
        assert_eq!(with(&["tzdata", "ipset"]), with(&[]) + ",tzdata");
    }
}
