# RUN: bash %s %t
# A tuning pack: variants are built, shown, checked and swept without a compiler, and
# what a sweep finds goes into the next pack of the model.
. "$(dirname "$0")/Inputs/common.sh"

model=$data/models/shakespeare
kernel='linear linear+add f32,f32,f32->f32 decode'
mamba-pack build "$model" --variants=3 -o t.mpk --target=cpu:native --no-cache --quiet
mamba-pack build "$model" --variants=3 -o same.mpk --target=cpu:native --no-cache --jobs=1 --quiet
cmp t.mpk same.mpk

mamba-pack inspect t.mpk >shown
grep -Eq '^a tuning pack: [0-9]+ variants of [0-9]+ kernels, for mamba-tune$' shown
target=$(sed -n 's/^target cpu:native, \(.*\) in databases$/\1/p' shown)
mamba-pack inspect t.mpk --json | python3 -c '
import json, sys
for kernel in json.load(sys.stdin)["tuning"]:
    variants = kernel["variants"]
    assert 2 <= len(variants) <= 3, kernel["key"]
    times = [v["predicted_us"] for v in variants[1:]]
    assert times == sorted(times) and times[0] > 0, kernel["key"]'
mamba-pack verify t.mpk >shown
grep -Eq 't.mpk: [0-9]+ variants for cpu:native on cpu pass their self-tests$' shown

# It is for mamba-tune alone.
fails 1 "'t.mpk' is a tuning pack: mamba-tune finds" mamba-run generate t.mpk --prompt x
fails 1 "'t.mpk' is a tuning pack, which stays" mamba-pack strip t.mpk --drop=golden -o x.mpk
absent x.mpk

# A sweep, which stops at once and goes on.
mamba-tune t.mpk --kernels "$kernel" --db x.tune --budget 0.000001s --quiet >report
grep -q '^stopped: what was found is in x.tune, --resume goes on$' report
mamba-tune t.mpk --kernels "$kernel" --db x.tune --resume --report x.svg >report 2>log
grep -q '^geometric mean of default by best over 1 kernels: ' report
grep -q "^mamba-tune: $kernel .*: default " log
grep -q '</svg>' x.svg
[ "$(grep -c "^$target | $kernel .* | measured " x.tune)" = 1 ] || die "$(cat x.tune)"
# Versions as a sweep over the model spells them.
grep -Eq ' \| mamba [0-9.]+ llvm [0-9.]+ [0-9]{4}-[0-9-]+$' x.tune || die "$(cat x.tune)"
test ! -e x.tune.journal

# Another pack in its place is another sweep.
cp t.mpk same.mpk
mamba-tune same.mpk --db same.tune --budget 0.000001s --quiet >none
mamba-pack build "$model" --variants=2 -o same.mpk --target=cpu:native --quiet
fails 1 'is of a sweep with other options: .*"pack":"[0-9a-f]{64}"' mamba-tune same.mpk --db same.tune --resume

# One device of several that there are targets for.
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
mamba-pack build scan.mlir --variants=2 -o both.mpk --target=cpu:native,cuda:sm_80 --quiet
mamba-pack verify both.mpk --device=sim >shown
grep -Eq 'both.mpk: [0-9]+ variants for cuda:sm_80 on sim pass their self-tests$' shown
grep -q "^cpu:native is not tested here: it is for device 'cpu'$" shown

# Those records, and one that says another schedule than the default is best.
schedule=$(mamba-pack inspect t.mpk --json | python3 -c '
import json, sys
for kernel in json.load(sys.stdin)["tuning"]:
    if kernel["key"].startswith("linear rms_norm+linear f32,f32->f32 decode"):
        print(kernel["key"], "|", kernel["variants"][1]["schedule"])
        break')
echo "$target | $schedule | measured 1us spread 1% default 2us rows 1 threads 2 | A chip | mamba 2026-11-22" >>x.tune
mamba-pack build "$model" -o best.mpk --db x.tune --no-db --check=off --quiet
mamba-pack inspect best.mpk >shown
grep "linear_.* database: .*, measured" shown | grep -v 'A chip' >/dev/null
grep -q 'linear_.* database: A chip, measured' shown
mamba-pack verify best.mpk --device=cpu --quiet >/dev/null

# A damaged variant is found, and does not end a sweep.
python3 - t.mpk bad.mpk <<'PYTHON'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
codes = [name for name in header if name.startswith("code.")]
at = 8 + size + header[codes[1]]["data_offsets"][0]
data[at + 20] ^= 255
open(sys.argv[2], "wb").write(data)
PYTHON
fails 1 "'code.1' have SHA-256" mamba-pack verify bad.mpk
first=$(mamba-pack inspect t.mpk --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["tuning"][0]["key"])')
mamba-tune bad.mpk --kernels "$first" --db bad.tune --quiet >report
grep -q 'timed, 1 failed' report
grep -q "'code.1' have SHA-256" report

# What is wrong is said in a line.
fails 1 "no target 'cpu:z80' in pack" mamba-tune t.mpk --target cpu:z80
fails 1 'best.mpk. has no variants to choose from: make a tuning pack' mamba-tune best.mpk
fails 1 'no-such.mpk' mamba-tune no-such.mpk
fails 2 '--weights: a pack has been compiled already' mamba-tune t.mpk --weights bf16
fails 2 '--list: a pack has been compiled already' mamba-tune t.mpk --list
fails 2 "report: 't.mpk' is not for the report" mamba-tune t.mpk --report t.mpk
named=${target//:/-}.tune
fails 1 "'$named' is not for the report" mamba-tune t.mpk --report "./$named"
fails 1 "'x.tune.journal' is not for the report" mamba-tune t.mpk --db x.tune --report x.tune.journal
fails 2 "'new.tune' is not for the report" mamba-tune t.mpk --db new.tune --report ./new.tune
absent "$named"
fails 2 'must be a number from 2 to 256, got .1.' mamba-pack build "$model" --variants=1 -o x.mpk
fails 2 'must be a number from 2 to 256, got .many.' mamba-pack build "$model" --variants=many -o x.mpk
fails 2 '--embed-weights excludes --variants' mamba-pack build "$model" --variants --embed-weights -o x.mpk
absent x.mpk
