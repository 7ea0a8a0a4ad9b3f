# RUN: bash %s %t
# Little memory: whatever a program gets, it does its work or says in one line that it
# cannot, with status 1; nothing crashes, and no file is half written.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
small=$(pack golden/mamba1)
export MAMBA_CACHE=off

# The least that brings a program into its main(), in KiB: the linker's refusals have
# status 127, the kernel's 139; what libraries do before that may have one more.
least() { # PROGRAM [STATUS]
  local low=2000 high=4000000 middle status
  while [ $((high - low)) -gt 16 ]; do
    middle=$(((low + high) / 2)) status=0
    { (ulimit -v $middle && exec "$1" --version) >none; } 2>none || status=$?
    case $status in 127 | 139 | "${2:-127}") low=$middle ;; *) high=$middle ;; esac
  done
  echo $high
}
# ladder FROM STEP COUNT COMMAND...: with so many limits, the lowest first.
ladder() {
  local from=$1 step=$2 count=$3 limit status done=0 refused=0
  shift 3
  for ((limit = from; limit < from + step * count; limit += step)); do
    status=0
    (ulimit -v $limit && exec "$@") </dev/null >out 2>stderr || status=$?
    case $status in
    0) done=$((done + 1)) ;;
    1)
      refused=$((refused + 1))
      [ "$(wc -l <stderr)" = 1 ] && grep -q "^$1: " stderr || die "$limit KiB: '$*' says: $(cat stderr)"
      ;;
    *) die "$limit KiB: '$*' ends with $status: $(cat stderr)" ;;
    esac
    [ -z "$(find . -name '.mamba-*')" ] || die "$limit KiB: left behind: $(find . -name '.mamba-*')"
  done
  [ $refused -gt 0 ] || die "'$*' was never refused"
  echo "$1 $2 from $from KiB: done $done, refused $refused"
}
run=$(least mamba-run)
ladder "$run" 400 50 mamba-run generate "$mpk" --prompt ROMEO: -n 2 --greedy --quiet --device=cpu --threads=1 --save-state state
ladder "$run" 1500 40 mamba-run generate "$mpk" --prompt ROMEO: -n 2 --greedy --quiet --device=cpu --threads=3
ladder "$run" 100 40 mamba-run logits "$small" --input "$data/golden/mamba1/golden.safetensors" --output logits --device=cpu \
  --threads=1 --quiet
pack=$(least mamba-pack 134) # LLVM's libraries abort when they cannot set themselves up.
ladder "$pack" 300 20 mamba-pack verify "$small" --quiet
ladder "$pack" 300 20 mamba-pack strip "$small" --drop=golden -o stripped.mpk
# Building: what LLVM does without memory is not for users to read.
ladder "$pack" 9000 10 mamba-pack build "$data/golden/mamba1-odd" -o built.mpk --jobs=2 --quiet
