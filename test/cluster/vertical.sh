#!/usr/bin/env bash
# Starts the VerticalPodAutoscaler's three controllers beside the cluster, in a hurry: in a real one they look at
# pods for hours before they touch any. Or ends them, and has the cluster forget them.
# usage: vertical.sh start|stop PROGRAMS STATE
set -euo pipefail
programs=${2:?programs} state=${3:?state}
host=10.99.0.1 config=$state/pki/admin.kubeconfig kinds=$programs/manifests/vertical-autoscaler.yaml
k() { "$programs/bin/kubectl" --kubeconfig "$config" "$@" >>"$state/log/vertical.log"; }
if [ "$1" = stop ]; then
  pid=$(cat "$state/run/vertical.pid")
  kill -- "-$pid" || true
  rm "$state/run/vertical.pid"
  k delete mutatingwebhookconfiguration vpa-webhook-config
  k delete -f "$kinds"
  exit
fi
k apply --server-side -f "$kinds"
k wait --for=condition=Established --timeout=30s crd/verticalpodautoscalers.autoscaling.k8s.io
# shellcheck disable=SC2016 # the inner shell reads its own arguments
setsid bash -c '
  programs=$1 state=$2 host=$3 config=$4
  run() { # name port argument…
    local name=$1 port=$2
    shift 2
    "$programs/bin/vertical-$name" --kubeconfig="$config" --address="127.0.0.1:$port" "$@" \
      >"$state/log/vertical-$name.log" 2>&1 &
  }
  run recommender 28942 --recommender-interval=5s --memory-saver \
    --pod-recommendation-min-memory-mb=16 --pod-recommendation-min-cpu-millicores=10
  # A pod that stands within its bounds is replaced all the same, by a better fit, once it is as old as that.
  run updater 28943 --updater-interval=5s --in-recommendation-bounds-eviction-lifetime-threshold=30s \
    --pod-update-threshold=0.03
  run admission-controller 28944 --port=28445 --register-by-url=true \
    --webhook-address="https://$host" --webhook-port=28445 --client-ca-file="$state/pki/ca.crt" \
    --tls-cert-file="$state/pki/webhook.crt" --tls-private-key="$state/pki/webhook.key"
  wait
' bash "$programs" "$state" "$host" "$config" >/dev/null 2>&1 </dev/null &
echo $! >"$state/run/vertical.pid"
