# RUN: bash %s %t
# The whole way of tools/gpu-check.sh, with a small model and a fake driver: a folder
# is prepared, carried, and says what is wrong, whatever happens.
. "$(dirname "$0")/Inputs/common.sh"
export MAMBA_SIM_CHECKS=off FAKE_CUDA='checks=off'
unset MAMBA_CACHE
export XDG_CACHE_HOME=$PWD/user-cache
fake=$MAMBA_BUILD/test/fake-cuda/libfakecuda.so
PATH=$MAMBA_SOURCE/tools:$PATH

gpu-check.sh --prepare "$PWD/made" --quick 2>log || die "$(cat log)"
[ -s made.tar.xz ] || die 'no archive'
! [ -e made.part ] || die 'left behind: made.part'
fails 2 "is there already" gpu-check.sh --prepare "$PWD/made" --quick
mkdir there
tar -C there -xJf made.tar.xz
cd there/made

# With nothing but what was carried.
run() {
  exec env -i PATH=/usr/bin:/bin FAKE_CUDA="$FAKE_CUDA" MAMBA_SIM_CHECKS=off MAMBA_CUDA_DRIVER="$fake" \
    MAMBA_CUDA_NVRTC=/nonexistent ./gpu-check.sh "$@"
}
fails 2 "needs a folder to make" gpu-check.sh --prepare //
# All is right, but without NVRTC not all is verified.
status=0
(run --output all) >table 2>log || status=$?
[ $status = 1 ] || die "status $status: $(cat log table)"
grep -Eq '^verdict: incomplete, .* 0 wrong' table
cmp table all.txt
python3 - <<'PYTHON'
import json

record = json.load(open("all.json"))
assert record["finished"] and record["verdict"] == "incomplete", record
assert record["counts"]["right"] >= 3 and record["counts"]["wrong"] == 0, record["counts"]
status = {step["kind"]: step["status"] for step in record["steps"]}
for kind in "machine", "limits", "model", "launches":
    assert status[kind] == "done", status
rows = [row for step in record["steps"] for row in step["rows"]]
names = {row["row"] for row in rows}
assert names >= {"machine", "check", "limit", "load", "step", "kernel"}, names
kernels = [row for row in rows if row["row"] == "kernel"]
assert {(row["sequences"], row["length"]) for row in kernels} == {(1, 1), (3, 1), (3, 9)}, kernels
PYTHON
grep -Eq 'MAMBA_CUDA_PREFER=nvrtc +absent +NVRTC is not here' table
grep -q '^THE DRIVER IS ANOTHER ONE' table
grep -Eq '^tiny bf16 +1 x 1 +in_proj +2 +' table
grep -Eq '^special functions ' table

PATH=$PWD/bin:$PATH

# No time, another folder, no place to write, no driver, no such GPU.
status=0
(run --minutes 0.02 --output short) >table 2>log || status=$?
[ $status = 1 ] || die "status $status: $(cat log)"
grep -q '^verdict: incomplete' table
grep -Eq 'skipped +no time was left' short.txt
python3 -c 'import json; r = json.load(open("short.json")); assert r["finished"] and r["seconds"] < 10, r["seconds"]'
fails 2 "no bin/mamba-gpu-check" gpu-check.sh "$PWD"/..
mkdir none
fails 2 "no check.json" mamba-gpu-check none
fails 2 "minutes" mamba-gpu-check . --minutes -1
fails 2 "minutes" mamba-gpu-check . --minutes nan
echo '{"steps": [{}]}' >damaged.json
fails 1 "damaged" mamba-gpu-check . --table damaged.json
MAMBA_CUDA_DRIVER=$fake fails 1 '/nonexistent/x' mamba-gpu-check . --quiet --output /nonexistent/x
MAMBA_CUDA_DRIVER=/nonexistent fails 1 "no device 'cuda'" mamba-gpu-check . --quiet
MAMBA_CUDA_DRIVER=$fake fails 1 'the driver has 1' mamba-gpu-check . --quiet --gpu 1
./gpu-check.sh --help | grep -- '--prepare DIR' >/dev/null

# Stopped in the middle, the record is whole up to there, and nobody goes on.
run --output stopped >table 2>log &
for ((i = 0; i < 600; ++i)); do
  [ ! -s stopped.json ] || [ "$(grep -c '"kind"' stopped.json)" -lt 2 ] || break
  sleep 0.1
done
kill -KILL $! # The subshell has become the program.
wait $! || true
python3 -c 'import json; r = json.load(open("stopped.json")); assert not r["finished"] and len(r["steps"]) >= 2'
grep -q 'NOT FINISHED' stopped.txt

# A wrong kernel is named, and the rest is done.
test-tensors show-code packs/tiny-bf16.mpk code.ptx
line=$(grep -m 1 -n 'ex2.approx' code.ptx | cut -d: -f1)
test-tensors edit-code packs/tiny-bf16.mpk bad.mpk ex2.approx.ftz.f32 rsqrt.approx.ftz.f32 --line "$line"
mv bad.mpk packs/tiny-bf16.mpk
status=0
(run --output wrong --only case,model) >table 2>log || status=$?
[ $status = 1 ] || die "status $status: $(cat log)"
grep -Eq '^tiny bf16.*failed.*kernel' wrong.txt
grep -Eq '^mamba1, f32 .* ok ' wrong.txt
python3 -c 'import json; r = json.load(open("wrong.json")); assert r["finished"] and r["verdict"] == "wrong"'
