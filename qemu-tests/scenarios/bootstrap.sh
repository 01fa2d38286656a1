# shellcheck shell=bash
# Nodes come by tokens: they ask for their certificates, get them without people, and kube-proxy comes by the token of its
# service account and makes Services by IPVS. metrics-server, an add-on of `examples/`, believes those certificates.

scenario() {
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: bootstrap
kubernetes: {version: 1.34.2}
image: debian-12
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 500, electionTimeout: 5000}
join: bootstrap
bootstrap: {servingCertificates: approved}
kubeProxy: {mode: ipvs, scheduler: rr, credentials: service-account}
images: ["kimage.test/probe:1"]
addons: [addons]
nodes:
  - {name: master-1, role: master, address: 192.168.81.11/24}
  - {name: node-1, role: worker, address: 192.168.81.21/24}
EOF
  cp -r "$tests/../examples/add-ons/addons" addons
  build
  boot members --all
  boot members_again --all
}

members() {
  for node in master-1 node-1; do
    check "$node asked for a client certificate and got it" within 120 issued kubernetes.io/kube-apiserver-client-kubelet "$node" ''
    check "$node asked for a certificate as a server and got it" within 120 issued kubernetes.io/kubelet-serving "$node" "system:node:$node"
  done
  check 'nothing waits for approval' no_pending_requests
  create << EOF
$(probe_pod one master-1)
$(probe_pod two node-1)
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{port: 80, targetPort: 8080}]}
EOF
  check 'pods run on both nodes' within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  # The API server believes a kubelet only by the cluster's authority.
  check "the API server takes node-1's certificate: kubectl logs" within 60 says 'serving on port 8080' kubectl logs two
  check "the API server takes master-1's certificate: kubectl exec" within 60 says 'hostname one' kubectl exec one -- /probe get http://127.0.0.1:8080
  services_work
  check 'metrics-server says what both nodes and a pod use' within 240 usage_is_known
  for node in master-1 node-1; do node_is_sound "$node"; done
}

# metrics-server looks at each kubelet anew some seconds apart and knows of those only that it saw twice.
usage_is_known() {
  kubectl top nodes --no-headers > usage || return
  grep -qE '^master-1 +[0-9]+m +[0-9]+% +[0-9]+Mi ' usage && grep -qE '^node-1 +[0-9]+m +[0-9]+% +[0-9]+Mi ' usage &&
    kubectl top pod two --no-headers | grep -E '^two +[0-9]+m +[0-9]+Mi'
}

services_work() {
  check 'a pod reaches a pod of another node by Service name' \
    within 120 says 'hostname two' kubectl exec one -- /probe get http://two --within 60s
}

members_again() {
  check 'after a power cut, nothing waits for approval' no_pending_requests
  check 'after a power cut, the pods were started again' within 240 started_again one two
  services_work
  for node in master-1 node-1; do node_is_sound "$node"; done
}

# Whether a request of a signer for a node was approved and answered with a certificate. Before it has one, a node is
# known by its token, so its requests are told by what they ask for.
issued() { # signer, node, user or nothing
  local signer=$1 node=$2 user=$3 request
  kubectl get csr -o 'jsonpath={range .items[*]}{.spec.signerName} {.spec.username} {.status.conditions[*].type} {.status.certificate} {.spec.request}{"\n"}{end}' > requests
  while read -r its_signer its_user condition certificate request; do
    [ "$its_signer" = "$signer" ] && [ "$condition" = Approved ] && [ -n "$request" ] || continue
    [ -z "$user" ] || [ "$its_user" = "$user" ] || continue
    base64 -d <<< "$request" | openssl req -noout -subject | grep -q "CN *= *system:node:$node\$" || continue
    base64 -d <<< "$certificate" | openssl x509 -noout -subject -dates
    return
  done < requests
  cut -d ' ' -f 1-3 requests
  return 1
}
