#!/usr/bin/env bash
# Our kernels beside llama.cpp and PyTorch on this machine:
# bench/peers/run.sh [--quick] [--size 370m] [--build DIR] [--json FILE] [options of compare.py]
# Peers are installed from the package index into an environment of their own below the build
# folder ($MAMBA_PEERS names another place).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/bench/peers
build=$root/build json='' size=130m options=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --size) size=$2; shift 2 ;;
    --json) json=$2; shift 2 ;;
    *) options+=("$1"); shift ;;
  esac
done
json=${json:-$root/bench/results/cpu-$size.json}
bin=$build/bin work=$build/bench
peers=${MAMBA_PEERS:-$work/peers}
log=$work/peers.log
export PYTHONDONTWRITEBYTECODE=1
mkdir -p "$work/data"

: > "$log"
if "$here/install.sh" "$peers" "$log"; then
  options+=(--python "$peers/bin/python")
  [ ! -d "$peers/avx2/llama_cpp" ] || options+=(--avx2 "$peers/avx2")
else
  echo "peers are not installed, see $log: ours alone" >&2
fi
ninja -C "$build" mamba-bench mamba-long-prompt mamba-import mamba-pack mamba-run >&2
[ -f "$work/data/$size/model.safetensors" ] ||
  "$bin/mamba-import" "$root/bench/data/mamba-$size.json" --random-weights=1 -o "$work/data/$size"
python3 "$here/compare.py" --bin "$bin" --work "$work/peers-data" --model "$work/data/$size" \
  --bundled "$root/test/data/models/shakespeare" --json "$json" "${options[@]}"
grep -q '^ "bundled": {}' "$json" || # Not measured.
  python3 "$here/plot.py" "$json" "${json%.json}.svg"
