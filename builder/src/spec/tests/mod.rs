//! The parser from outside: text in, cluster or printed problems out.

mod starter;

use super::{Cluster, parse};

/// The cluster of a text that has no problems.
fn cluster(text: &str) -> Cluster {
    match parse(text, "cluster.yaml") {
        Ok((cluster, warnings)) if warnings.is_empty() => cluster,
        Ok((_, warnings)) => panic!("{warnings}"),
        Err(error) => panic!("{error}"),
    }
}

/// All problems of a text, as they are printed.
fn problems(text: &str) -> String {
    match parse(text, "cluster.yaml") {
        Ok((_, warnings)) => warnings.to_string(),
        Err(error) => error.problems().to_string(),
    }
}
