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

# What is compiled in one thread or in many, into the same bytes.
for jobs in 1 5; do
  mamba-pack build "$folder" -o jobs.mpk --jobs=$jobs --quiet
  cmp a.mpk jobs.mpk
done

# Several targets in one pack.
mamba-pack build "$folder" -o two.mpk --target=cpu:x86-64-v3,cpu:x86-64-v4 --quiet
mamba-pack inspect two.mpk >shown
grep -q '^target cpu:x86-64-v3: x86_64 ' shown
grep -q '^target cpu:x86-64-v4: x86_64 ' shown

# What inspect shows.
mamba-pack inspect a.mpk >shown
grep -q '^a.mpk: .*, format 4.3, built by ' shown
grep -Eq '^ +stored +code +cubin +CUDA C\+\+ +self-tests +together$' shown
grep -Eq '^ +cpu:native +[0-9.]+ kB +0 B +0 B +[0-9.]+ kB +[0-9.]+ kB$' shown
grep -Eq '^ +all, each once ' shown
grep -Eq '^ +manifest [0-9.]+ kB, embedded weights 0 B$' shown
grep -Eq '^ +kernel +code +scratch +runs +tests +tiles +from +schedule$' shown
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
grep -q '"schedule_from":"default"' json
[ "$(wc -l <json)" = 1 ] || die "the manifest is not one line"

# Where schedules come from: the module that is compiled, a file of schedules.
cat >given.mlir <<'MLIR'
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %y = ssm.kernel (%a = %x) schedule <lanes = 8, row_block = 3> : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    %s = ssm.silu %a : tensor<?x64xf32>
    ssm.yield %s : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
MLIR
mamba-pack build given.mlir -o given.mpk --target=cpu:x86-64-v3 --quiet
mamba-pack inspect given.mpk | grep -E ' given +lanes = 8, row_block = 3$' >/dev/null
mamba-pack inspect given.mpk --json | grep '"schedule_from":"given","schedule_entry":null' >/dev/null
fails 1 "cannot open 'no-such-file'" mamba-pack build "$folder" -o none.mpk --db no-such-file --quiet

# A reader that goes away is no failure.
mamba-pack inspect a.mpk | sed -n 1p >first
grep -q '^a.mpk: ' first

# Verify runs every kernel, with any number of threads.
for threads in 0 1 3; do
  mamba-pack verify a.mpk --threads=$threads --quiet >shown 2>log
  grep -Eq '^a.mpk: [1-9][0-9]* blobs are whole; cpu:native passes [1-9][0-9]* self-tests; end to end 4 steps are right: ' shown
  [ ! -s log ] || die "--quiet is not quiet: $(cat log)"
done
MAMBA_CUDA_DRIVER=/nonexistent fails 1 "no device 'cuda'" mamba-pack verify a.mpk --device=cuda --quiet
fails 2 "tpu.*mamba-pack verify --help" mamba-pack verify a.mpk --device=tpu
fails 2 'twice.*mamba-pack build --help' mamba-pack build "$folder" -o none.mpk --target=cpu:native,cpu:native
fails 2 'cpu:z80.*known' mamba-pack build "$folder" -o none.mpk --target=cpu:z80
fails 2 'cuda:sm_12.*known' mamba-pack build "$folder" -o none.mpk --target=cpu:native,cuda:sm_12
absent none.mpk
