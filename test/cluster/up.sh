#!/usr/bin/env bash
# A real cluster of one node in namespaces of its own: pods, probes, Services, DNS, OOM kills, HPA.
# usage: up.sh PROGRAMS STATE [IMAGE.tar …]
#   PROGRAMS  what build.sh made      STATE  an empty folder; admin.kubeconfig appears in STATE/pki
# The host reaches the node (10.99.0.2), pods (10.244.0.0/24) and Services (10.96.0.0/16).
# Network policies are not enforced: the bridge plug-in knows none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=${1:?programs} state=${2:?state}
shift 2
mkdir -p "$state"/{pki,log,run,volumes,cni}
export HERE=$here PROGRAMS=$programs STATE=$state NODE=10.99.0.2 HOST=10.99.0.1 IMAGES="$*"
bash "$here/pki.sh" "$state/pki" "$NODE" "$HOST"

setsid unshare --mount --net --pid --uts --ipc --fork --kill-child=SIGKILL --mount-proc \
  --propagation private bash "$here/node.sh" >"$state/log/node.log" 2>&1 </dev/null &
outer=$!
echo "$outer" >"$state/run/outer.pid"
inner=""
for _ in $(seq 100); do
  inner=$(pgrep -P "$outer" | head -n 1) || true
  [ -n "$inner" ] && [ "$(readlink "/proc/$inner/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
  sleep 0.05
done
echo "$inner" >"$state/run/inner.pid"
ip link del k8sh 2>/dev/null || true
ip link add k8sh type veth peer name k8sn netns "$inner"
ip addr add "$HOST/30" dev k8sh
ip link set k8sh up
ip route replace 10.96.0.0/16 via "$NODE"
ip route replace 10.244.0.0/24 via "$NODE"
sysctl -qw net.ipv4.ip_forward=1
# Docker lets nothing through by default.
for way in -i -o; do iptables -I FORWARD "$way" k8sh -j ACCEPT; done

k() { "$programs/bin/kubectl" --kubeconfig "$state/pki/admin.kubeconfig" "$@"; }
wait_for() { # what command…
  local what=$1
  shift
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "$outer" 2>/dev/null || break
    sleep 0.1
  done
  echo "the test cluster has no $what: see $state/log" >&2
  exit 1
}
wait_for "API server" k get --raw /readyz
wait_for "node" k wait --for=condition=Ready node/node1 --timeout=1s
wait_for "service account" k -n default get serviceaccount default
k apply -f "$here/manifests" >"$state/log/apply.log"
setsid bash "$here/cloud.sh" >"$state/log/cloud.log" 2>&1 </dev/null &
echo $! >"$state/run/cloud.pid"
k -n kube-system rollout status deployment --timeout=90s >/dev/null
echo "$state/pki/admin.kubeconfig"
