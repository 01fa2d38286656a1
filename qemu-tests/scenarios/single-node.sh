# shellcheck shell=bash
# One machine that is everything, with P-521 keys, on Debian with its own SELinux policy, enforcing from the first boot on:
# kimage has labelled every file, and nothing is relabelled on the machine.

scenario() {
  echo "the-plain-text-of-a-secret-$RANDOM$RANDOM" > secret
  "$KIMAGE" base list | grep '^debian-12-selinux  *prepared' > /dev/null || "$KIMAGE" base build debian-12-selinux >&2
  cluster << 'EOF'
apiVersion: kimage/v1alpha1
kind: Cluster
name: single-node
kubernetes: {version: 1.34.2}
image: debian-12-selinux
runtime: {version: 2.1.4, runc: 1.3.0, cniPlugins: 1.7.1, crictl: 1.30.0}
etcd: {version: 3.6.5, heartbeatInterval: 500, electionTimeout: 5000}
pki: {algorithm: ecdsa-p521}
images: ["kimage.test/probe:1"]
nodes:
  - {name: master-1, role: master, address: 192.168.82.11/24}
EOF
  sed -i 's/^host:$/host:\n  selinux: {mode: enforcing}/' cluster.yaml
  look_at_labels
  build
  boot works --memory 1500 --all
  etcd_holds_no_plain_text master-1
}

works() {
  node_is_sound master-1
  create << EOF
$(probe_pod one master-1)
$(secret_and_configmap)
EOF
  check 'the API shows a P-521 certificate' within 60 says 'NIST CURVE: P-521' certificate_of_the_api
  check 'a secret can be read' same "$(asked get secret hidden -o 'jsonpath={.data.text}' | base64 -d)" "$(cat secret)"
  check 'a pod runs' within 240 kubectl wait --for=condition=Ready pod/one --timeout=30s
  check 'kubectl exec works' within 60 says 'hostname one' kubectl exec one -- /probe get http://127.0.0.1:8080
  enforcing
}

certificate_of_the_api() {
  local server
  server=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
  openssl s_client -connect "${server#https://}" < /dev/null 2> /dev/null | openssl x509 -noout -text
}

# The node tells the serial port what SELinux says, once it has been asked to by a file.
look_at_labels() {
  sed -i '/^  files:$/r /dev/stdin' cluster.yaml << 'EOF'
    - path: /etc/systemd/system/kimage-labels.service
      content: |
        [Unit]
        Description=What SELinux says
        After=kimage-report.service
        [Service]
        Type=exec
        ExecStart=/usr/local/sbin/kimage-labels
    - path: /etc/systemd/system/multi-user.target.d/kimage-labels.conf
      content: |
        [Unit]
        Wants=kimage-labels.service
    - path: /usr/local/sbin/kimage-labels
      mode: "0755"
      content: |
        #!/bin/sh
        # The line that somebody else left open.
        echo > /dev/ttyS0
        tell() { sed "s/^/labels: $1 /" > /dev/ttyS0; }
        denied() { journalctl --boot --no-pager --output=cat | grep 'avc: .*denied' | tell denied; }
        # Told once when it has booted, and once when everything runs: of what keeps it from that, nothing else tells.
        state=$(systemctl is-system-running --wait)
        getenforce | tell mode
        denied
        until find /var/log/pods -name '*.log' | grep -q default_; do sleep 2; done
        denied
        ps -eo label,comm | tell process
        find / -xdev -context '*:unlabeled_t:*' 2>/dev/null | tell unlabeled
        restorecon -nvr / 2>&1 | tell relabel
        echo | tell end
EOF
}

enforcing() {
  within 400 grep -aq 'labels: end' "$nodes_dir/master-1/console.log" || { check 'the node looked at its labels' false; return; }
  tr -d '\r' < "$nodes_dir/master-1/console.log" | sed -n 's/^labels: //p' > labels
  check 'SELinux enforces' grep -qx 'mode Enforcing' labels
  check 'no file is unlabeled' fails grep -q '^unlabeled ' labels
  check 'no process is unlabeled' fails grep -q '^process .*unlabeled_t' labels
  # Debian's own programs ask for what Debian's policy does not give them, with kimage or without.
  grep '^denied ' labels | grep -v 'comm="\(systemd-udevd\|systemd-tmpfile\|agetty\)"' > denied || true
  check 'nothing that kimage starts was denied anything' same "$(cat denied)" ''
  check 'restorecon would change nothing of what is in the image' same "$(relabelled_of_the_image)" ''
}

# What restorecon would relabel and kimage wrote. What programs make later has the labels that the policy gives them.
relabelled_of_the_image() {
  local image=$PWD/out/master-1.raw start
  start=$(sgdisk -i 3 "$image" | sed -n 's/^First sector: \([0-9]*\).*/\1/p')
  sed -n 's/^relabel Would relabel \(.*\) from .*/stat \1/p' labels > stat
  debugfs -f stat "$image?offset=$((start * 512))" 2> /dev/null |
    awk '/^debugfs: stat / { path = $3 } /^Inode: / { print path }'
}
