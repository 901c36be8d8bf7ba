#!/bin/sh
# This language host takes the runtime options of Pulumi.yaml as flags; today's CLI sends them by another
# way, which it does not know. So they are read from the project's file here: the CLI starts a language host
# in the project's folder.
folder=$PWD
while [ ! -f "$folder/Pulumi.yaml" ] && [ "$folder" != / ]; do folder=$(dirname "$folder"); done
option() { sed -n "s/^    $1: *//p" "$folder/Pulumi.yaml" 2>/dev/null | head -n 1; }
nodeargs=$(option nodeargs)
typescript=$(option typescript)
exec "$(dirname "$(readlink -f "$0")")/pulumi-language-nodejs.real" \
  -typescript="${typescript:-true}" ${nodeargs:+-nodeargs="$nodeargs"} "$@"
