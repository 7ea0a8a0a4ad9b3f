# RUN: bash %s %t
# Packs are built the same each time, show what they hold, and test themselves.
. "$(dirname "$0")/Inputs/common.sh"
folder=$data/golden/mamba1

# Same input, same bytes; nothing on stdout, and nothing at all with --quiet.
mamba-pack build "$folder" -o a.mpk >stdout 2>log
[ ! -s stdout ] || die "build wrote to stdout"
grep -q 'compiling for cpu:native' log || die "build does not say what it does"
mamba-pack build "$folder" -o b.mpk --quiet >stdout 2>&1
[ ! -s stdout ] || die "--quiet is not quiet: $(cat stdout)"
cmp a.mpk b.mpk

# By way of a module, the same programs; the pack still knows its checkpoint.
mamba-import "$folder" -o model.mlir
mamba-pack build model.mlir -o c.mpk --quiet
cmp a.mpk c.mpk

# Several targets in one pack.
mamba-pack build "$folder" -o two.mpk --target=cpu:x86-64-v3,cpu:x86-64-v4 --quiet
mamba-pack inspect two.mpk >shown
grep -q '^target cpu:x86-64-v3: x86_64 ' shown
grep -q '^target cpu:x86-64-v4: x86_64 ' shown

# What inspect shows.
mamba-pack inspect a.mpk >shown
grep -q '^model mamba1, 3 layers, vocabulary 200' shown
grep -q '^entry next: input_ids I32 \[T\] below 200 -> logits F32 \[S, 200\]; 6 states' shown
grep -q '^entry logits: .* -> logits F32 \[T, 200\]' shown
options='u F32 \[S, 1\], temperature F32 \[S, 1\], top_k I32 \[S\], top_p F32 \[S, 1\], min_p F32 \[S, 1\]'
results='token I32 \[S\], largest F32 \[S, 1\], logits F32 \[S, 200\]'
grep -q "^entry sample: input_ids I32 \[T\] below 200, $options -> $results; 6 states" shown
grep -Eq 'linear_64x256_norm_r96 .* ceil\(T/96\)\*4 .*row_block = 96' shown ||
  grep -Eq 'linear_64x256_norm_r[0-9]+ .* ceil\(T/[0-9]+\)' shown
grep -Eq 'next +decode +sequences of 1 token' shown
grep -Eq 'next +few +T <= 16' shown
grep -Eq 'logits +prefill +any T' shown
mamba-pack inspect a.mpk --json >json
grep -q '"symbol":"' json
[ "$(wc -l <json)" = 1 ] || die "the manifest is not one line"

# A reader that goes away is no failure.
mamba-pack inspect a.mpk | sed -n 1p >first
grep -q '^a.mpk: ' first

# Verify runs every kernel, with any number of threads.
for threads in 0 1 3; do
  mamba-pack verify a.mpk --threads=$threads --quiet >shown 2>log
  grep -Eq '^a.mpk: 3 blobs are whole; cpu:native passes [1-9][0-9]* self-tests; end to end 4 steps are right: ' shown
  [ ! -s log ] || die "--quiet is not quiet: $(cat log)"
done
MAMBA_CUDA_DRIVER=/nonexistent fails 1 "no device 'cuda'" mamba-pack verify a.mpk --device=cuda --quiet
fails 2 "tpu.*mamba-pack verify --help" mamba-pack verify a.mpk --device=tpu
fails 2 'twice.*mamba-pack build --help' mamba-pack build "$folder" -o none.mpk --target=cpu:native,cpu:native
fails 2 'cpu:z80.*known' mamba-pack build "$folder" -o none.mpk --target=cpu:z80
fails 2 'cuda:sm_12.*known' mamba-pack build "$folder" -o none.mpk --target=cpu:native,cuda:sm_12
absent none.mpk
