//! What a well-formed cluster file means: defaults filled in, every rule checked, all problems told at their places.
//!
//! Each module takes one part of the file and returns the part of the [`Cluster`] that it stands for, or `None` after
//! telling a [`Checker`] why not. A part that cannot be understood never keeps the others from being checked.
//! To add a rule: a function or a few lines in the module of its part, and a test with the problem's whole text.

mod acls;
mod addresses;
mod allow;
mod balancer;
mod bootstrap;
mod certificates;
mod clock;
mod cni;
mod components;
mod control_plane;
mod directories;
mod dns;
mod docker;
mod extra_args;
mod extra_config;
mod feature_gates;
mod host;
mod images;
mod kube_proxy;
mod kubeadm;
mod lifetime;
mod network;
mod nodes;
mod packages;
mod paths;
mod runtime;
mod selinux;
mod syntax;
mod units;
mod versions;

use crate::blueprint::Blueprints;

use super::cluster::{Cluster, Kubernetes};
use super::file::ClusterFile;
use super::pointer::{self, Place, Pointer, locate};
use super::problem::{Mark, Problem, Severity};
use super::source::Node;
use super::structure::Mended;
use super::warning::Warning;

/// Checks a file's meaning. A cluster comes out if, and only if, no error was told, here or before.
pub(super) fn check(
    document: &Node,
    mended: Mended,
    blueprints: &Blueprints,
    problems: &mut Vec<Problem>,
) -> Option<Cluster> {
    let mut checker = Checker {
        document,
        blueprints,
        tainted: mended.tainted,
        problems,
    };
    let cluster = cluster(&mut checker, &mended.file);
    allow::check(&mut checker, &mended.file);
    let errors = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    cluster.filter(|_| !errors)
}

fn cluster(check: &mut Checker, file: &ClusterFile) -> Option<Cluster> {
    let name = name(check, file);
    let kubernetes = versions::kubernetes(check, file);
    let version = kubernetes.map(|(version, _)| version);
    let minor = kubernetes.map(|(_, minor)| minor);
    let runtime = runtime::check(check, file, minor);
    let etcd = versions::etcd(check, file, minor);
    let image = images::blueprint(check, file, version);
    let network = network::check(check, file, minor);
    let nodes = nodes::check(check, file, network.as_ref(), &image, version);
    network::overlaps(check, network.as_ref(), &nodes);
    let control_plane = control_plane::check(check, file, &nodes, network.as_ref());
    cni::ports(check, file, network.as_ref());
    let kube_proxy = kube_proxy::check(check, file, minor);
    let join = bootstrap::check(check, file, minor);
    let mirror = images::mirror(check, file);
    let preloaded = images::preloaded(check, file);
    let addons = images::addons(check, file);
    let paths = paths::check(check, file);
    kubeadm::check(check, file, minor, network.as_ref(), &paths);
    let host = host::check(check, file, &nodes, minor);
    let certificates = certificates::check(check, file, &host.users);
    certificates::unissued(check, &certificates, &join, kube_proxy.as_ref());
    let pki = control_plane::pki(check, file, certificates);
    let extra_args = extra_args::check(check, file, version, etcd.as_ref());
    let etcd_version = etcd.as_ref().map(|etcd| etcd.version);
    let components = components::check(check, file, version, etcd_version, &extra_args);
    let extra_config = extra_config::check(check, file, version, &extra_args);
    let feature_gates = feature_gates::check(check, file, version, &extra_args);
    Some(Cluster {
        name: name?,
        kubernetes: Kubernetes {
            version: kubernetes?.0,
        },
        image,
        runtime: runtime?,
        etcd: etcd?,
        network: network?,
        control_plane: control_plane?,
        kube_proxy: kube_proxy?,
        pki,
        join,
        mirror,
        images: preloaded,
        addons,
        paths,
        host,
        extra_args,
        components,
        extra_config,
        feature_gates,
        nodes: nodes
            .into_iter()
            .map(|node| node.node)
            .collect::<Option<_>>()?,
    })
}

fn name(check: &mut Checker, file: &ClusterFile) -> Option<String> {
    let name = file.name.as_deref().unwrap_or("kubernetes");
    if syntax::is_dns_label(name) {
        return Some(name.to_owned());
    }
    check.tell(
        Finding::error(
            Pointer::top().key("name"),
            format!("`{name}` is no name for a cluster"),
        )
        .suggest("use lower-case letters, digits and `-`, 63 characters at most"),
    );
    None
}

/// A number of things, in words.
fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        several => format!("{several} {thing}s"),
    }
}

/// Collects what the rules find.
struct Checker<'a> {
    document: &'a Node,
    blueprints: &'a Blueprints,
    tainted: Vec<Pointer>,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    /// Notes a finding, unless it is about a value that a problem was already told of.
    fn tell(&mut self, finding: Finding) {
        let Finding { pointer, other, .. } = &finding;
        if self.is_tainted(pointer)
            || other
                .as_ref()
                .is_some_and(|(other, _)| self.is_tainted(other))
        {
            return;
        }
        let span = locate(self.document, &finding.pointer, finding.place);
        let mut problem = match finding.warning {
            None => Problem::error(span, finding.message),
            Some(warning) => Problem::warning(warning, span, finding.message),
        };
        if let Some(suggestion) = finding.suggestion {
            problem = problem.suggest(suggestion);
        }
        problem.secret = finding.secret;
        // A default has no place that could be shown.
        if let Some((other, label)) = finding.other.filter(|(other, _)| self.has(other)) {
            let span = locate(self.document, &other, Place::Value);
            problem.mark = Some(Mark::new(span, label));
        }
        problem.pointer = finding.pointer.into();
        self.problems.push(problem);
    }

    /// Whether a value is written in the file.
    fn has(&self, pointer: &Pointer) -> bool {
        pointer::node_at(self.document, pointer).is_some()
    }

    /// Whether a value is a blank that stands where the user's was wrong or missing.
    fn is_tainted(&self, pointer: &Pointer) -> bool {
        self.tainted.iter().any(|tainted| pointer.is_under(tainted))
    }
}

/// What a rule has to say.
struct Finding {
    /// Which warning it is; `None` for an error.
    warning: Option<Warning>,
    pointer: Pointer,
    place: Place,
    message: String,
    suggestion: Option<String>,
    other: Option<(Pointer, String)>,
    secret: bool,
}

impl Finding {
    fn error(pointer: Pointer, message: impl Into<String>) -> Self {
        Self {
            warning: None,
            pointer,
            place: Place::Value,
            message: message.into(),
            suggestion: None,
            other: None,
            secret: false,
        }
    }

    /// What can be meant but seldom is; whoever means it says so in `allow`, by its name.
    fn warning(warning: Warning, pointer: Pointer, message: impl Into<String>) -> Self {
        Self {
            warning: Some(warning),
            ..Self::error(pointer, message)
        }
    }

    fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Points to the key, not the value.
    fn at_key(mut self) -> Self {
        self.place = Place::Key;
        self
    }

    /// Keeps the line from being shown.
    fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Shows a second place beside the first.
    fn with(mut self, other: Pointer, label: impl Into<String>) -> Self {
        self.other = Some((other, label.into()));
        self
    }
}
