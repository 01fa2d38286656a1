//! The cluster file that `kimage init` writes.

/// A short cluster file that builds unmodified: one master, one worker.
pub fn init(name: &str) -> String {
    format!(
        "\
# A Kubernetes cluster. `kimage check` finds mistakes, `kimage build --all` makes one image per node.
# Only `kubernetes.version` and `nodes` must be written; `kimage schema` lists all keys.
apiVersion: kimage/v1alpha1
kind: Cluster
name: {name}

kubernetes:
  version: 1.34.2

# What nodes are made from: debian-12, debian-13, ubuntu-22.04, ubuntu-24.04, centos-stream-9 or centos-7.
image: debian-12

# Must not overlap each other, nor the network of the nodes.
network:
  pods: 10.244.0.0/16
  services: 10.96.0.0/16

# Without internet: a directory or server with upstream's files in upstream's layout.
# mirror: file:///srv/mirror

# host:
#   sshKeys: [\"ssh-ed25519 AAAA... you@example.org\"]   # without one nobody logs in
#   kernelArguments: [\"console=ttyS0\"]

# One master or three; add new nodes at the end. With `mac`, the address goes to that network card, else to the first.
nodes:
  - {{name: k8s-master-1, role: master, address: 192.168.76.11/24}}
  - {{name: k8s-node-1, role: worker, address: 192.168.76.21/24}}
"
    )
}
