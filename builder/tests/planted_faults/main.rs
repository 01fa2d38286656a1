//! Faults planted into the examples, one at a time: `check` reports each once, at its line, and nothing else.

#![allow(clippy::unwrap_used)] // All of this is test code.

use std::fs;
use std::path::Path;

use kimage::spec;
use serde::Deserialize;

/// A line of `faults.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    #[serde(rename = "in")]
    example: String,
    #[serde(rename = "instead of")]
    original: String,
    plant: String,
    said: String,
}

impl Fault {
    /// The cluster file with the fault, and the number of the line that it is in.
    fn planted(&self) -> (String, usize) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples")
            .join(&self.example)
            .join("cluster.yaml");
        let good = fs::read_to_string(file).unwrap();
        let (before, _) = good
            .split_once(&self.original)
            .unwrap_or_else(|| panic!("{} has no `{}`", self.example, self.original));
        let within = self.plant.split_once('!').map_or("", |(before, _)| before);
        let line = before.matches('\n').count() + within.matches('\n').count() + 1;
        let plant = self.plant.replacen('!', "", 1);
        (good.replacen(&self.original, &plant, 1), line)
    }

    /// What is wrong with what `check` says; nothing if it says the one thing.
    fn missed(&self) -> Option<String> {
        let (text, line) = self.planted();
        let problems = match spec::parse(&text, "cluster.yaml") {
            Ok((_, warnings)) => warnings,
            Err(error) => error.problems().clone(),
        };
        let all: Vec<_> = problems.iter().collect();
        if let [only] = all.as_slice()
            && problems.position(only).0 == line
            && only.message.contains(&self.said)
        {
            return None;
        }
        Some(format!(
            "{}: `{}` in line {line}, `{}`:\n{problems}",
            self.example, self.plant, self.said
        ))
    }
}

#[test]
fn each_planted_fault_is_reported_once_at_its_line() {
    let faults: Vec<Fault> = serde_yaml_ng::from_str(include_str!("faults.yaml")).unwrap();
    let missed: Vec<String> = faults.iter().filter_map(Fault::missed).collect();
    println!("{} faults, {} of them missed", faults.len(), missed.len());
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
