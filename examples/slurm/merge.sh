#!/usr/bin/env bash
# All parts, OUT/part-1 to OUT/part-PARTS of task.sh, become OUT/all. Says what is missing and fails, if a part is.
#
#   merge.sh OUT PARTS
#SBATCH --job-name=aand-merge
set -eu
parts=()
for n in $(seq "$2"); do parts+=("$1/part-$n"); done
exec "${AAND:-aand}" merge "$1/all" "${parts[@]}"
