# RUN: bash %s %t
# A sweep by Slurm: what is submitted, and what the jobs do.
. "$(dirname "$0")/Inputs/common.sh"

scripts=$MAMBA_SOURCE/tools/mamba-tune
model=$data/models/shakespeare
choices "$model" ' decode ' >keys
count=$(wc -l <keys)
[ "$count" -ge 3 ] || die "too few kernels: $(cat keys)"

# What is submitted: an array, and what waits for all of it.
mkdir bin
cat >bin/sbatch <<'STUB'
#!/bin/bash
printf '%s|' "$@" >>submitted
echo >>submitted
echo "$((41 + $(wc -l <submitted)));cluster"
STUB
chmod +x bin/sbatch
PATH=$PWD/bin:$PATH SBATCH_ARGS='--partition=cpu --time=3:00:00' \
  bash "$scripts/slurm.sh" 4 'my x.tune' "a model" --weights bf16 >said
grep -qx '4 shares are job 42; job 43 merges them into my x.tune' said || die "said: $(cat said)"
cat >wanted <<WANTED
--parsable|--partition=cpu|--time=3:00:00|--array=1-4|$scripts/slurm.sbatch|my x.tune|a model|--weights|bf16|
--parsable|--partition=cpu|--time=3:00:00|--dependency=afterok:42|--kill-on-invalid-dep=yes|$scripts/slurm.sbatch|my x.tune|--merge|4|
WANTED
diff wanted submitted

# What the jobs do, as if Slurm had started them from its own copy of the script.
cp "$scripts/slurm.sbatch" job
for task in 1 2 3; do
  SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=3 \
    bash job x.tune "$model" --kernels ' decode ' --quiet >report.$task
  grep -q '^geometric mean' report.$task
done
bash job x.tune --merge 3 2>log
grep -q "^mamba-tune: $count records of $count are in x.tune$" log
# Some tasks of the array alone; into what is there.
SHARDS=3 SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=1 \
  bash job x.tune "$model" --kernels ' decode ' --quiet >again
[ -s x.tune.2-of-3 ]
bash job x.tune --merge 3 2>log
[ "$(wc -l <x.tune)" = $count ] || die "found: $(cat x.tune)"
for script in slurm.sbatch slurm.sh mpi.sh; do
  ! command -v shellcheck >/dev/null || shellcheck "$scripts/$script"
done

says() { # STATUS PATTERN COMMAND...
  local wanted=$1 pattern=$2 status=0
  shift 2
  "$@" >stdout 2>stderr </dev/null || status=$?
  [ $status = "$wanted" ] && [ "$(wc -l <stderr)" = 1 ] && grep -Eq "$pattern" stderr ||
    die "'$*' exits with $status: $(cat stderr)"
}
says 2 '^slurm.sh: use it as' bash "$scripts/slurm.sh" 4 x.tune
says 2 "^slurm.sh: .* from 1 to 65536, got 'many'" bash "$scripts/slurm.sh" many x.tune model
says 2 '^slurm.sbatch: use it as' bash job x.tune
says 2 "^slurm.sbatch: --merge takes the number of shares, got 'x'" bash job x.tune --merge x
says 2 '^slurm.sbatch: SLURM_ARRAY_TASK_ID is not set' bash job x.tune "$model"
says 1 "cannot open 'x.tune.1-of-4'" bash job x.tune --merge 4
if ! command -v sbatch >/dev/null; then
  says 1 '^slurm.sh: there is no sbatch' bash "$scripts/slurm.sh" 4 x.tune model
fi
