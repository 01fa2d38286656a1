//! How the programs of Kubernetes and etcd are started: as whom, with which environment, their flags in which file.

use std::collections::BTreeMap;

use super::{Checker, Finding, host};
use crate::facts;
use crate::spec::cluster::{Component, EnvironmentFile, Service, Version};
use crate::spec::file::{ClusterFile, ComponentFile, Plain};
use crate::spec::pointer::Pointer;

/// What makes interfaces, mounts and control groups for pods.
const ROOTS: [Component; 2] = [Component::Kubelet, Component::KubeProxy];

/// The first port that is not root's alone.
const FIRST_FREE_PORT: u16 = 1024;

/// The section `components`. `extra_args` is the section of that name; `kubernetes` and `etcd` are the versions.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    kubernetes: Option<Version>,
    etcd: Option<Version>,
    extra_args: &BTreeMap<Component, BTreeMap<String, String>>,
) -> BTreeMap<Component, Service> {
    let given = file.components.clone().unwrap_or_default();
    let sections = [
        (Component::Etcd, given.etcd),
        (Component::KubeApiserver, given.kube_apiserver),
        (
            Component::KubeControllerManager,
            given.kube_controller_manager,
        ),
        (Component::KubeScheduler, given.kube_scheduler),
        (Component::Kubelet, given.kubelet),
        (Component::KubeProxy, given.kube_proxy),
    ];
    let top = Pointer::top().key("components");
    let mut services = BTreeMap::new();
    for (component, section) in sections {
        let Some(section) = section else { continue };
        let at = top.key(facts::program(component));
        let service = Service {
            user: user(check, file, &at, component, &section),
            environment_file: environment_file(check, file, &at, &section),
            environment: environment(check, &at, section.environment.unwrap_or_default()),
        };
        if service.environment_file.is_some() {
            let flags = extra_args.get(&component);
            splittable(check, component, flags);
        }
        services.insert(component, service);
    }
    distinct_files(check, &top, &services);
    shared_keys(check, &top, &services, |component| match component {
        Component::Etcd => etcd,
        _ => kubernetes,
    });
    services
}

/// The account of a component; `None` where kimage's own choice stands.
fn user(
    check: &mut Checker,
    file: &ClusterFile,
    at: &Pointer,
    component: Component,
    section: &ComponentFile,
) -> Option<String> {
    let name = section.user.clone()?;
    let at = at.key("user");
    let program = facts::program(component);
    let users = file.host.as_ref().and_then(|host| host.users.as_deref());
    let declared = |user: &str| users.is_some_and(|users| users.iter().any(|had| had.name == user));
    if ROOTS.contains(&component) {
        check.tell(
            Finding::error(at, format!("{program} needs root")).suggest(
                "leave it out: it changes the machine's network, mounts or control groups",
            ),
        );
        return None;
    }
    if !declared(&name) {
        check.tell(
            Finding::error(at, format!("`host.users` has no `{name}`")).suggest(format!(
                "declare it there, with a number, or leave it out: {program} then runs as {}",
                if component == Component::Etcd {
                    "etcd"
                } else {
                    "root"
                }
            )),
        );
        return None;
    }
    let port = file.control_plane.as_ref().and_then(|plane| plane.port);
    if component == Component::KubeApiserver
        && let Some(port) = port.filter(|port| *port < FIRST_FREE_PORT)
    {
        check.tell(
            Finding::error(at, format!("only root may listen on port {port}"))
                .suggest(format!("choose a port from {FIRST_FREE_PORT} on"))
                .with(
                    Pointer::top().key("controlPlane").key("port"),
                    "kube-apiserver's port",
                ),
        );
    }
    Some(name)
}

