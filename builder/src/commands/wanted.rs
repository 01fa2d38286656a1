//! What a cluster file asks of a base: things that only the distribution's packages bring.

use crate::base::Base;
use crate::blueprint::{Blueprint, Source};
use crate::compose;
use crate::plan::NodePlan;
use crate::spec::{Cluster, Objection};

/// What the base of a node lacks of it, at the places where it is asked for.
pub(super) fn lacks(
    cluster: &Cluster,
    node: &NodePlan,
    blueprint: &Blueprint,
    base: &Base,
) -> Vec<Objection> {
    let image = &base.image;
    let lack = |pointer: &str, what: &str, suggestion: String| Objection {
        pointer: pointer.to_owned(),
        message: format!("the base `{image}` has no {what}"),
        suggestion,
    };
    let mut lacks = packages(cluster, blueprint, base);
    if let Some(zone) = &cluster.host.timezone
        && !base.has(&format!("{}/{zone}", compose::ZONES))
    {
        let suggestion = "the package `tzdata` brings all that there are".to_owned();
        lacks.push(lack(
            "/host/timezone",
            &format!("time zone `{zone}`"),
            suggestion,
        ));
    }
    // What the blueprint itself enables, it vouches for.
    let added = |unit: &&String| !blueprint.units.enable.contains(unit);
    for unit in node.units.enable.iter().filter(added) {
        if !base.has(&format!("{}/{unit}", compose::DISTRIBUTION_UNITS)) {
            let suggestion = "ask for its package in `host.packages`".to_owned();
            lacks.push(lack(
                "/host/timeService",
                &format!("unit `{unit}`"),
                suggestion,
            ));
        }
    }
    lacks
}

