//! What does not go together with `install: kubeadm`, where kubeadm writes what kimage writes otherwise.

use std::path::Path;

use super::{Checker, Finding};
use crate::facts::{self, Minor};
use crate::spec::Paths;
use crate::spec::cluster::{Component, Network};
use crate::spec::file::{ClusterFile, InstallFile, JoinFile, LoadBalancerKind};
use crate::spec::pointer::Pointer;

/// Certificates that nothing has a use for.
const UNUSED_CERTIFICATES: &[(&str, &str)] = &[
    (
        "kubelet-serving",
        "kubelets sign their certificates as servers themselves",
    ),
    ("kube-proxy", "kube-proxy runs in pods, and has a token"),
];

/// The programs that kubeadm runs in pods.
const PODS: [Component; 5] = [
    Component::Etcd,
    Component::KubeApiserver,
    Component::KubeControllerManager,
    Component::KubeScheduler,
    Component::KubeProxy,
];

/// Folders of the machine that these pods see, beside that of certificates.
const SEEN: &[&str] = &["/etc/ssl/certs"];

/// What only the API server's sees beside them.
const API_SERVER_SEES: &[&str] = &["/var/log/kubernetes"];

/// Whether kubeadm installs Kubernetes.
pub(super) fn installs(file: &ClusterFile) -> bool {
    file.kubernetes.install == Some(InstallFile::Kubeadm)
}

/// What cannot be with kubeadm. Nothing is told where it does not install Kubernetes.
pub(super) fn check(
    check: &mut Checker,
    file: &ClusterFile,
    minor: Option<&Minor>,
    network: Option<&Network>,
    paths: &Paths,
) {
    if !installs(file) {
        return;
    }
    let mut rules = Rules { check };
    rules.version(minor);
    rules.joining(file);
    rules.folders(file);
    rules.programs(file);
    rules.paths_in_flags(file, paths);
    rules.certificates(file);
    rules.name_server(file, network);
    rules.balancer(file);
}

/// Tells of what is wrong, always with the key that brings kubeadm in.
struct Rules<'s, 'c> {
    check: &'s mut Checker<'c>,
}

impl Rules<'_, '_> {
    fn tell(&mut self, finding: Finding) {
        let install = Pointer::top().key("kubernetes").key("install");
        self.check.tell(finding.with(install, "kubeadm"));
    }

    /// A whole key that cannot be given.
    fn refuse(&mut self, at: Pointer, message: impl Into<String>, advice: &str) {
        let finding = Finding::error(at, message).at_key();
        self.tell(finding.suggest(advice));
    }

    fn version(&mut self, minor: Option<&Minor>) {
        let Some(minor) = minor.filter(|minor| minor.kubeadm_arguments.is_none()) else {
            return;
        };
        let first = facts::minors()
            .iter()
            .find(|minor| minor.kubeadm_arguments.is_some());
        let message = format!("kimage cannot write what kubeadm {} reads", minor.name());
        let at = Pointer::top().key("kubernetes").key("version");
        let finding = Finding::error(at, message);
        self.tell(match first {
            Some(first) => finding.suggest(format!(
                "from {} on it can; before, say `install: binaries`",
                first.name()
            )),
            None => finding,
        });
    }

    fn joining(&mut self, file: &ClusterFile) {
        let top = Pointer::top();
        if file.join == Some(JoinFile::Bootstrap) {
            let finding = Finding::error(top.key("join"), "with kubeadm no node needs a token");
            self.tell(finding.suggest(
                "leave it out: a node asks `kubeadm join` in with a certificate of its own, which lies in its image",
            ));
        } else if file.bootstrap.is_some() {
            self.refuse(
                top.key("bootstrap"),
                "with kubeadm no node needs a token",
                "leave it out",
            );
        }
    }

    fn folders(&mut self, file: &ClusterFile) {
        let kubelet = file.paths.as_ref().and_then(|paths| paths.kubelet.as_ref());
        let at = Pointer::top().key("paths").key("kubelet");
        if kubelet.is_some_and(|path| path != "/var/lib/kubelet") {
            let finding = Finding::error(at, "kubeadm knows no other folder than /var/lib/kubelet");
            self.tell(finding.suggest("leave it out"));
        }
    }

