#!/usr/bin/env bash
# dvc repro, in which fine_tune is done by another command, and only if something changed for it:
#   bash deploy/repro_around.sh COMMAND [ARGUMENT ...]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${FINETRACK_VENV:-$PWD/.venv}/bin:$PATH"

# A signal comes to this shell alone, which would wait for its command and, as the first process of
# a container, ignore it. So the command runs beside it, and gets the signal.
stopped=
command=
trap 'stopped=yes; pass_on' INT TERM
pass_on() {
  [ -z "$command" ] || kill -TERM "$command" 2> /dev/null || true
}
run() {
  local code=0
  [ -z "$stopped" ] || exit 143
  "$@" &
  command=$!
  [ -z "$stopped" ] || pass_on # it came before the number was known
  wait "$command" || code=$?
  if [ -n "$stopped" ]; then
    while kill -0 "$command" 2> /dev/null; do wait "$command" || true; done # the signal cut it short
    exit 143
  fi
  command=
  return "$code"
}

run dvc repro lr_find
# Outputs that are only absent, as in a new clone, are brought back where the cache has them.
run dvc checkout --quiet fine_tune || true
# By its words, since with --quiet a failure has the exit code of a change.
changed=$(dvc status --json fine_tune)
if [ "$changed" != "{}" ]; then
  run "$@"
  run dvc commit --force fine_tune # which asks nothing
fi
run dvc repro
