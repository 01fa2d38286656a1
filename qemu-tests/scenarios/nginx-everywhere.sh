# shellcheck shell=bash
# Every node has its own nginx before the API, and goes on whichever master is gone.

scenario() {
  base_with debian-12-nginx nginx-light libnginx-mod-stream
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: nginx-everywhere
kubernetes: {version: 1.34.2}
image: debian-12-nginx
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 1000, electionTimeout: 10000}
controlPlane: {loadBalancer: {kind: nginx}}
nodes:
  - {name: master-1, role: master, address: 192.168.79.11/24}
  - {name: master-2, role: master, address: 192.168.79.12/24}
  - {name: master-3, role: master, address: 192.168.79.13/24}
EOF
  build
  boot without_master_1 --memory 1300 --all
  boot without_master_3 --memory 1300 --all
}

without_master_1() {
  check 'no certificate waits for approval' no_pending_requests
  for master in master-1 master-2 master-3; do node_is_sound "$master"; done
  without master-1 master-2 master-3
}

without_master_3() { without master-3 master-1 master-2; }

# Kills one master and looks whether the others' kubelets still reach the API, each by its own nginx.
without() { # gone, others...
  local gone=$1 other killed
  shift
  kill -KILL "$(cat "$KIMAGE_BOOT_DIR/$gone/pid")"
  # Guests keep the clock of this machine. What was on its way when the master went must not count.
  killed=$(date -u -d '+10 seconds' +%FT%TZ)
  for other; do
    check "without $gone, the kubelet of $other reaches the API" within 240 renewed_since "$killed" "$1" "$other"
  done
  check "without $gone, the API of $1 writes" within 120 written_through "$1" "without-$gone" written
  check "without $gone, the API of $2 reads it" within 60 on "$2" get configmap "without-$gone"
}