    fn programs(&mut self, file: &ClusterFile) {
        let top = Pointer::top();
        let given = file.components.clone().unwrap_or_default();
        for component in PODS {
            let section = match component {
                Component::Etcd => &given.etcd,
                Component::KubeApiserver => &given.kube_apiserver,
                Component::KubeControllerManager => &given.kube_controller_manager,
                Component::KubeScheduler => &given.kube_scheduler,
                Component::Kubelet => &given.kubelet,
                Component::KubeProxy => &given.kube_proxy,
            };
            if section.is_some() {
                let program = facts::program(component);
                self.refuse(
                    top.key("components").key(program),
                    format!("no unit starts {program}: it runs in a pod of kubeadm's, as root"),
                    "leave it out",
                );
            }
        }
        let kube_proxy = file.kube_proxy.clone().unwrap_or_default();
        if kube_proxy.credentials.is_some() {
            self.refuse(
                top.key("kubeProxy").key("credentials"),
                "kube-proxy runs in pods of kubeadm's, and has a token",
                "leave it out",
            );
        }
        let kubelet = given.kubelet.unwrap_or_default();
        if kubelet.environment_file.is_some() {
            let at = top.key("components").key("kubelet").key("environmentFile");
            self.refuse(
                at,
                "kubeadm writes the kubelet's flags, into a file of its own",
                "leave it out: `extraArgs.kubelet` gets there",
            );
        }
        let arguments = file.extra_args.as_ref();
        if arguments.is_some_and(|given| given.kube_proxy.is_some()) {
            self.refuse(
                top.key("extraArgs").key("kube-proxy"),
                "kubeadm has no place for flags of kube-proxy",
                "set fields of its configuration: `extraConfig.kube-proxy`",
            );
        }
        let runtime = file.runtime.as_ref();
        if runtime.is_some_and(|runtime| runtime.crictl.as_deref() == Some("none")) {
            let at = top.key("runtime").key("crictl");
            let finding = Finding::error(at, "kubeadm does not start without crictl");
            self.tell(finding.suggest("leave it out, or name a version"));
        }
    }

    /// A file of the machine is no file of a pod.
    fn paths_in_flags(&mut self, file: &ClusterFile, paths: &Paths) {
        let given = file.extra_args.clone().unwrap_or_default();
        for (component, flags) in [
            (Component::Etcd, given.etcd),
            (Component::KubeApiserver, given.kube_apiserver),
            (
                Component::KubeControllerManager,
                given.kube_controller_manager,
            ),
            (Component::KubeScheduler, given.kube_scheduler),
        ] {
            let program = facts::program(component);
            let mut seen = vec![paths.pki.as_str()];
            seen.extend(SEEN);
            if component == Component::KubeApiserver {
                seen.extend(API_SERVER_SEES);
            }
            for (flag, value) in flags.unwrap_or_default() {
                let value = value.to_string();
                let is_seen = |folder: &&str| Path::new(&value).starts_with(folder);
                if value.starts_with('/') && !seen.iter().any(is_seen) {
                    let at = Pointer::top().key("extraArgs").key(program).key(&flag);
                    let message = format!("the pod of {program} does not see `{value}`");
                    let finding = Finding::error(at, message);
                    self.tell(finding.suggest(format!("it sees `{}`", seen.join("`, `"))));
                }
            }
        }
    }

    fn certificates(&mut self, file: &ClusterFile) {
        let given = file.pki.as_ref().and_then(|pki| pki.certificates.as_ref());
        let Some(given) = given else { return };
        let at = Pointer::top().key("pki").key("certificates");
        for (name, reason) in UNUSED_CERTIFICATES {
            let is_given = match *name {
                "kube-proxy" => given.kube_proxy.is_some(),
                _ => given.kubelet_serving.is_some(),
            };
            if is_given {
                let message = format!("with kubeadm there is no certificate `{name}`: {reason}");
                self.refuse(at.key(name), message, "leave it out");
            }
        }
    }

    fn name_server(&mut self, file: &ClusterFile, network: Option<&Network>) {
        let dns = file
            .network
            .as_ref()
            .and_then(|network| network.dns.as_ref());
        let Some(dns) = dns else { return };
        let at = Pointer::top().key("network").key("dns");
        if let Some(network) = network
            && dns.address.is_some()
        {
            let usual = u32::from(network.services.network()).wrapping_add(10);
            let usual = std::net::Ipv4Addr::from(usual);
            if network.dns_address != usual {
                let finding = Finding::error(
                    at.key("address"),
                    format!(
                        "kubeadm gives the name server the tenth address of `{}`",
                        network.services
                    ),
                );
                self.tell(finding.suggest(format!("leave it out: that is `{usual}`")));
            }
        }
        if let Some(image) = &dns.image
            && facts::coredns_for_kubeadm(image).is_none()
        {
            let message = format!(
                "kubeadm would not find `{image}`: it puts the name `coredns` together itself"
            );
            let finding = Finding::error(at.key("image"), message);
            self.tell(
                finding.suggest("name an image as `registry.example.org/mirror/coredns:v1.11.1`"),
            );
        }
    }

    fn balancer(&mut self, file: &ClusterFile) {
        let plane = file.control_plane.as_ref();
        let balancer = plane.and_then(|plane| plane.load_balancer.as_ref());
        if balancer.and_then(|balancer| balancer.kind) == Some(LoadBalancerKind::Nginx) {
            let at = Pointer::top().key("controlPlane").key("loadBalancer");
            let finding = Finding::error(
                at.key("kind"),
                "kubeadm gives all nodes one address of the API, and every nginx is its own node's",
            );
            self.tell(finding.suggest("`haproxy-keepalived` and `external` have one for all"));
        }
    }
}
