# shellcheck shell=bash disable=SC2154 # `phase` sets $tests and $scenario
# The words that scenarios are written in. A scenario runs in a folder of its own.
#
# A check that fails is written down and the scenario goes on, because the other checks tell where to look; anything else that
# fails ends it. Nothing sleeps for a fixed time: `within` tries until it is true or the time is up.

PATH=$PWD/bin:$PATH
# Multiplies every time limit: for machines that are slow or have other work.
patience=${KIMAGE_TEST_PATIENCE:-1}
nodes_dir=$PWD/out/boot

say() { echo "$*" >&2; }

# check DESCRIPTION COMMAND...: writes down whether a command succeeds.
check() {
  local description=$1 verdict=ok output
  shift
  output=$("$@" 2>&1) || verdict='not ok'
  echo "$verdict - $description" | tee -a results >&2
  [ "$verdict" = ok ] || say "   $* said: ${output:-nothing}"
}

# within SECONDS COMMAND...: tries until it succeeds or the time is up; what the last try said is printed.
within() {
  local end=$((SECONDS + $1 * patience)) output
  shift
  until output=$("$@" 2>&1); do
    [ $SECONDS -lt $end ] || { echo "$output"; return 1; }
    sleep 1
  done
  echo "$output"
}

# asked ARGUMENTS...: what kubectl says, once the API answers: on a starved machine single requests run out of time.
asked() { within 120 answer "$@" || { cat unanswered; return 1; }; }

# What kubectl says, without its complaints.
answer() { kubectl "$@" 2> unanswered; }

# fails COMMAND...: succeeds if the command does not.
fails() { ! "$@"; }

# says WORDS COMMAND...: whether a command's output has the words.
says() {
  local words=$1 output
  shift
  output=$("$@") || return
  echo "$output"
  [[ $output = *"$words"* ]]
}

# same VALUE VALUE
same() { echo "$1, $2"; [ "$1" = "$2" ]; }

# Writes the cluster file from stdin, with what every test wants.
cluster() {
  cat - "$tests/common.yaml" > cluster.yaml
}

# A base like debian-12 with further packages, under a name of its own, so that other tests' machines do not have them.
base_with() { # name, packages...
  local name=$1 package
  shift
  mkdir -p images
  sed "s/^name: debian-12$/name: $name/" "$tests/../images/debian-12.yaml" > "images/$name.yaml"
  for package; do
    sed -i "0,/^    - /s//    - $package\n    - /" "images/$name.yaml"
  done
  export KIMAGE_IMAGES=$PWD/images
  "$KIMAGE" base list | grep "^$name  *prepared" > /dev/null || "$KIMAGE" base build "$name" >&2
}

# Builds all images, once what they need is pinned, without another connection; and unpacks the kubectl that goes with them.
build() {
  local version
  "$KIMAGE" check >&2
  "$KIMAGE" fetch >&2
  "$KIMAGE" build --all --offline --locked >&2
  version=$(sed -n 's/^kubernetes: {version: \([0-9.]*\).*/\1/p' cluster.yaml)
  tar -xzf "${KIMAGE_MIRROR#file://}/dl.k8s.io/v$version/kubernetes-server-linux-amd64.tar.gz" --strip-components=3 \
    --one-top-level=bin kubernetes/server/bin/kubectl
}

# boot FUNCTION ARGUMENTS...: boots machines on the disks of the last time, runs a function once all are Ready, and cuts the power.
# The nodes' consoles begin anew, so that a report there is of this boot.
boot() {
  local function=$1
  shift
  rm -f out/boot/*/console.log
  "$KIMAGE" boot --keep --timeout $((600 * patience)) "$@" -- "$tests/phase" "$scenario" "$function" >&2
}

# create: gives the cluster the objects that come from stdin. An API that has only just begun may refuse for a while.
create() {
  cat > objects.yaml
  within 120 kubectl apply -f objects.yaml >&2
}

# A pod of the probe on a node, with a label of its name. Not in braces from the start: kubectl 1.28 takes that for JSON.
probe_pod() { # name, node
  cat << EOF
---
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  nodeName: $2
  terminationGracePeriodSeconds: 0
  containers: [{name: probe, image: "kimage.test/probe:1", args: [serve, --port, "8080"]}]
EOF
}

# Whether pods' containers were started more than once.
started_again() {
  local pod restarts
  for pod; do
    restarts=$(kubectl get pod "$pod" -o 'jsonpath={.status.containerStatuses[0].restartCount}') || return
    echo "$pod: $restarts"
    [ "${restarts:-0}" -gt 0 ] || return
  done
}

no_pending_requests() {
  local requests
  requests=$(asked get csr --no-headers) || { echo "$requests"; return 1; }
  echo "$requests"
  [[ $requests != *Pending* ]]
}

# Whether a node's kubelet has told the API that it lives, since a time.
renewed_since() { # time, context, node
  local renewed
  renewed=$(on "$2" get lease -n kube-node-lease "$3" -o 'jsonpath={.spec.renewTime}') || return
  echo "$3: $renewed"
  [[ $renewed > $1 ]]
}

# kubectl at one master's API, whatever the others do.
on() { local master=$1; shift; kubectl --context "$master" --request-timeout 20s "$@"; }

# Writes a configmap through one master's API. Where that is so already, an earlier try was carried out and its answer lost.
written_through() { # master, name, text
  local said
  said=$(on "$1" create configmap "$2" --from-literal="text=$3" 2>&1) || [[ $said = *AlreadyExists* ]] || { echo "$said"; return 1; }
}

# What a node said of itself at this boot, once it has said all.
report() {
  local console=$nodes_dir/$1/console.log
  within 240 grep -aq 'report: end' "$console" > /dev/null || return
  tr -d '\r' < "$console" | sed -n 's/^report: //p'
}

# told NODE KEY: one value of its report.
told() {
  local all
  all=$(report "$1") || { echo 'no report'; return; }
  sed -n "s/^$2 = *//p" <<< "$all"
}

# The file of a node's disk.
disk_of() { echo "$nodes_dir/$1/disk.qcow2"; }

# The plain text of a configmap, which may lie anywhere.
public=the-plain-text-of-a-configmap

# A secret with the text of the file `secret`, and a configmap with $public.
secret_and_configmap() {
  cat << EOF
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {text: "$(cat secret)"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shown}
data: {text: "$public"}
EOF
}

# Looks at a master's disk for the text of a configmap, $public, and for that of a secret, in the file `secret`. The
# configmap shows that the search would find the secret, if it lay there as it is.
etcd_holds_no_plain_text() { # node
  local disk
  disk=$(disk_of "$1")
  check 'the plain text of a configmap lies on the disk' grep -qaF "$public" "$disk"
  check 'the plain text of a secret does not' fails grep -qaF "$(cat secret)" "$disk"
  check 'etcd holds it sealed by secretbox' grep -qaF 'k8s:enc:secretbox:v1:' "$disk"
}

# What must be so on any node.
node_is_sound() {
  check "$1: no unit failed" same "$(told "$1" failed)" ''
  check "$1: the system came up whole" same "$(told "$1" state)" running
  check "$1: br_netfilter and overlay are loaded" same "$(told "$1" modules)" 'br_netfilter overlay'
  check "$1: packets are forwarded, bridged ones filtered" same "$(told "$1" forward)$(told "$1" bridge)" 11
  check "$1: no swap" same "$(told "$1" swap)" 0
  check "$1: the kernel has no serial console" fails says console= told "$1" cmdline
}
