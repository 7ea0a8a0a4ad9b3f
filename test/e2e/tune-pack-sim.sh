# RUN: bash %s %t
# A tuning pack on the simulator: each variant is checked, and predicted as the compiler
# predicts it for a model.
. "$(dirname "$0")/Inputs/common.sh"

mamba-import --op=conv1d --sizes=E=24,W=4 -o conv.mlir
kernel='conv1d conv1d f32.* prefill'
mamba-pack build conv.mlir --variants=4 -o c.mpk --target=cuda:sm_80,cuda:sm_89 --quiet
tune() { mamba-tune c.mpk --device=sim --target=cuda:sm_80 --quiet "$@"; }

tune --db a.tune --report a.svg >report
grep -q '^  2048 rows, default .* us, best .* us, .*x; [2-4] predicted$' report
! grep -Eq 'rank|[+]-|failed' report || die "a prediction has no spread, and all are right: $(cat report)"
grep -q '</svg>' a.svg
grep -q 'predicted for A100' a.svg
grep -Eq "^cuda:sm_80 \| $kernel.* \| predicted [0-9.]+us default [0-9.]+us rows 2048 \| A100 \| mamba " a.tune
test ! -e a.tune.journal

# What the compiler predicts: of the default in the records, of the others in the picture.
mamba-tune conv.mlir --target=cuda:sm_80 --exhaustive --db m.tune --report m.svg --quiet >none
defaults() { sed -n 's/^\([^|]*|[^|]*|\).* default \([0-9.]*us rows [0-9]*\) .*/\1 \2/p' "$1"; }
[ -n "$(defaults a.tune)" ] || die "no records: $(cat a.tune)"
diff <(defaults a.tune) <(defaults m.tune)
points() { grep -o '<title>[^<]*' "$1" | sort -u; }
[ "$(points a.svg | wc -l)" -ge 4 ] || die "too few: $(points a.svg)"
[ -z "$(comm -23 <(points a.svg) <(points m.svg))" ] || die "differs: $(points a.svg; points m.svg)"

# The chip, and the target for it.
mamba-tune c.mpk --device=sim --chip rtx4090 --kernels prefill --db chip.tune --quiet >none
grep -q '^cuda:sm_89 .* | RTX4090 | ' chip.tune
fails 1 "chip 'A10' is sm_86, the target 'cuda:sm_80': name a chip of the target" \
  mamba-tune c.mpk --device=sim --target=cuda:sm_80 --chip A10
fails 1 "'c.mpk' has no target for chip 'H100', which is sm_90a" mamba-tune c.mpk --device=sim --chip H100
fails 1 "unknown chip 'Z80'" mamba-tune c.mpk --device=sim --chip Z80
fails 1 'chip is for predictions: name --device=sim too' mamba-tune c.mpk --device=cpu --chip A100

# What matches nothing is said before there is a database; a share may be empty.
fails 1 "no kernel of 'c.mpk' matches 'nosuch', 'mamba-pack inspect --json' shows them" \
  mamba-tune c.mpk --device=sim --kernels nosuch --db none.tune
absent none.tune
tune --kernels nosuch --shard 1/2 --db none.tune >report
grep -qx 'there is nothing to tune in shard 1/2' report

# Shares, a budget, and going on.
for share in 1 2; do
  tune --shard $share/2 --db share$share.tune >none
done
mamba-tune merge share1.tune share2.tune -o shares.tune --quiet
diff shares.tune a.tune
tune --db d.tune --budget 0.000001s >report
grep -q '^stopped: what was found is in d.tune, --resume goes on$' report
fails 1 'is of a sweep with other options' mamba-tune c.mpk --device=sim --target=cuda:sm_89 --db d.tune --resume
tune --db d.tune --resume >none
cmp a.tune d.tune

# A variant whose numbers are wrong is not taken; nor is one whose PTX is damaged.
python3 - c.mpk wrong.mpk <<'PYTHON'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])
for name, entry in header.items():
    if name.startswith("golden."):
        at = 8 + size + entry["data_offsets"][0]
        data[at:at + 4] = struct.pack("<f", 1e9)
open(sys.argv[2], "wb").write(data)
PYTHON
status=0
mamba-tune wrong.mpk --device=sim --target=cuda:sm_80 --kernels prefill --db w.tune --quiet >report 2>log || status=$?
[ $status = 0 ] && grep -Eq 'not tuned: the default: .*(SHA-256|relative error)' report || die "$status: $(cat report log)"
test ! -s w.tune

# A pack for processors has nothing for it.
mamba-import --op=linear --sizes=K=8,O=8 -o linear.mlir
mamba-pack build linear.mlir --variants=2 -o cpu.mpk --target=cpu:x86-64-v3 --quiet
fails 1 "no PTX for device 'sim'" mamba-tune cpu.mpk --device=sim
fails 2 "must be cpu, cuda, cuda:N or sim, got 'npu'" mamba-tune c.mpk --device=npu
