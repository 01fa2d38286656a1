# shellcheck shell=bash disable=SC2154 # `lib.sh` sets $nodes_dir
# One master and two workers that kubeadm makes a cluster of at their first boot, at Kubernetes 1.28, the workers first; kubeadm's
# own commands know the cluster afterwards, and it comes back after a power cut.

scenario() {
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: kubeadm
kubernetes: {version: 1.28.15, install: kubeadm}
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
# The tag of the image that kubeadm 1.28.15 takes; on few processors, a short wait would be a needless election.
etcd: {version: 3.5.15, heartbeatInterval: 500, electionTimeout: 5000}
images: ["kimage.test/probe:1"]
nodes:
  - {name: master-1, role: master, address: 192.168.78.11/24}
  - {name: node-1, role: worker, address: 192.168.78.21/24}
  - {name: node-2, role: worker, address: 192.168.78.22/24}
EOF
  # What kubeadm says of the cluster, on the console once: it runs on the master only.
  kubeadm_report >> cluster.yaml
  build
  boot works --memory 2048 --node node-2 --node node-1 --node master-1
  boot came_back --memory 2048 --node node-2 --node node-1 --node master-1
}

# Further files of the nodes: the list of them is the last thing of the cluster file.
kubeadm_report() {
  cat << 'EOF'
    - path: /etc/systemd/system/kimage-kubeadm-report.service
      content: |
        [Unit]
        Description=What kubeadm says of the cluster
        After=kimage-kubeadm.service
        ConditionPathExists=/etc/kubernetes/admin.conf
        [Service]
        Type=exec
        ExecStart=/usr/local/sbin/kimage-kubeadm-report
        [Install]
        WantedBy=multi-user.target
    - path: /usr/local/sbin/kimage-kubeadm-report
      mode: "0755"
      content: |
        #!/bin/sh
        PATH=/usr/local/bin:$PATH
        until [ -e /var/lib/kimage/joined ]; do sleep 1; done
        exec > /dev/ttyS0
        echo
        kubeadm certs check-expiration 2>&1 | sed 's/^/kubeadm: certs: /'
        kubeadm upgrade plan v1.28.15 2>&1 | sed 's/^/kubeadm: upgrade: /'
        echo "kubeadm: end"
EOF
}

# What kubeadm said at this boot, once it has said all.
kubeadm_said() {
  local console=$nodes_dir/master-1/console.log
  within 240 grep -aq 'kubeadm: end' "$console" > /dev/null || return
  tr -d '\r' < "$console" | sed -n "s/^kubeadm: $1: //p"
}

works() {
  check 'no certificate waits for approval' no_pending_requests
  check 'the control plane runs in pods of kubeadm' within 60 kubectl -n kube-system get pod \
    etcd-master-1 kube-apiserver-master-1 kube-controller-manager-master-1 kube-scheduler-master-1
  check 'kube-proxy runs on every node' \
    within 240 kubectl -n kube-system rollout status daemonset/kube-proxy --timeout=30s
  check 'a worker has a certificate that it asked for itself' \
    says system:node:node-1 asked get csr -o 'jsonpath={.items[*].spec.username}'
  check 'CoreDNS is available' within 240 kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=30s
  create << EOF
$(probe_pod one node-1)
$(probe_pod two node-2)
---
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {selector: {app: two}, ports: [{port: 80, targetPort: 8080}]}
EOF
  check 'pods run on both workers' within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  check 'a pod reaches a pod of another node by Service name' \
    within 120 says 'hostname two' kubectl exec one -- /probe get http://two --within 60s
  check 'the master keeps pods away' says node-role.kubernetes.io/control-plane:NoSchedule \
    asked get node master-1 -o 'jsonpath={range .spec.taints[*]}{.key}:{.effect} {end}'
  check 'kubeadm reads the configuration from the cluster' fails says 'Falling back' kubeadm_said certs
  check 'kubeadm knows until when certificates are valid' says 'apiserver-kubelet-client' kubeadm_said certs
  check 'kubeadm plans an upgrade' says 'v1.28.15' kubeadm_said upgrade
  check 'kubeadm finds no fault in the cluster' fails says FATAL kubeadm_said upgrade
  for node in master-1 node-1 node-2; do node_is_sound "$node"; done
}

came_back() {
  check 'after a power cut, the pods were started again' within 240 started_again one two
  check 'after a power cut, the pods run again' \
    within 240 kubectl wait --for=condition=Ready pod/one pod/two --timeout=30s
  check 'after a power cut, a pod reaches a pod of another node by Service name' \
    within 120 says 'hostname two' kubectl exec one -- /probe get http://two --within 60s
  for node in master-1 node-1 node-2; do node_is_sound "$node"; done
}
