#!/usr/bin/env bash
# A sweep over several machines by MPI, whose processes all see one folder: each
# does its share of the kernels, then the shares are merged into DATABASE.
#
#   mpi.sh N DATABASE DIR|model.mlir|X.mpk [OPTION of mamba-tune]...
#
# $MPIRUN starts the N processes, "mpirun --bind-to none" without it; it should start
# one a machine, since those of one machine wait for each other:
#
#   MPIRUN="mpirun --bind-to none --map-by ppr:1:node --hostfile hosts" \
#     mpi.sh 4 v4.tune mamba-130m --target cpu:x86-64-v4 --weights bf16
#
# Beside DATABASE are the shares, DATABASE.1-of-N, until they are merged. If a process
# is stopped they stay, and the same line with --resume goes on. $MAMBA_TUNE is the
# program, mamba-tune without it.
set -euo pipefail
tune=${MAMBA_TUNE:-mamba-tune}

die() { echo "mpi.sh: $1" >&2; exit "$2"; }

# What MPI starts: mpi.sh @rank N DATABASE ...
share() {
  local shares=$1 database=$2 name rank='' part
  shift 2
  # Open MPI inside Slurm has the variables of both.
  for name in OMPI_COMM_WORLD_RANK PMI_RANK PMIX_RANK SLURM_PROCID; do
    [ -n "$rank" ] || rank=${!name:-}
  done
  [ -n "$rank" ] || die "none of OMPI_COMM_WORLD_RANK, PMI_RANK, PMIX_RANK and SLURM_PROCID is set: mpirun starts this" 1
  [ "$rank" -lt "$shares" ] || die "process $rank of $shares: \$MPIRUN must start as many as it is told by -n" 1
  part=$database.$((rank + 1))-of-$shares
  local asked=" $* "
  asked=${asked/ --resume / }
  # Of those that are done no journal is left to go on with.
  if [[ " $* " == *' --resume '* && -e $part && ! -e $part.journal ]]; then
    [ "$(cat "$part.asked")" = "$asked" ] || die "$part was made with other options: take it away" 1
    echo "mpi.sh: $part is done" >&2
    return
  fi
  echo "$asked" >"$part.asked"
  exec "$tune" "$@" --shard "$((rank + 1))/$shares" --db "$part"
}

if [ "${1-}" = @rank ]; then
  shift
  share "$@"
  exit
fi
[ $# -ge 3 ] || die 'use it as mpi.sh N DATABASE DIR|model.mlir|X.mpk [OPTION of mamba-tune]...' 2
[[ $1 =~ ^[1-9][0-9]{0,4}$ && $1 -le 65536 ]] ||
  die "the number of processes must be from 1 to 65536, got '$1'" 2
shares=$1 database=$2
shift 2
read -ra mpirun <<<"${MPIRUN:-mpirun --bind-to none}"
command -v "${mpirun[0]}" >/dev/null ||
  die "there is no ${mpirun[0]}: install an MPI, or name its mpirun in \$MPIRUN" 1
parts=()
for ((i = 1; i <= shares; ++i)); do parts+=("$database.$i-of-$shares"); done
status=0
"${mpirun[@]}" -n "$shares" bash "${BASH_SOURCE[0]}" @rank "$shares" "$database" "$@" || status=$?
[ $status = 0 ] || die "a process failed or was stopped: the same with --resume goes on" $status
into=("${parts[@]}")
[ ! -e "$database" ] || into+=("$database")
"$tune" merge "${into[@]}" -o "$database"
# Of a sweep whose budget was spent all shares stay, to go on with.
for part in "${parts[@]}"; do
  [ ! -e "$part.journal" ] || exit 0
done
rm "${parts[@]}" "${parts[@]/%/.asked}"
