# RUN: bash %s %t
# REQUIRES: mpirun
# A sweep by MPI: two processes do a share each, then their databases are one.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
choices "$model" ' decode ' >keys
count=$(wc -l <keys)
[ "$count" -ge 3 ] || die "too few kernels: $(cat keys)"
mpi() { bash "$MAMBA_SOURCE/tools/mamba-tune/mpi.sh" "$@"; }
# A test's machine may have one processor, and its user may be root.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
real='mpirun --bind-to none --oversubscribe'

MPIRUN=$real mpi 2 all.tune "$model" --kernels ' decode ' >report 2>log || die "failed: $(cat log)"
[ "$(wc -l <all.tune)" = $count ] || die "found: $(cat all.tune)"
[ "$(grep -c '^geometric mean of default by best over [1-9]' report)" = 2 ] || die "shares: $(cat report)"
[ "$(cut -d'|' -f2 all.tune | sort -u | wc -l)" = $count ] || die 'a kernel was done twice'
grep -q "^mamba-tune: $count records of $count are in all.tune$" log
[ "$(ls)" = "$(printf '%s\n' all.tune keys log report)" ] || die "left behind: $(ls)"

# Once more into the same: one record of each work stays.
MPIRUN=$real mpi 2 all.tune "$model" --kernels ' decode 384x192' --quiet >report 2>log
[ "$(wc -l <all.tune)" = $count ] || die "found: $(cat all.tune)"

# A budget that is spent: the shares stay, and --resume goes on with those not done.
MPIRUN=$real mpi 2 x.tune "$model" --kernels ' decode ' --budget 0.000001s >report 2>log
[ "$(grep -c 'is of a sweep that is not done' log)" = 2 ] || die "said: $(cat log)"
[ "$(grep -c 'stopped: what was found is in x.tune..-of-2, --resume' report)" = 2 ]
[ -e x.tune ] && [ ! -s x.tune ] || die 'something was found in no time'
MPIRUN=$real mpi 2 x.tune "$model" --kernels ' decode ' --resume --quiet >report 2>log
[ "$(wc -l <x.tune)" = $count ] || die "found: $(cat x.tune)"
[ "$(echo x.tune*)" = x.tune ] || die "left behind: $(ls)"

# What mpirun starts, by the variables of each MPI.
cat >mamba-tune <<'STUB'
#!/bin/sh
echo "$*" >>asked
STUB
chmod +x mamba-tune
cat >each <<'STUB'
#!/bin/bash
# -n N COMMAND...: the command N times, $RANK its number.
for ((i = 0; i < $2; ++i)); do env "$RANK=$i" "${@:3}" || exit; done
STUB
chmod +x each
export MAMBA_TUNE=./mamba-tune MPIRUN=./each
for RANK in OMPI_COMM_WORLD_RANK PMI_RANK PMIX_RANK SLURM_PROCID; do
  export RANK
  rm -f asked
  env -u SLURM_PROCID bash "$MAMBA_SOURCE/tools/mamba-tune/mpi.sh" 2 'a b.tune' 'a model' --weights bf16 2>said || true
  cat >wanted <<'ASKED'
a model --weights bf16 --shard 1/2 --db a b.tune.1-of-2
a model --weights bf16 --shard 2/2 --db a b.tune.2-of-2
merge a b.tune.1-of-2 a b.tune.2-of-2 -o a b.tune
ASKED
  diff wanted asked
done
# Open MPI's number counts where Slurm has started it.
rm asked
SLURM_PROCID=7 RANK=OMPI_COMM_WORLD_RANK mpi 1 x.tune model 2>said || true
grep -qx 'model --shard 1/1 --db x.tune.1-of-1' asked
# With --resume, shares that are done are left alone.
rm asked
: >y.tune.1-of-2
: >y.tune.2-of-2
: >y.tune.2-of-2.journal
echo ' model --weights bf16 ' | tee y.tune.1-of-2.asked >y.tune.2-of-2.asked
mpi 2 y.tune model --resume 2>said && die 'other options'
grep -qx 'mpi.sh: y.tune.1-of-2 was made with other options: take it away' said
: >asked
mpi 2 y.tune model --weights bf16 --resume 2>said
grep -qx 'mpi.sh: y.tune.1-of-2 is done' said
! grep -q 'shard 1/2' asked || die "done again: $(cat asked)"
grep -q 'shard 2/2' asked
[ -e y.tune.1-of-2 ] || die 'a share is gone before all are done'

fails_so() { # STATUS PATTERN ARGUMENT...: of mpi.sh
  local wanted=$1 pattern=$2 status=0
  shift 2
  mpi "$@" >stdout 2>stderr || status=$?
  [ $status = "$wanted" ] && [ "$(wc -l <stderr)" = 1 ] && grep -Eq "^mpi.sh: .*$pattern" stderr ||
    die "status $status: $(cat stderr)"
}
fails_so 2 'use it as' 2 x.tune
fails_so 2 "from 1 to 65536, got '0'" 0 x.tune model
fails_so 2 "from 1 to 65536, got '65537'" 65537 x.tune model
MPIRUN=no-such-mpirun fails_so 1 'there is no no-such-mpirun: install an MPI' 2 x.tune model
MPIRUN='false' fails_so 1 'the same with --resume goes on' 2 x.tune model
env -u SLURM_PROCID MPIRUN='env' bash "$MAMBA_SOURCE/tools/mamba-tune/mpi.sh" @rank 2 x.tune model 2>stderr && die 'no rank'
grep -q '^mpi.sh: none of OMPI_COMM_WORLD_RANK' stderr
SLURM_PROCID=2 fails_so 1 'process 2 of 2' @rank 2 x.tune model
