#!/usr/bin/env bash
# Submits a sweep to Slurm, N shares of it and what merges them into DATABASE:
#
#   slurm.sh N DATABASE DIR|model.mlir|X.mpk [OPTION of mamba-tune]...
#
# $SBATCH_ARGS are options for sbatch, as in "--partition=cpu --constraint=icelake":
# shares on other processors than each other's measure other machines.
set -euo pipefail

die() { echo "slurm.sh: $1" >&2; exit "$2"; }

[ $# -ge 3 ] || die 'use it as slurm.sh N DATABASE DIR|model.mlir|X.mpk [OPTION of mamba-tune]...' 2
[[ $1 =~ ^[1-9][0-9]{0,4}$ && $1 -le 65536 ]] ||
  die "the number of shares must be from 1 to 65536, got '$1'" 2
command -v sbatch >/dev/null || die 'there is no sbatch: this is for machines with Slurm' 1
shares=$1 database=$2
shift 2
script=$(dirname "${BASH_SOURCE[0]}")/slurm.sbatch
read -ra options <<<"${SBATCH_ARGS-}"
job=$(sbatch --parsable "${options[@]}" --array="1-$shares" "$script" "$database" "$@")
job=${job%%;*} # The name of the cluster may follow.
after=$(sbatch --parsable "${options[@]}" --dependency="afterok:$job" --kill-on-invalid-dep=yes \
  "$script" "$database" --merge "$shares")
echo "$shares shares are job $job; job ${after%%;*} merges them into $database"