fn environment_file(
    check: &mut Checker,
    file: &ClusterFile,
    at: &Pointer,
    section: &ComponentFile,
) -> Option<EnvironmentFile> {
    let given = section.environment_file.as_ref()?;
    let at = at.key("environmentFile");
    let is_name = is_variable(&given.variable);
    if !is_name {
        not_a_variable(check, at.key("variable"), &given.variable);
    }
    let at = at.key("path");
    let path = host::file_path(check, at.clone(), &given.path)?;
    let files = file.host.as_ref().and_then(|host| host.files.as_deref());
    let same = files
        .unwrap_or_default()
        .iter()
        .position(|file| file.path == given.path);
    if let Some(index) = same {
        let other = Pointer::top().key("host").key("files").index(index);
        let finding = Finding::error(at, format!("`{path}` is described twice"));
        check.tell(finding.with(other.key("path"), "the other"));
    }
    is_name.then(|| EnvironmentFile {
        path,
        variable: given.variable.clone(),
    })
}

fn environment(
    check: &mut Checker,
    at: &Pointer,
    given: BTreeMap<String, Plain>,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in given {
        let at = at.key("environment").key(&name);
        let value = value.to_string();
        if !is_variable(&name) {
            not_a_variable(check, at, &name);
        } else if value.contains(char::is_control) {
            check.tell(Finding::error(at, format!("`{name}` must be on one line")));
        } else {
            environment.insert(name, value);
        }
    }
    environment
}

fn is_variable(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(plain) && name.starts_with(|first: char| !first.is_ascii_digit())
}

fn not_a_variable(check: &mut Checker, at: Pointer, name: &str) {
    let finding = Finding::error(at, format!("`{name}` is no name of a variable"));
    check.tell(finding.suggest("use letters, digits and `_`, as `KUBELET_ARGS`"));
}

/// systemd splits the variable at blanks, and takes quotation marks and `$` for something else.
fn splittable(check: &mut Checker, component: Component, flags: Option<&BTreeMap<String, String>>) {
    for (flag, value) in flags.into_iter().flatten() {
        let special = |c: char| c.is_whitespace() || "\"'`$\\".contains(c);
        if let Some(c) = value.chars().find(|c| special(*c)) {
            let program = facts::program(component);
            let at = Pointer::top().key("extraArgs").key(program).key(flag);
            let what = match c {
                ' ' => "a space".to_owned(),
                c => format!("`{}`", c.escape_default()),
            };
            let message =
                format!("the value of `--{flag}` has {what}, which no environment file can hold");
            let environment = Pointer::top().key("components").key(program);
            check.tell(
                Finding::error(at, message)
                    .suggest(format!("leave out the `environmentFile` of {program}"))
                    .with(environment.key("environmentFile"), "flags go there"),
            );
        }
    }
}

/// Tells of two components with one environment file.
fn distinct_files(check: &mut Checker, top: &Pointer, services: &BTreeMap<Component, Service>) {
    let mut seen = BTreeMap::new();
    for (component, service) in services {
        let Some(file) = &service.environment_file else {
            continue;
        };
        let at = top
            .key(facts::program(*component))
            .key("environmentFile")
            .key("path");
        if let Some(first) = seen.insert(&file.path, at.clone()) {
            let message = format!("two components have `{}`", file.path);
            check.tell(Finding::error(at, message).with(first, "first here"));
        }
    }
}

/// Tells of two accounts that must read one key: a key has one owner.
fn shared_keys(
    check: &mut Checker,
    top: &Pointer,
    services: &BTreeMap<Component, Service>,
    version: impl Fn(Component) -> Option<Version>,
) {
    let mut readers: BTreeMap<&str, (Component, &str)> = BTreeMap::new();
    for (component, service) in services {
        let (Some(user), Some(version)) = (&service.user, version(*component)) else {
            continue;
        };
        for argument in facts::arguments(*component, version) {
            let value = argument.value_template;
            if !value.ends_with(".key") {
                continue;
            }
            match readers.get(value) {
                Some((other, owner)) if owner != user => {
                    let key = value.rsplit('/').next().unwrap_or(value);
                    let at = |component| top.key(facts::program(component)).key("user");
                    let message = format!(
                        "{} must read {key}, which belongs to `{owner}`",
                        facts::program(*component)
                    );
                    check.tell(
                        Finding::error(at(*component), message)
                            .suggest(format!("let both run as `{owner}`"))
                            .with(at(*other), format!("reads {key}, too")),
                    );
                }
                _ => drop(readers.insert(value, (*component, user))),
            }
        }
    }
}
