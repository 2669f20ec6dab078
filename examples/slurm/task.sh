#!/usr/bin/env bash
# One task of a SLURM job array: runs the program that is given, in whose arguments %a becomes the number of the task. The
# pictures in 8 parts, then all of them together; and a model of each of 15 categories:
#
#   id=$(sbatch --parsable --array=1-8 task.sh aand detect part.aand PICTURES --out OUT/part-%a --shard auto/8 --quiet)
#   sbatch --dependency=afterany:"$id" merge.sh OUT 8
#   sbatch --array=1-15 --cpus-per-task=2 task.sh aand train ROOT --out MODELS --category-index auto --resume --quiet
#
# OUT must lie where all nodes see it. A single task that is to run again: the same with --array=3. --resume goes on from the
# checkpoint of a task that was stopped; a number beyond the last category ends with status 2 and tells how many there are
# (`aand inspect ROOT --category all` lists them).
#SBATCH --job-name=aand
#SBATCH --cpus-per-task=1
#SBATCH --requeue
# So long before its time is up the task is asked to stop; it keeps what is done and goes on when it runs again.
#SBATCH --signal=B:TERM@60
set -u
export RAYON_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

"${@//%a/$SLURM_ARRAY_TASK_ID}" &
worker=$!
trap 'kill -TERM "$worker"' TERM
# A signal ends a wait, and there may be several: as long as the program writes, this waits.
while wait "$worker"; status=$?; [ "$status" -gt 128 ] && kill -0 "$worker" 2>/dev/null; do :; done

# 75: worth another try. Above 128: killed, perhaps for its memory. Others would fail again. On a cluster with
# RequeueExit=75 in its slurm.conf the first needs no help.
if { [ "$status" = 75 ] || [ "$status" -gt 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
