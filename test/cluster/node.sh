#!/usr/bin/env bash
# PID 1 of the node's namespaces: control plane, container runtime, kubelet, proxy.
set -uo pipefail
pki=$STATE/pki log=$STATE/log socket=$STATE/run/containerd.sock
export PATH="$PROGRAMS/bin:$PATH:/usr/sbin:/sbin"

hostname node1
ip link set lo up
for _ in $(seq 100); do
  ip link show k8sn >/dev/null 2>&1 && break
  sleep 0.05
done
ip addr add "$NODE/30" dev k8sn
ip link set k8sn up
ip route add default via "$HOST"
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/cgroups
mount -t tmpfs tmpfs /var/log
# Where every node has what containers print, and what observers keep: of this one both go with its state.
mkdir -p "$log/pods" "$STATE/kept" /var/log/pods /var/lib/atalaya
mount --bind "$log/pods" /var/log/pods
mount --bind "$STATE/kept" /var/lib/atalaya
# /sys of the new network namespace, with the cgroup mounts put back in place.
mount --rbind /sys/fs/cgroup /run/cgroups
mount -t sysfs sysfs /sys
mount --rbind /run/cgroups /sys/fs/cgroup
umount -l /run/cgroups
mount --make-rshared /
mkdir -p "$STATE"/{containerd,kubelet} /run/containerd
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then # cgroup v1: the kubelet's root has to be there, for all it has
  for controller in /sys/fs/cgroup/*/; do
    case $controller in */unified/) ;; *) mkdir -p "$controller/atalaya-test" ;; esac
  done
  for file in cpus mems; do
    cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"/sys/fs/cgroup/cpuset/atalaya-test/cpuset.$file"
  done
fi

cat >"$STATE/cni/10-bridge.conflist" <<CONFIG
{"cniVersion":"1.0.0","name":"pods","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,
  "ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}],"dataDir":"$STATE/cni/ipam"}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
CONFIG
cat >"$STATE/containerd.toml" <<CONFIG
version = 2
root = "$STATE/containerd"
state = "/run/containerd"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/local/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
CONFIG
echo "nameserver 127.0.0.1" >"$STATE/resolv.conf"
cat >"$STATE/kubelet.yaml" <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /atalaya-test
containerRuntimeEndpoint: unix://$socket
volumePluginDir: $STATE/volumeplugins
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $STATE/resolv.conf
failSwapOn: false
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
CONFIG

run() { # name command…
  local name=$1
  shift
  "$@" >"$log/$name.log" 2>&1 &
}
run etcd etcd --name=one --data-dir="$STATE/etcd" --unsafe-no-fsync \
  --listen-client-urls=https://127.0.0.1:2379 --advertise-client-urls=https://127.0.0.1:2379 \
  --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 \
  --initial-cluster=one=http://127.0.0.1:2380 \
  --cert-file="$pki/etcd.crt" --key-file="$pki/etcd.key" --client-cert-auth --trusted-ca-file="$pki/ca.crt"
run apiserver kube-apiserver --bind-address=0.0.0.0 --advertise-address="$NODE" --secure-port=6443 \
  --etcd-servers=https://127.0.0.1:2379 --etcd-cafile="$pki/ca.crt" \
  --etcd-certfile="$pki/etcd-client.crt" --etcd-keyfile="$pki/etcd-client.key" \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --client-ca-file="$pki/ca.crt" --kubelet-certificate-authority="$pki/ca.crt" \
  --kubelet-client-certificate="$pki/kubelet-client.crt" --kubelet-client-key="$pki/kubelet-client.key" \
  --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$pki/accounts.pub" --service-account-signing-key-file="$pki/accounts.key" \
  --requestheader-client-ca-file="$pki/front-ca.crt" --requestheader-allowed-names=front-proxy \
  --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
  --requestheader-username-headers=X-Remote-User \
  --proxy-client-cert-file="$pki/front.crt" --proxy-client-key-file="$pki/front.key" \
  --enable-aggregator-routing=true --service-cluster-ip-range=10.96.0.0/16 \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --encryption-provider-config="$pki/encryption.yaml" --allow-privileged=true --profiling=false
run containerd containerd --config "$STATE/containerd.toml"
c() { ctr --address "$socket" --namespace k8s.io "$@"; }
for _ in $(seq 200); do
  c version >/dev/null 2>&1 && break
  sleep 0.1
done
for image in "$PROGRAMS"/images/*.tar $IMAGES; do c images import "$image" >>"$log/images.log" 2>&1; done
for _ in $(seq 600); do
  kubectl --kubeconfig "$pki/admin.kubeconfig" get --raw /readyz >/dev/null 2>&1 && break
  sleep 0.1
done
run controllers kube-controller-manager --kubeconfig="$pki/controllers.kubeconfig" \
  --authentication-kubeconfig="$pki/controllers.kubeconfig" \
  --authorization-kubeconfig="$pki/controllers.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false \
  --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
  --service-account-private-key-file="$pki/accounts.key" \
  --service-cluster-ip-range=10.96.0.0/16 --allocate-node-cidrs=true --cluster-cidr=10.244.0.0/16 \
  --horizontal-pod-autoscaler-sync-period=5s
run scheduler kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" \
  --authentication-kubeconfig="$pki/scheduler.kubeconfig" \
  --authorization-kubeconfig="$pki/scheduler.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false
run kubelet kubelet --config="$STATE/kubelet.yaml" --kubeconfig="$pki/kubelet.kubeconfig" \
  --hostname-override=node1 --node-ip="$NODE" --root-dir="$STATE/kubelet"
run proxy kube-proxy --kubeconfig="$pki/proxy.kubeconfig" --hostname-override=node1 \
  --proxy-mode=iptables --cluster-cidr=10.244.0.0/16 --conntrack-max-per-core=0 --bind-address="$NODE"
wait
sleep infinity
