//! Holds README.md to the program: its cluster files are read, its command lines are understood.

#![allow(clippy::unwrap_used)] // All of this is test code.

use std::collections::BTreeSet;

use clap::Parser as _;
use clap::error::ErrorKind;
use kimage::cli::Cli;
use kimage::spec;

const README: &str = include_str!("../../README.md");

#[test]
fn the_cluster_files_of_the_readme_have_no_mistake() {
    let mut blocks = README.split("```yaml\n").skip(1).peekable();
    assert!(blocks.peek().is_some());
    for block in blocks {
        let text = block.split("```").next().unwrap();
        let (_, problems) = spec::parse(text, "README.md").unwrap();
        assert!(problems.is_empty(), "{}", problems.styled());
    }
}

#[test]
fn the_program_understands_every_command_line_of_the_readme() {
    let lines = commands();
    assert!(lines.len() > 10, "{lines:?}");
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Err(error) = Cli::try_parse_from(words) else {
            continue;
        };
        // A command that the text only names, without what it needs.
        let named = [
            ErrorKind::MissingRequiredArgument,
            ErrorKind::MissingSubcommand,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ];
        assert!(named.contains(&error.kind()), "`{line}`: {error}");
    }
}

#[test]
fn the_readme_names_every_command() {
    let named: BTreeSet<String> = commands()
        .iter()
        .filter_map(|line| line.split(' ').nth(1).map(str::to_owned))
        .collect();
    for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
        assert!(named.contains(command.get_name()), "{}", command.get_name());
    }
}

/// All command lines, with `a|b` written out and values for placeholders.
fn commands() -> Vec<String> {
    let spans = README.split('`').filter(|span| span.starts_with("kimage "));
    let lines = README
        .lines()
        .map(|line| line.trim_start().trim_start_matches("$ "))
        .filter(|line| line.starts_with("kimage "))
        .map(|line| line.split(['#', '>']).next().unwrap_or_default());
    spans.chain(lines).flat_map(written_out).collect()
}

/// One line for each of the alternatives in it.
fn written_out(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.replace('\\', "").split_whitespace() {
        lines = lines
            .iter()
            .flat_map(|line| {
                word.split('|').map(move |word| {
                    let word = match word {
                        "SHELL" => "bash",
                        "N" => "k8s-node-1",
                        other => other,
                    };
                    format!("{line} {word}").trim_start().to_owned()
                })
            })
            .collect();
    }
    lines
}
