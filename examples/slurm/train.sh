#!/usr/bin/env bash
# One task of a SLURM job array: a model of one category. With as many tasks as ROOT has categories,
#
#   sbatch --array=1-15 train.sh ROOT MODELS
#
# (`aand inspect ROOT --category all` lists them; a number beyond the last one ends with status 2 and tells how many.)
#SBATCH --job-name=aand-train
#SBATCH --cpus-per-task=2
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
set -u
root=$1 models=$2
shift 2
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-2}

# --resume goes on from the checkpoint of a task that was stopped, and begins where there is none.
"${AAND:-aand}" train "$root" --out "$models" --category-index auto --resume --quiet "$@" &
worker=$!
trap 'kill -TERM "$worker"' TERM
wait "$worker"
status=$?
if kill -0 "$worker" 2>/dev/null; then wait "$worker"; status=$?; fi
if { [ "$status" = 75 ] || [ "$status" -gt 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
