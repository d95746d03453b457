#!/usr/bin/env bash
# dvc repro, in which fine_tune is done by another command, and only if something changed for it:
#   bash deploy/repro_around.sh COMMAND [ARGUMENT ...]
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${FINETRACK_VENV:-$PWD/.venv}/bin:$PATH"

dvc repro lr_find
if ! dvc status --quiet fine_tune; then
  "$@"
  dvc commit --force fine_tune # which asks nothing
fi
dvc repro
