//! The parser from outside: text in, cluster or printed problems out.

mod acls;
mod allow;
mod args;
mod audit;
mod bootstrap;
mod certificates;
mod cni;
mod components;
mod config;
mod control_plane;
mod directories;
mod dns;
mod docker;
mod foreign;
mod gates;
mod host;
mod kube_proxy;
mod kubeadm;
mod network;
mod nodes;
mod objection;
mod packages;
mod paths;
mod printed;
mod selinux;
mod shape;
mod starter;
mod units;
mod versions;
mod yaml;

use super::{Cluster, parse};

/// The least that one must write.
const MINIMAL: &str = "\
kubernetes:
  version: 1.34.2
nodes:
  - {name: k8s-master-1, role: master, address: 192.168.76.11/24}
  - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
";

/// [`MINIMAL`] with more lines behind it.
fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}\n")
}

/// The version of [`MINIMAL`] and these nodes.
fn with_nodes(nodes: &[&str]) -> String {
    let mut text = "kubernetes: {version: 1.34.2}\nnodes:\n".to_owned();
    for node in nodes {
        text.push_str(&format!("  - {{{node}}}\n"));
    }
    text
}

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
