//! Docker's configuration: kimage's keys, the cluster file's laid over them.

use serde_json::{Map, Value, json};

use crate::facts::{self, DockerTrait};
use crate::spec::Docker;

/// `daemon.json`, without a line break at its end.
pub(super) fn daemon_config(docker: &Docker) -> String {
    let mut keys = own(docker);
    lay(&mut keys, docker.daemon_config.clone());
    format!("{:#}", Value::Object(keys))
}

/// What kimage writes for a Docker.
fn own(docker: &Docker) -> Map<String, Value> {
    let given = |key: &str| docker.daemon_config.get(key).and_then(Value::as_str);
    let known = |key: &str| facts::daemon_key(key, &docker.version).is_accepted();
    let mut keys = Map::new();
    let mut set = |key: &str, value: Value| drop(keys.insert(key.to_owned(), value));
    // As the kubelet's: one manager of control groups, systemd.
    set("exec-opts", json!(["native.cgroupdriver=systemd"]));
    // Pods are in the CNI plugins' network and Services are kube-proxy's. By itself Docker drops forwarded packets and has
    // a bridge with a range that may be a site's.
    set("bridge", json!("none"));
    set("iptables", json!(false));
    if known("ip6tables") {
        set("ip6tables", json!(false));
    }
    // Pods outlive a restart of Docker.
    set("live-restore", json!(true));
    // As much as kubelets keep with runtimes whose logs they rotate themselves. Other drivers refuse these options.
    set("log-driver", json!("json-file"));
    if given("log-driver").is_none_or(|driver| driver == "json-file") {
        set("log-opts", json!({"max-file": "5", "max-size": "10m"}));
    }
    set("storage-driver", json!("overlay2"));
    if given("storage-driver").is_none_or(|driver| driver == "overlay2")
        && DockerTrait::KernelNumber.holds(&docker.version)
    {
        set(
            "storage-opts",
            json!(["overlay2.override_kernel_check=true"]),
        );
    }
    keys
}

/// Lays a mapping over another: what is a mapping in both is merged, anything else replaced.
fn lay(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: &str, daemon_config: Value) -> String {
        let Value::Object(daemon_config) = daemon_config else {
            panic!("no mapping");
        };
        let version = version.parse().unwrap();
        super::daemon_config(&Docker {
            version,
            daemon_config,
        })
    }

    #[test]
    fn the_cluster_files_keys_are_laid_over_kimages() {
        let given =
            json!({"log-opts": {"max-size": "100m"}, "live-restore": false, "dns": ["192.0.2.53"]});
        insta::assert_snapshot!(written("24.0.7", given), @r#"
        {
          "bridge": "none",
          "dns": [
            "192.0.2.53"
          ],
          "exec-opts": [
            "native.cgroupdriver=systemd"
          ],
          "ip6tables": false,
          "iptables": false,
          "live-restore": false,
          "log-driver": "json-file",
          "log-opts": {
            "max-file": "5",
            "max-size": "100m"
          },
          "storage-driver": "overlay2"
        }
        "#);
    }

    #[test]
    fn an_old_docker_gets_only_keys_that_it_knows() {
        insta::assert_snapshot!(written("17.06.2", json!({})), @r#"
        {
          "bridge": "none",
          "exec-opts": [
            "native.cgroupdriver=systemd"
          ],
          "iptables": false,
          "live-restore": true,
          "log-driver": "json-file",
          "log-opts": {
            "max-file": "5",
            "max-size": "10m"
          },
          "storage-driver": "overlay2",
          "storage-opts": [
            "overlay2.override_kernel_check=true"
          ]
        }
        "#);
    }

    #[test]
    fn options_go_with_their_driver() {
        let given = json!({"log-driver": "journald", "storage-driver": "devicemapper"});
        let text = written("17.06.2", given);
        assert!(!text.contains("log-opts") && !text.contains("storage-opts"));
    }
}
