#!/usr/bin/env bash
# What a cloud does for a cluster: volumes for claims, an address for load balancers. It is told of changes; to ask
# for them twice a second would take a fifth of two cores.
set -uo pipefail
k() { "$PROGRAMS/bin/kubectl" --kubeconfig "$STATE/pki/admin.kubeconfig" "$@"; }

volumes() {
  k get persistentvolumeclaims -A --watch -o json |
    jq --unbuffered -r 'select(.status.phase == "Pending" and .spec.volumeName == null) | [.metadata.namespace, .metadata.name, .metadata.uid, .spec.resources.requests.storage, .spec.accessModes[0], .spec.storageClassName] | @tsv' |
    while IFS=$'\t' read -r namespace name uid storage mode class; do
      folder="$STATE/volumes/$uid"
      [ -d "$folder" ] && continue
      mkdir -p "$folder"
      k create -f - <<VOLUME
apiVersion: v1
kind: PersistentVolume
metadata: {name: "volume-$uid"}
spec:
  capacity: {storage: $storage}
  accessModes: [$mode]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: "$class"
  claimRef: {namespace: $namespace, name: $name, uid: $uid}
  local: {path: "$folder"}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]}}
VOLUME
    done
}

addresses() {
  k get services -A --watch -o json |
    jq --unbuffered -r 'select(.spec.type == "LoadBalancer" and (.status.loadBalancer.ingress // [] | length) == 0) | [.metadata.namespace, .metadata.name] | @tsv' |
    while IFS=$'\t' read -r namespace name; do
      k -n "$namespace" patch service "$name" --subresource=status --type=merge \
        -p "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$NODE\"}]}}}" </dev/null
    done
}

# A watch ends from time to time.
while sleep 0.5; do volumes; done &
while sleep 0.5; do addresses; done &
wait
