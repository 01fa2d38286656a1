# shellcheck shell=bash
# Three masters switched on in any order are one etcd cluster, and go on without one of them.

scenario() {
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: three-masters
kubernetes: {version: 1.34.2}
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
# Three machines on few processors take turns: a short wait would be a needless election.
etcd: {version: 3.6.5, heartbeatInterval: 1000, electionTimeout: 10000}
nodes:
  - {name: master-1, role: master, address: 192.168.77.11/24}
  - {name: master-2, role: master, address: 192.168.77.12/24}
  - {name: master-3, role: master, address: 192.168.77.13/24}
EOF
  build
  boot one_etcd_cluster --memory 1300 --node master-3 --node master-1 --node master-2
}

one_etcd_cluster() {
  check 'no certificate waits for approval' no_pending_requests
  check 'the API of master-1 writes' within 120 written_through master-1 shared written-through-1
  for master in master-2 master-3; do
    check "what was written through master-1 is read through $master" \
      within 60 says written-through-1 on "$master" get configmap shared -o 'jsonpath={.data.text}'
  done
  for master in master-1 master-2 master-3; do node_is_sound "$master"; done
  kill -KILL "$(cat "$KIMAGE_BOOT_DIR/master-1/pid")"
  check 'without master-1, the API of master-2 writes' \
    within 120 written_through master-2 survived written-through-2
  check 'without master-1, the API of master-3 reads it' \
    within 60 says written-through-2 on master-3 get configmap survived -o 'jsonpath={.data.text}'
  check 'the others find out that master-1 is gone' \
    within 240 says Unknown on master-2 get node master-1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}
