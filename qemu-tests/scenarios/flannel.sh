# shellcheck shell=bash
# flannel's vxlan instead of routes: pods of different nodes, which come as add-ons, reach each other, and do again after a
# power cut.

scenario() {
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: flannel
kubernetes: {version: 1.34.2}
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 500, electionTimeout: 5000}
network: {cni: flannel, flannel: {version: 0.26.7, backend: vxlan}}
addons: [pods]
nodes:
  # No gateway: flannel has to find its card by the node's address.
  - {name: master-1, role: master, address: 192.168.79.11/24}
  - {name: node-1, role: worker, address: 192.168.79.21/24}
  - {name: node-2, role: worker, address: 192.168.79.22/24}
EOF
  add_pods
  build
  check 'the image that the add-ons run is pinned' grep -q 'kimage.test/probe:1' kimage.lock
  boot works --all
  boot came_back --node node-2 --node node-1 --node master-1
}

# The pods go where a label is: their nodes may come later than they.
add_pods() {
  mkdir pods
  probe_pod one node-1 > pods/one.yaml
  cat - <(probe_pod two node-2) > pods/two.yml << EOF
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{port: 80, targetPort: 8080}]}
EOF
  sed -i 's|nodeName: \(.*\)|nodeSelector: {kubernetes.io/hostname: \1}|' pods/*
}

works() {
  check 'flannel runs on every node' within 240 runs_everywhere
  check 'pods run on both workers' within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  check 'Kubernetes gave each node a range of its own' same "$(ranges | sort -u | grep -c '^10\.244\.')" 3
  check 'a pod has an address of its node' address_is_the_nodes two node-2
  check 'nodes told each other that they tunnel' same "$(backends)" 'vxlan vxlan vxlan'
  pods_reach_each_other
  check 'CoreDNS is available' within 240 kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=30s
  for node in master-1 node-1 node-2; do node_is_sound "$node"; done
}

came_back() {
  check 'after a power cut, the pods were started again' within 240 started_again one two
  check 'after a power cut, the pods run again' \
    within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  pods_reach_each_other
}

runs_everywhere() {
  local ready
  ready=$(kubectl -n kube-flannel get daemonset kube-flannel-ds -o 'jsonpath={.status.numberReady}') || return
  same "$ready" 3
}

ranges() { asked get nodes -o 'jsonpath={range .items[*]}{.spec.podCIDR}{"\n"}{end}'; }

backends() { asked get nodes -o 'jsonpath={.items[*].metadata.annotations.flannel\.alpha\.coreos\.com/backend-type}'; }

address_is_the_nodes() { # pod, node
  local address range
  address=$(asked get pod "$1" -o 'jsonpath={.status.podIP}')
  range=$(asked get node "$2" -o 'jsonpath={.spec.podCIDR}')
  same "${address%.*}" "${range%.*}"
}

pods_reach_each_other() {
  check 'a pod reaches a pod of another node by address' within 60 one_reaches_two
  check 'a pod reaches a pod of another node by Service name' \
    within 120 says 'hostname two' kubectl exec one -- /probe get http://two --within 60s
  check 'a pod resolves a name of the cluster' \
    within 60 says 10.96.0.1 kubectl exec one -- /probe resolve kubernetes.default.svc.cluster.local
}

# A pod has another address after a power cut, which the API does not know at once.
one_reaches_two() {
  local address
  address=$(kubectl get pod two -o 'jsonpath={.status.podIP}')
  says 'hostname two' kubectl exec one -- /probe get "http://$address:8080" --within 10s
}
