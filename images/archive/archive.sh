# What atalaya-backup and atalaya-restore share: the words, and how restic is called. Sourced by both.
# shellcheck shell=bash

readonly CONFIGURATION=${BACKUP_CONFIGURATION:-/etc/atalaya/backup.json}
readonly WORK=${BACKUP_WORK:-/var/lib/atalaya-backup}
readonly DUMP=$WORK/dump
readonly RESULTS=$WORK/results
readonly STORE=${ATALAYA_STORE:?"the image names the store's own program"}
readonly OF=${BACKUP_OF:?"set BACKUP_OF to the store's name"}
readonly PROGRAM=${0##*/}
# restic's exit codes (0.17 and later).
readonly NOT_THERE=10 WRONG_KEY=12
# That of `timeout`.
readonly NO_ANSWER=124

say() { printf '%s: %s\n' "$PROGRAM" "$*"; }
warn() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
fail() {
  warn "$*"
  exit 1
}

# Names of the repositories, in order, one a line.
repositories() { jq -er '.repositories[].name' "$CONFIGURATION"; }

# How long a backup is kept, as restic has it.
keep() { jq -er '"\(.keepDays)d"' "$CONFIGURATION"; }

# restic in a repository ($1). Keys are in files: RESTIC_PASSWORD_FILE, and AWS_SHARED_CREDENTIALS_FILE with one
# profile for each repository. PATIENCE, where it is set: seconds that it may take.
restic_() {
  local name=$1 url authority options=()
  shift
  url=$(jq -er --arg name "$name" '.repositories[] | select(.name == $name) | .url' "$CONFIGURATION") ||
    fail "there is no repository $name: there are $(repositories | tr '\n' ' ')"
  while IFS= read -r option; do options+=(-o "$option"); done < <(
    jq -r --arg name "$name" '.repositories[] | select(.name == $name) | .options[]' "$CONFIGURATION")
  authority=$(jq -r --arg name "$name" '.repositories[] | select(.name == $name) | .authority // ""' "$CONFIGURATION")
  if [[ -n $authority ]]; then options+=(--cacert "$authority"); fi
  # What is on its way to a repository, and its index: in memory they would count against the container's limit. A
  # restore reads the repository alone (NO_CACHE): what is damaged there must not be hidden by what is here.
  local scratch=/tmp
  if [[ -w $WORK ]]; then
    scratch=$WORK/tmp
    mkdir -p "$scratch"
  fi
  if [[ -w $WORK && -z ${NO_CACHE:-} ]]; then
    options+=(--cache-dir "$WORK/cache" --cleanup-cache)
  else
    options+=(--no-cache)
  fi
  AWS_PROFILE=$name GOGC=20 TMPDIR=$scratch timeout "${PATIENCE:-0}" restic --repo "$url" "${options[@]}" "$@" 9>&- 8>&-
}

# The backups in a repository ($1), as a list of {id, at, ended, size, stored, path}; times in seconds since 1970. The
# status is restic's; where it is not 0, what is printed is why.
snapshots() {
  local found errors code=0
  errors=$(mktemp /tmp/.snapshots.XXXXXX)
  # By itself restic tries for a quarter of an hour.
  found=$(PATIENCE=${PATIENCE:-30} restic_ "$1" snapshots --no-lock --json --host "$OF" 2>"$errors" |
    jq 'def seconds: sub("\\.[0-9]+"; "") | fromdate;
      map({id: .short_id, path: .paths[0], at: (.time | seconds),
        ended: ((.summary.backup_end // .time) | seconds),
        size: (.summary.total_bytes_processed // 0), stored: (.summary.data_added_packed // 0)})' 2>>"$errors") || code=$?
  if ((code != 0)); then found=$(why "$code" "$(cat "$errors")"); fi
  rm -f "$errors"
  printf '%s' "$found"
  return "$code"
}

# Why a repository cannot be used, by restic's status ($1) and its words ($2).
why() {
  local met
  case $1 in
    "$NOT_THERE") printf 'there is no repository' ;;
    "$WRONG_KEY") printf 'another key opens it' ;;
    "$NO_ANSWER")
      # Its last words are that it was ended. What keeps it from an answer stands where it says that it tries again.
      met=$(sed -nE 's/^.* returned error, retrying after [^ ]+: //p' <<<"$2" | tail -n 1)
      printf 'it does not answer%s' "${met:+: $(line "$met")}"
      ;;
    *) reason "$2" ;;
  esac
}

# What restic's words come to: the line that says that it is fatal, or its last one. As JSON they have a message.
reason() {
  local words last
  words=$(sed -E 's/^\{.*"message":"(.*)"\}$/\1/; s/\\n.*//' <<<"$1")
  last=$(grep '^Fatal: ' <<<"$words" | tail -n 1) || last=$(tail -n 1 <<<"$words")
  line "${last:-"restic ended without a word"}"
}

# A server may say anything ($1).
line() { printf '%s' "$1" | tr -d '\000-\037' | cut -c 1-400; }
