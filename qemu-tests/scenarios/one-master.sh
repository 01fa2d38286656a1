# shellcheck shell=bash
# One master and two workers at Kubernetes 1.34, with BIOS: the cluster works, and comes back after a power cut.

scenario() {
  echo "the-plain-text-of-a-secret-$RANDOM$RANDOM" > secret
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: one-master
kubernetes: {version: 1.34.2}
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 500, electionTimeout: 5000}
images: ["kimage.test/probe:1"]
nodes:
  - {name: master-1, role: master, address: 192.168.76.11/24, mac: "52:54:00:76:00:11"}
  - {name: node-1, role: worker, address: 192.168.76.21/24, gateway: 192.168.76.1, mac: "52:54:00:76:00:21"}
  - {name: node-2, role: worker, address: 192.168.76.22/24}
EOF
  build
  boot works --all
  etcd_holds_no_plain_text master-1
  boot came_back --node node-2 --node node-1 --node master-1
}

works() {
  check 'no certificate waits for approval' no_pending_requests
  create << EOF
$(probe_pod one node-1)
$(probe_pod two node-2)
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{port: 80, targetPort: 8080}]}
$(secret_and_configmap)
EOF
  check 'pods run on both workers' within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  pods_reach_each_other
  check 'kubectl logs works' within 30 says 'serving on port 8080' kubectl logs two
  check 'kubectl exec works' within 60 says 'hostname two' kubectl exec two -- /probe get http://127.0.0.1:8080
  check 'CoreDNS is available' within 240 kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=30s
  for node in master-1 node-1 node-2; do node_is_sound "$node"; done
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

came_back() {
  check 'after a power cut, no certificate waits for approval' no_pending_requests
  # The API says Ready of pods that ran before the cut, until their kubelets look.
  check 'after a power cut, the pods were started again' within 240 started_again one two
  check 'after a power cut, the pods run again' \
    within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  pods_reach_each_other
  check 'after a power cut, the secret can be read' \
    same "$(asked get secret hidden -o 'jsonpath={.data.text}' | base64 -d)" "$(cat secret)"
  for node in master-1 node-1 node-2; do node_is_sound "$node"; done
}
