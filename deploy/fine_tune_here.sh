#!/usr/bin/env bash
# fine_tune on this machine, one of several that train one model by torchrun (docs/machines.md).
# Started on each by slurm.sbatch or kubernetes.yaml, which set:
#   MACHINES  how many there are          MACHINE  the number of this one, from 0
#   HEAD      the address of number 0     ADDRESS  the address of this one, by which others know it
#   PORT      a free port of number 0     GPUS     on how many GPUs of each the model is trained
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${FINETRACK_VENV:-$PWD/.venv}/bin:$PATH"

# torchrun itself would give each process one thread.
cores=$(nproc)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > GPUS ? cores / GPUS : 1))}
# A checkpoint that is being saved to a slow disk is waited for, which is 30 seconds otherwise.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=600

# Who is the host of the meeting is said, since torchrun's guess fails where a machine has several names.
exec torchrun --nnodes="$MACHINES" --nproc-per-node="$GPUS" --max-restarts=3 \
  --rdzv-backend=c10d --rdzv-endpoint="$HEAD:$PORT" --rdzv-conf="is_host=$((MACHINE == 0))" \
  --local-addr="$ADDRESS" -m stages.fine_tune
