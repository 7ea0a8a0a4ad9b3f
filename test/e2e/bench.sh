# RUN: bash %s %t
# The benches say what they were asked for, of a small model; how fast decides nothing.
. "$(dirname "$0")/Inputs/common.sh"
command -v mamba-bench >/dev/null || { echo 'built without Google Benchmark'; exit 0; }
folder=$data/golden/mamba1
export PYTHONDONTWRITEBYTECODE=1

usage() { # PATTERN COMMAND...: the command line is refused.
  local pattern=$1 status=0
  shift
  "$@" >stdout 2>stderr || status=$?
  [ $status = 2 ] || die "'$*' exits with $status"
  grep -Eq "$pattern" stderr || die "'$*' does not say '$pattern': $(cat stderr)"
}
usage 'one of --model and --limits' mamba-bench
usage 'one of --model and --limits' mamba-bench --limits --model "$folder"
usage 'requires --limits' mamba-bench --json --model "$folder"
usage 'must rise by more than 32' mamba-long-prompt X.mpk --positions 40,72
fails 1 'is a GPU' mamba-bench --model "$folder" --target cuda:sm_80
fails 1 'nonexistent' mamba-bench --model nonexistent
fails 1 "precision of weights 'int3': use f32" mamba-bench --model "$folder" --weights int3
fails 1 'missing.mpk' mamba-bench --model "$folder" --pack missing.mpk
fails 1 'missing.mpk' mamba-long-prompt missing.mpk
# Without a GB of memory; sanitizers cannot begin so.
if (ulimit -v 900000 && mamba-bench --help >help 2>&1); then
  (ulimit -v 900000 && fails 1 '1 GB of memory' mamba-bench --limits)
fi

mpk=$(pack golden/mamba1)
# A pack is measured as the target that the kernels are compiled for.
if grep -qw avx2 /proc/cpuinfo; then
  fails 1 "no target 'cpu:x86-64-v3' in pack" \
    mamba-bench --model "$folder" --pack "$mpk" --target cpu:x86-64-v3
fi
mamba-bench --benchmark_filter='decode|prefill40' --benchmark_min_time=0.001 --model "$folder" \
  --pack "$mpk" --tokens 33,40 --threads 2 >table
for line in 'decode/linear_.* of_read=' 'decode/scan_.* of_scan=' \
  'prefill40/linear_.* of_(fma|tile)=' 'model/decode.* of_read=' 'model/prefill40.* of_floor='; do
  grep -Eq "^$line" table || die "no line like '$line': $(cat table)"
done
! grep -q '^prefill33' table || die 'a benchmark that the filter leaves out'
[ "$(grep -c '^limits of this machine, 2 threads: read ' table)" = 2 ] || die 'no limits'

mamba-bench --limits --json --threads 1 >limits.json
mamba-long-prompt "$mpk" --model "$folder" --positions 40,73 --json >long.json
# Without peers compare.py measures ours alone.
compare() { # PARTS BUNDLED OPTION...
  python3 "$MAMBA_SOURCE/bench/peers/compare.py" --bin "$MAMBA_BUILD/bin" --work work --model "$folder" \
    --parts "$1" --bundled "$2" --rounds 1 --short --match 'f32 rows f32 cpu:native' --json report.json "${@:3}"
}
usage "got 'nothing'" compare models,nothing "$folder"
# A part that fails takes no other with it.
status=0
compare models,bundled,scaling nonexistent --threads 1 >text 2>log || status=$?
[ $status = 1 ] || die "status $status: $(cat log)"
grep -q '^compare.py: part bundled: .*nonexistent' log || die "$(cat log)"
# Figures of other numbers of threads do not mix.
! compare bundled "$folder" --threads 2 2>log || die 'figures are mixed'
grep -q '^compare.py: report.json has models, scaling of 1 threads' log || die "$(cat log)"
python3 - <<'PYTHON'
import json
import subprocess
import os
import xml.dom.minidom

limits = json.load(open("limits.json"))
flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
assert limits["threads"] == 1 and limits["read_gb_s"] > 0, limits
assert ("avx2" in limits["vectors"]) == ({"avx2", "fma"} <= set(flags)), limits
wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags)
assert ("avx512" in limits["vectors"]) == wide, limits
assert limits["tile_gflop_s"] is None or "amx_bf16" in flags, limits

positions = json.load(open("long.json"))["positions"]
assert [p["position"] for p in positions] == [40, 73], positions
assert all(p["decode_s_per_token"] > 0 and p["resident_mb"] > 0 for p in positions), positions

report = json.load(open("report.json"))
(row,) = report["rows"]
assert row["prefill512"]["median"] > 0 and row["decode"]["median"] > 0, row
assert 0 < row["of_read"]["median"] and "prefill4096" not in row, row
assert report["absent"] == ["llama.cpp and PyTorch: not installed, ours alone"], report["absent"]
assert [row["weights"] for row in report["scaling"]] == ["bf16", "int8", "int4"], report["scaling"]
assert "absent: llama.cpp" in open("text").read()

# The plot, of made-up lines.
plot = [os.environ["MAMBA_SOURCE"] + "/bench/peers/plot.py", "report.json", "plot.svg"]
refused = subprocess.run(["python3", *plot], capture_output=True, text=True)
assert refused.returncode == 1 and "has no positions" in refused.stderr, refused
point = lambda n: {"position": n, "decode_s_per_token": n * 1e-6, "resident_mb": 20}
report["bundled"] = {"lines": [{"name": "a & b", "positions": [point(128), point(1000000)]}]}
json.dump(report, open("report.json", "w"))
subprocess.run(["python3", *plot], check=True)
svg = xml.dom.minidom.parse("plot.svg")
assert len(svg.getElementsByTagName("circle")) == 5, "two panels of two points, and the legend"
PYTHON
exit 0
