#!/bin/sh
# This language host takes the runtime options of Pulumi.yaml as flags; today's CLI sends them by another
# way, which it does not know. They are the same there and here (a test compares them).
exec "$(dirname "$(readlink -f "$0")")/pulumi-language-nodejs.real" \
  -typescript=false -nodeargs="--require atalaya/quick-start --require tsx/cjs" "$@"
