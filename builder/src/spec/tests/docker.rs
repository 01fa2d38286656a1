//! Problems of Docker, seen as people see them.

use super::{cluster, problems};
use crate::spec::Engine;

/// A cluster of an old Kubernetes, on an image with cgroup v1, with a runtime.
fn old(runtime: &str) -> String {
    format!(
        "kubernetes: {{version: 1.15.3}}\n\
         image: centos-7\n\
         runtime: {runtime}\n\
         nodes:\n\
         - {{name: m, role: master, address: 192.0.2.11/24, interface: eth0}}\n\
         - {{name: w, role: worker, address: 192.0.2.21/24, interface: eth0}}\n"
    )
}

#[test]
fn a_docker_has_the_minors_version_unless_given() {
    let version = |runtime: &str| match cluster(&old(runtime)).runtime.engine {
        Engine::Docker(docker) => docker.version.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(version("{name: docker}"), "18.09.9");
    assert_eq!(version("{name: docker, version: 17.06.2}"), "17.06.2");
}

#[test]
fn a_new_kubelet_does_not_speak_to_docker() {
    let text = old("{name: docker, version: 20.10.24}").replace("1.15.3", "1.24.17");
    insta::assert_snapshot!(problems(&text), @r#"
    error: the kubelet of Kubernetes 1.24 does not speak to Docker
     --> cluster.yaml:3:17
      |
    3 | runtime: {name: docker, version: 20.10.24}
      |                 ^^^^^^
      |
      = help: take `containerd`, or `cri-dockerd`, which speaks to Docker
    "#);
}

#[test]
fn a_version_is_written_as_docker_does() {
    insta::assert_snapshot!(problems(&old("{name: docker, version: 18.9.9}")), @r#"
    error: `18.9.9` is no version of Docker
     --> cluster.yaml:3:34
      |
    3 | runtime: {name: docker, version: 18.9.9}
      |                                  ^^^^^^
      |
      = help: Docker writes it as `18.09.9`
    "#);
    insta::assert_snapshot!(problems(&old("{name: docker, version: stable}")), @r#"
    error: `stable` is no version of Docker
     --> cluster.yaml:3:34
      |
    3 | runtime: {name: docker, version: stable}
      |                                  ^^^^^^
      |
      = help: write it as `18.09.9`
    "#);
}

#[test]
fn a_docker_of_the_old_kind_is_refused() {
    insta::assert_snapshot!(problems(&old("{name: docker, version: 1.13.1}")), @r#"
    error: Docker 1.13.1 is not supported
     --> cluster.yaml:3:34
      |
    3 | runtime: {name: docker, version: 1.13.1}
      |                                  ^^^^^^
      |
      = help: 17.03.0 is the first that is
    "#);
}

#[test]
fn docker_must_know_the_control_groups_of_every_image() {
    let text = old("{name: docker, version: 19.03.15}")
        .replace("1.15.3", "1.19.16")
        .replace(
            "interface: eth0}\n- {name: w",
            "interface: eth0, image: debian-12}\n- {name: w",
        );
    insta::assert_snapshot!(problems(&text), @r#"
    error: Docker 19.03.15 cannot run on `debian-12`
     --> cluster.yaml:3:34
      |
    3 | runtime: {name: docker, version: 19.03.15}
      |                                  ^^^^^^^^
    4 | nodes:
    5 | - {name: m, role: master, address: 192.0.2.11/24, interface: eth0, image: debian-12}
      |                                                                           --------- it has cgroup v2
      |
      = help: 20.10.0 is the first that knows cgroup v2
    "#);
    let text = text.replace("19.03.15", "20.10.24");
    assert_eq!(problems(&text), "");
}

#[test]
fn a_docker_by_default_must_know_them_too() {
    let text = old("{name: docker}")
        .replace("1.15.3", "1.19.16")
        .replace("centos-7", "debian-12");
    assert_eq!(problems(&text), "");
}

#[test]
fn docker_brings_its_own_runc() {
    insta::assert_snapshot!(problems(&old("{name: docker, runc: 1.3.0}")), @r#"
    error: Docker brings its own runc
     --> cluster.yaml:3:25
      |
    3 | runtime: {name: docker, runc: 1.3.0}
      |                         ^^^^
      |
      = help: leave it out
    "#);
}

#[test]
fn docker_takes_no_image_by_digest() {
    let text = old("{name: docker}")
        + "images: [\"docker.io/library/busybox:1@sha256:0000000000000000000000000000000000000000000000000000000000000000\"]\n";
    insta::assert_snapshot!(problems(&text), @r#"
    error: Docker cannot be given an image by its digest beforehand
     --> cluster.yaml:7:10
      |
    7 | images: ["docker.io/library/busybox:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name it by a tag; `kimage.lock` pins it
    "#);
}

#[test]
fn kimage_decides_what_the_kubelet_has_too() {
    let text = old(
        "{name: docker, daemonConfig: {exec-opts: [native.cgroupdriver=cgroupfs], hosts: [\"tcp://0.0.0.0:2375\"]}}",
    );
    insta::assert_snapshot!(problems(&text), @r#"
    error: kimage decides `exec-opts` of Docker
     --> cluster.yaml:3:40
      |
    3 | runtime: {name: docker, daemonConfig: {exec-opts: [native.cgroupdriver=cgroupfs], hosts: ["tcp://0.0.0.0:2375"]}}
      |                                        ^^^^^^^^^
      |
      = help: leave it out: the kubelet has the same cgroup driver

    error: kimage decides `hosts` of Docker
     --> cluster.yaml:3:83
      |
    3 | runtime: {name: docker, daemonConfig: {exec-opts: [native.cgroupdriver=cgroupfs], hosts: ["tcp://0.0.0.0:2375"]}}
      |                                                                                   ^^^^^
      |
      = help: leave it out: the kubelet looks for Docker at its usual socket
    "#);
}

#[test]
fn keys_are_those_that_this_docker_knows() {
    let text = old(
        "{name: docker, version: 18.09.9, daemonConfig: {iptable: false, ip6tables: true, graph: /data/docker}}",
    );
    insta::assert_snapshot!(problems(&text), @r#"
    error: Docker 18.09.9 has no key `iptable`
     --> cluster.yaml:3:58
      |
    3 | runtime: {name: docker, version: 18.09.9, daemonConfig: {iptable: false, ip6tables: true, graph: /data/docker}}
      |                                                          ^^^^^^^
      |
      = help: did you mean `iptables`?

    error: Docker 18.09.9 has no key `ip6tables` yet
     --> cluster.yaml:3:74
      |
    3 | runtime: {name: docker, version: 18.09.9, daemonConfig: {iptable: false, ip6tables: true, graph: /data/docker}}
      |                                                                          ^^^^^^^^^
      |
      = help: it comes with 20.10.0

    warning[deprecated]: `graph` is deprecated since 17.06.0
     --> cluster.yaml:3:91
      |
    3 | runtime: {name: docker, version: 18.09.9, daemonConfig: {iptable: false, ip6tables: true, graph: /data/docker}}
      |                                                                                           ^^^^^
      |
      = help: use data-root instead
    "#);
    let text = old("{name: docker, version: 24.0.7, daemonConfig: {graph: /data/docker}}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: Docker 24.0.7 has no key `graph`: it is gone since 23.0.0
     --> cluster.yaml:3:57
      |
    3 | runtime: {name: docker, version: 24.0.7, daemonConfig: {graph: /data/docker}}
      |                                                         ^^^^^
      |
      = help: use data-root instead
    "#);
}

#[test]
fn a_key_without_a_value_is_not_there() {
    let text = old("{name: docker, daemonConfig: {dns: [192.0.2.53], mtu: }}");
    let cluster = cluster(&text);
    let docker = cluster.runtime.engine.docker().unwrap();
    assert_eq!(docker.daemon_config.keys().collect::<Vec<_>>(), ["dns"]);
}

#[test]
fn containerd_reads_no_daemon_json() {
    insta::assert_snapshot!(problems(&old("{version: 1.7.28, daemonConfig: {debug: true}}")), @r#"
    error: containerd has no `daemonConfig`
     --> cluster.yaml:3:28
      |
    3 | runtime: {version: 1.7.28, daemonConfig: {debug: true}}
      |                            ^^^^^^^^^^^^
      |
      = help: leave it out, or say `name: docker` or `cri-dockerd`
    "#);
}

#[test]
fn dockers_unit_is_kimages_own_where_docker_runs() {
    let units = "host: {units: [{name: docker.service, mask: true}]}\n";
    insta::assert_snapshot!(problems(&(old("{name: docker}") + units)), @r#"
    error: `docker.service` is kimage's own
     --> cluster.yaml:7:39
      |
    7 | host: {units: [{name: docker.service, mask: true}]}
      |                                       ^^^^
      |
      = help: change it with a `dropIn`
    "#);
    assert_eq!(problems(&(old("{name: containerd}") + units)), "");
}

/// A cluster of a new Kubernetes with a runtime.
fn new(runtime: &str) -> String {
    old(runtime)
        .replace("1.15.3", "1.28.2")
        .replace("centos-7", "ubuntu-22.04")
}

#[test]
fn cri_dockerd_speaks_to_docker_for_a_new_kubelet() {
    let text = new("{name: cri-dockerd, version: 0.3.6, docker: 24.0.7}");
    let Engine::CriDockerd { version, docker } = cluster(&text).runtime.engine else {
        panic!("no cri-dockerd");
    };
    assert_eq!(version.to_string(), "0.3.6");
    assert_eq!(docker.version.to_string(), "24.0.7");
}

#[test]
fn cri_dockerd_needs_a_docker() {
    insta::assert_snapshot!(problems(&new("{name: cri-dockerd}")), @r#"
    error: cri-dockerd needs a Docker
     --> cluster.yaml:3:17
      |
    3 | runtime: {name: cri-dockerd}
      |                 ^^^^^^^^^^^
      |
      = help: add its version, as `docker: 24.0.7`
    "#);
}

#[test]
fn an_old_kubelet_needs_no_cri_dockerd() {
    let text = old("{name: cri-dockerd, version: 0.3.6, docker: 20.10.24}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: the kubelet of Kubernetes 1.15 speaks to Docker by itself
     --> cluster.yaml:3:17
      |
    3 | runtime: {name: cri-dockerd, version: 0.3.6, docker: 20.10.24}
      |                 ^^^^^^^^^^^
      |
      = help: take `docker`: cri-dockerd supports 1.24 and later
    "#);
}

#[test]
fn cri_dockerd_speaks_what_the_kubelet_does() {
    let text = new("{name: cri-dockerd, version: 0.2.6, docker: 24.0.7}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: cri-dockerd 0.2.6 is too old for Kubernetes 1.28
     --> cluster.yaml:3:39
      |
    3 | runtime: {name: cri-dockerd, version: 0.2.6, docker: 24.0.7}
      |                                       ^^^^^
      |
      = help: 0.3.0 is the oldest that works with it
    "#);
    let text = new("{name: cri-dockerd, version: latest, docker: 24.0.07}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: `latest` is no version of three numbers
     --> cluster.yaml:3:39
      |
    3 | runtime: {name: cri-dockerd, version: latest, docker: 24.0.07}
      |                                       ^^^^^^
      |
      = help: write it as `0.3.6`

    error: `24.0.07` is no version of Docker
     --> cluster.yaml:3:55
      |
    3 | runtime: {name: cri-dockerd, version: latest, docker: 24.0.07}
      |                                                       ^^^^^^^
      |
      = help: Docker writes it as `24.0.7`
    "#);
}

#[test]
fn dockers_version_stands_in_one_place() {
    let text = old("{name: docker, version: 18.09.9, docker: 18.09.9}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: the version of Docker is `version`, where it is the runtime
     --> cluster.yaml:3:43
      |
    3 | runtime: {name: docker, version: 18.09.9, docker: 18.09.9}
      |                                           ^^^^^^
      |
      = help: `docker` goes with `name: cri-dockerd`
    "#);
}