/// The packages that are asked for and not there.
fn packages(cluster: &Cluster, blueprint: &Blueprint, base: &Base) -> Vec<Objection> {
    let (image, wanted) = (&base.image, &cluster.host.packages);
    let installed = &base.prepared.packages;
    if installed.is_empty() && !wanted.is_empty() {
        return vec![Objection {
            pointer: "/host/packages".to_owned(),
            message: format!("the base `{image}` does not say which packages it has"),
            suggestion: "import it again with a list beside it, for `root.tar` made by \
                         `rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\\n' > root.tar.packages`"
                .to_owned(),
        }];
    }
    let has = |package: &str| {
        let name = |line: &String| line.split(' ').next() == Some(package);
        installed.iter().any(name)
    };
    let suggestion = match &blueprint.source {
        Source::Mmdebstrap(_) => format!("`kimage base build {image}` brings it"),
        Source::Import { advice, .. } => format!("import one that has it: {advice}"),
    };
    wanted
        .iter()
        .enumerate()
        .filter(|(_, package)| !has(package))
        .map(|(index, package)| Objection {
            pointer: format!("/host/packages/{index}"),
            message: format!("the base `{image}` has no package `{package}`"),
            suggestion: suggestion.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprints;
    use crate::sink::BootCode;
    use crate::spec;
    use crate::tree::{Content, Layer, Meta, Origin, TreePath};
    use crate::{base::Prepared, digest::Digest, plan};

    /// A base with some packages, units and time zones.
    fn base(image: &str, packages: &[&str], files: &[&str]) -> Base {
        let mut layer = Layer::new(Origin::new("base"));
        for file in files {
            let path: TreePath = file.parse().unwrap();
            let mut above = path.parent();
            while let Some(parent) = above {
                above = parent.parent();
                layer.directory(parent, Meta::root(0o755));
            }
            layer.file(path, Meta::root(0o644), Content::bytes("x"));
        }
        let digest = Digest::of(b"a base");
        let prepared: Prepared = serde_json::from_value(serde_json::json!({
            "format": 1, "image": image, "digest": digest, "tar": digest, "size": 0, "entries": 0,
            "boot": digest, "blueprint": digest, "date": "2026-11-21", "source": "a test",
            "kernel": null, "before": null, "lacks": [], "packages": packages,
        }))
        .unwrap();
        Base {
            image: image.to_owned(),
            digest,
            layer,
            boot: BootCode {
                mbr: Vec::new(),
                core: Vec::new(),
                efi: Vec::new(),
            },
            prepared,
        }
    }

    /// What a base lacks of a section `host`, as it is printed.
    fn printed(host: &str, base: &Base) -> String {
        let text = format!(
            "kubernetes: {{version: 1.30.0}}\nimage: {}\nnodes: [{{name: m, role: master, address: 192.0.2.11/24, \
             interface: eth0}}]\nhost: {host}\n",
            base.image
        );
        let (cluster, _) = spec::parse(&text, "cluster.yaml").unwrap();
        let blueprints = Blueprints::embedded().unwrap();
        let plan = plan::plan(&cluster, &blueprints).unwrap();
        let blueprint = blueprints.find(&base.image).unwrap();
        let lacks = lacks(&cluster, &plan.nodes[0], blueprint, base);
        let error = spec::objections(&text, "cluster.yaml", &lacks);
        error.problems().to_string()
    }

    #[test]
    fn what_a_base_lacks_is_told_where_it_is_asked_for() {
        let host = "{packages: [ipset, ipvsadm], timezone: Asia/Tokyo, timeService: chrony}";
        let poor = base("debian-12", &["ipset 7.17-1"], &[]);
        insta::assert_snapshot!(printed(host, &poor), @r#"
        error: the base `debian-12` has no package `ipvsadm`
         --> cluster.yaml:4:26
          |
        4 | host: {packages: [ipset, ipvsadm], timezone: Asia/Tokyo, timeService: chrony}
          |                          ^^^^^^^
          |
          = help: `kimage base build debian-12` brings it

        error: the base `debian-12` has no time zone `Asia/Tokyo`
         --> cluster.yaml:4:46
          |
        4 | host: {packages: [ipset, ipvsadm], timezone: Asia/Tokyo, timeService: chrony}
          |                                              ^^^^^^^^^^
          |
          = help: the package `tzdata` brings all that there are

        error: the base `debian-12` has no unit `chrony.service`
         --> cluster.yaml:4:71
          |
        4 | host: {packages: [ipset, ipvsadm], timezone: Asia/Tokyo, timeService: chrony}
          |                                                                       ^^^^^^
          |
          = help: ask for its package in `host.packages`
        "#);
        let rich = base(
            "debian-12",
            &["ipset 7.17-1", "ipvsadm 1:1.31-1"],
            &[
                "/usr/share/zoneinfo/Asia/Tokyo",
                "/usr/lib/systemd/system/chrony.service",
            ],
        );
        assert_eq!(printed(host, &rich), "");
    }

    #[test]
    fn a_base_that_is_imported_says_how_to_get_another() {
        insta::assert_snapshot!(
            printed("{packages: [ipset]}", &base("centos-7", &["bash 4.2"], &[])), @r#"
        error: the base `centos-7` has no package `ipset`
         --> cluster.yaml:4:19
          |
        4 | host: {packages: [ipset]}
          |                   ^^^^^
          |
          = help: import one that has it: make a root from an archive of its packages, with kernel, dracut, systemd, iproute, iptables, ebtables, ethtool, socat, conntrack-tools, cloud-utils-growpart, e2fsprogs and chrony, and an initrd made by `dracut --no-hostonly`; the container image `centos:7` has no kernel
        "#);
        insta::assert_snapshot!(printed("{packages: [ipset]}", &base("centos-7", &[], &[])), @r#"
        error: the base `centos-7` does not say which packages it has
         --> cluster.yaml:4:8
          |
        4 | host: {packages: [ipset]}
          |        ^^^^^^^^
          |
          = help: import it again with a list beside it, for `root.tar` made by `rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' > root.tar.packages`
        "#);
    }
}
