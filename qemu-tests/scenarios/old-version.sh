# shellcheck shell=bash
# One master and one worker at Kubernetes 1.28, with UEFI and blank NVRAM, on disks four times as large as the images and
# beyond 16 GiB; the power is cut in the middle of the first boot, and again later.

nodes=(old-master-1 old-node-1)

scenario() {
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: old-version
kubernetes: {version: 1.28.15}
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 500, electionTimeout: 5000}
images: ["kimage.test/probe:1"]
nodes:
  - {name: old-master-1, role: master, address: 10.9.8.1/28}
  - {name: old-node-1, role: worker, address: 10.9.8.2/28}
EOF
  build
  disk_size > disk
  local machines=(--all --firmware uefi --disk "$(cat disk)")
  # The first boot grows the root filesystem early on; whether this hits the very moment or not, it must do no harm.
  fails "$KIMAGE" boot --keep --once --timeout 25 "${machines[@]}" >&2
  boot works "${machines[@]}"
  boot came_back "${machines[@]}"
  for node in "${nodes[@]}"; do filesystem_is_whole "$node"; done
}

# Four times the image's size and more than 16 GiB, in GiB.
disk_size() {
  local gib=$(((4 * $(stat -c %s out/old-master-1.raw) + (1 << 30) - 1) >> 30))
  echo $((gib > 20 ? gib : 20))
}

works() {
  check 'no certificate waits for approval' no_pending_requests
  probe_pod one old-node-1 | create
  check 'a pod runs' within 240 kubectl wait --for=condition=Ready pod/one --timeout=30s
  check 'kubectl exec works' within 60 says 'hostname one' kubectl exec one -- /probe get http://127.0.0.1:8080
  check 'a pod reaches the API by its Service' \
    within 120 says 10.96.0.1 kubectl exec one -- /probe resolve kubernetes.default.svc.cluster.local
  for node in "${nodes[@]}"; do node_has_grown "$node"; done
}

came_back() {
  check 'after a power cut, the pod was started again' within 240 started_again one
  check 'after a power cut, the pod runs again' within 240 kubectl wait --for=condition=Ready pod/one --timeout=30s
  for node in "${nodes[@]}"; do node_has_grown "$node"; done
}

node_has_grown() {
  node_is_sound "$1"
  check "$1: it booted with UEFI" same "$(told "$1" efi)" yes
  check "$1: the root filesystem has the disk" larger "$(told "$1" root)" $(($(cat disk) * 1024 * 9 / 10))
}

larger() { echo "$1 MiB, at least $2 expected"; [ "$1" -ge "$2" ]; }

# Looks at the root filesystem from outside: its journal is played back first, as a boot would.
filesystem_is_whole() {
  local raw=$PWD/$1.grown start
  qemu-img convert -O raw "$(disk_of "$1")" "$raw"
  start=$(sgdisk -i 3 "$raw" | sed -n 's/^First sector: \([0-9]*\).*/\1/p')
  check "$1: the partition table is whole" says 'No problems found' sgdisk -v "$raw"
  e2fsck -E journal_only -fy "$raw?offset=$((start * 512))" > /dev/null 2>&1 || true
  check "$1: the root filesystem is whole" e2fsck -fn "$raw?offset=$((start * 512))"
  rm "$raw"
}
