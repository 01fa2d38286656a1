# shellcheck shell=bash
# Masters share an address: keepalived moves it when its holder is killed, and haproxy finds a master that lives.

scenario() {
  base_with debian-12-haproxy haproxy keepalived
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: shared-address
kubernetes: {version: 1.34.2}
image: debian-12-haproxy
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 1000, electionTimeout: 10000}
controlPlane: {endpoint: 192.168.80.10, loadBalancer: {kind: haproxy-keepalived}}
nodes:
  - {name: master-1, role: master, address: 192.168.80.11/24}
  - {name: master-2, role: master, address: 192.168.80.12/24}
  - {name: master-3, role: master, address: 192.168.80.13/24}
EOF
  watch_the_address
  build
  boot the_address_moves --memory 1300 --all
}

# Each node tells the serial port when it gets the shared address, and when it loses it.
watch_the_address() {
  sed -i '/^  files:$/r /dev/stdin' cluster.yaml << 'EOF'
    - path: /etc/systemd/system/kimage-address.service
      content: |
        [Unit]
        Description=Who has the shared address
        [Service]
        ExecStart=/usr/local/sbin/kimage-address
    - path: /etc/systemd/system/multi-user.target.d/kimage-address.conf
      content: |
        [Unit]
        Wants=kimage-address.service
    - path: /usr/local/sbin/kimage-address
      mode: "0755"
      content: |
        #!/bin/sh
        before=
        while sleep 1; do
          now=no
          ip -4 address show | grep -q ' 192.168.80.10/' && now=yes
          [ "$now" = "$before" ] || echo "address: $now" > /dev/ttyS0
          before=$now
        done
EOF
}

has_address() { # node
  local told
  told=$(tr -d '\r' < "$nodes_dir/$1/console.log" | sed -n 's/^.*address: \(yes\|no\)$/\1/p' | tail -n 1)
  echo "$1: $told"
  [ "$told" = yes ]
}

holder() {
  local node holders=
  for node; do
    has_address "$node" > /dev/null && holders+="$node "
  done
  echo "$holders"
  [ "$(wc -w <<< "$holders")" = 1 ]
}

the_address_moves() {
  local first second killed
  check 'no certificate waits for approval' no_pending_requests
  for master in master-1 master-2 master-3; do node_is_sound "$master"; done
  first=$(within 120 holder master-1 master-2 master-3) || { check "one master has the address: $first" false; return; }
  first=${first% }
  check "one master has the address: $first" true
  local others=()
  for master in master-1 master-2 master-3; do [ "$master" = "$first" ] || others+=("$master"); done
  kill -KILL "$(cat "$KIMAGE_BOOT_DIR/$first/pid")"
  killed=$(date -u -d '+10 seconds' +%FT%TZ)
  second=$(within 120 holder "${others[@]}") || true
  check "the address moves to another master: ${second% }" has_address "${second% }"
  # Kubelets know the shared address only.
  for master in "${others[@]}"; do
    check "without $first, the kubelet of $master reaches the API" within 240 renewed_since "$killed" "${others[0]}" "$master"
  done
  check "without $first, the API writes" within 120 written_through "${others[0]}" survived written
}
