#!/usr/bin/env bash
# Ends the cluster that up.sh started in STATE, and removes what it left on the machine.
# usage: down.sh STATE
set -uo pipefail
state=${1:?state}
# With what they started: three of them lead a process group.
for name in vertical cloud inner outer; do
  pid=$(cat "$state/run/$name.pid" 2>/dev/null) && kill -9 -- "-$pid" "$pid" 2>/dev/null
done
ip link del k8sh 2>/dev/null
for way in -i -o; do iptables -D FORWARD "$way" k8sh -j ACCEPT 2>/dev/null; done
ip route del 10.96.0.0/16 2>/dev/null
ip route del 10.244.0.0/24 2>/dev/null
for _ in $(seq 50); do
  find /sys/fs/cgroup/*/atalaya-test /sys/fs/cgroup/atalaya-test -depth -type d -exec rmdir {} + 2>/dev/null
  ls -d /sys/fs/cgroup/*/atalaya-test /sys/fs/cgroup/atalaya-test >/dev/null 2>&1 || break
  sleep 0.1
done
rm -rf "$state"
# Only ever a place to mount to.
rmdir /var/lib/atalaya 2>/dev/null
exit 0
