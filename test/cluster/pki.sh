#!/usr/bin/env bash
# Certificates and keys of one cluster, for a day.
# usage: pki.sh DIR ADDRESS HOST   makes them in DIR; kubeconfig files beside them
set -euo pipefail
cd "${1:?a folder}"
address=${2:?address of the API server}
host=${3:?address at which the node reaches this machine}
umask 077

authority() { # file common-name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$2" \
    -keyout "$1.key" -out "$1.crt" -addext basicConstraints=critical,CA:TRUE \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

certificate() { # file subject usage [authority]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
    -keyout "$1.key" -out "$1.csr" 2>/dev/null
  cat >"$1.ext" <<EXT
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=$3
subjectAltName=DNS:localhost,DNS:node1,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.96.0.1,IP:$address,IP:$host
EXT
  openssl x509 -req -in "$1.csr" -CA "${4:-ca}.crt" -CAkey "${4:-ca}.key" -CAcreateserial -days 2 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

kubeconfig() { # file
  cat >"$1.kubeconfig" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://$address:6443", certificate-authority-data: "$(base64 -w0 ca.crt)"}}]
users: [{name: test, user: {client-certificate-data: "$(base64 -w0 "$1.crt")", client-key-data: "$(base64 -w0 "$1.key")"}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
CONFIG
}

authority ca atalaya-test
authority front-ca atalaya-test-front
openssl genrsa -out accounts.key 2048 2>/dev/null
openssl rsa -in accounts.key -pubout -out accounts.pub 2>/dev/null
certificate apiserver /CN=kube-apiserver serverAuth
certificate etcd /CN=etcd serverAuth,clientAuth
certificate etcd-client /CN=kube-apiserver-etcd-client clientAuth
certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
certificate front /CN=front-proxy clientAuth front-ca
certificate kubelet /O=system:nodes/CN=system:node:node1 serverAuth,clientAuth
certificate admin /O=system:masters/CN=admin clientAuth
certificate controllers /CN=system:kube-controller-manager clientAuth
certificate scheduler /CN=system:kube-scheduler clientAuth
certificate proxy /CN=system:kube-proxy clientAuth
certificate webhook /CN=webhook serverAuth
for name in admin controllers scheduler proxy kubelet; do kubeconfig "$name"; done
# Secrets lie encrypted in etcd, as they should.
cat >encryption.yaml <<CONFIG
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {keys: [{name: one, secret: "$(head -c 32 /dev/urandom | base64)"}]}
  - identity: {}
CONFIG
