//! The examples hold what `docs/guides.md` says of them: every row is looked up in an image of the example.
//!
//! Kubernetes of these versions and roots of these distributions cannot be had where tests run, so the programs and the
//! bases are fixtures, labelled as such; everything that kimage writes itself is real. The images are built by the
//! program as a user builds them, and read by `debugfs`.

#![allow(clippy::unwrap_used)] // All of this is test code.
#![expect(
    clippy::disallowed_methods,
    reason = "the program and the oracles are run as the user would"
)]

mod certificate;
mod fixture;
mod image;
mod object;
mod row;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fixture::Workshop;
use image::Image;
use kimage::spec::Role;
use table::{Guide, Place};

/// Where the repository's own files are.
fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn guides() -> Vec<Guide> {
    let text = fs::read_to_string(repository().join("docs/guides.md")).unwrap();
    table::read(&text).unwrap_or_else(|problem| panic!("docs/guides.md: {problem}"))
}

#[test]
fn every_row_of_every_guide_is_true_of_its_example() {
    let workshop = Workshop::new();
    let (mut rows, mut wrong) = (0, Vec::new());
    for guide in guides() {
        let images = first_of_each_role(&workshop, &guide);
        for row in &guide.rows {
            rows += 1;
            let Place::At { role, path } = &row.place else {
                continue;
            };
            for image in images
                .iter()
                .filter(|(of, _)| role.is_none_or(|role| role == **of))
            {
                if let Err(why) = row::check(image.1, path, &row.text) {
                    wrong.push(format!("{} {path} `{}`: {why}", row.number, row.text));
                }
            }
        }
    }
    println!("{rows} rows, {} of them not true", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_holds_the_files_that_are_listed_and_no_others() {
    let workshop = Workshop::new();
    for guide in guides() {
        for (role, image) in first_of_each_role(&workshop, &guide) {
            let name = format!("{}.{role}", guide.name());
            insta::assert_snapshot!(name, image.listing());
        }
    }
}

#[test]
fn nothing_is_reported_on_an_example() {
    let workshop = Workshop::new();
    for guide in guides() {
        let said = workshop.kimage(&guide, &["check"]);
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{}: {words}", guide.name());
        for word in ["warning", "error"] {
            assert!(!words.contains(word), "{}: {words}", guide.name());
        }
    }
}

/// The images of the first node of each role that the example has.
fn first_of_each_role(workshop: &Workshop, guide: &Guide) -> BTreeMap<Role, Image> {
    let cluster = workshop.cluster(&guide.cluster);
    let mut images = BTreeMap::new();
    for node in &cluster.nodes {
        images
            .entry(node.role)
            .or_insert_with(|| workshop.build(guide, &cluster, &node.name));
    }
    images
}
