#!/usr/bin/env bash
# One task of a SLURM job array: a part of the pictures. Submitted with as many tasks as there are to be parts,
#
#   id=$(sbatch --parsable --array=1-8 detect.sh part.aand PICTURES OUT)
#   sbatch --dependency=afterany:"$id" merge.sh OUT 8
#
# OUT must lie where all nodes see it. A single task that is to run again: sbatch --array=3 --export=ALL,PARTS=8 detect.sh …
#SBATCH --job-name=aand
#SBATCH --cpus-per-task=1
#SBATCH --requeue
# So long before its time is up the task is asked to stop; it keeps what is done and goes on when it runs again.
#SBATCH --signal=B:TERM@60
set -u
model=$1 pictures=$2 out=$3
shift 3
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

"${AAND:-aand}" detect "$model" "$pictures" --out "$out/part-$SLURM_ARRAY_TASK_ID" --quiet \
  --shard "auto${PARTS:+/$PARTS}" "$@" &
worker=$!
trap 'kill -TERM "$worker"' TERM
wait "$worker"
status=$?
# A trap ends the first wait; the second one waits for the program.
if kill -0 "$worker" 2>/dev/null; then wait "$worker"; status=$?; fi

# 75: worth another try. Above 128: killed, perhaps for its memory. Others would fail again. On a cluster with
# RequeueExit=75 in its slurm.conf the first needs no help.
if { [ "$status" = 75 ] || [ "$status" -gt 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
