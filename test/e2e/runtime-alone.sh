# RUN: bash %s %t
# The runtime and its tools configure and build where there is no LLVM, and run
# a pack that was made elsewhere.
. "$(dirname "$0")/Inputs/common.sh"

. "$(dirname "$0")/Inputs/runtime-alone.sh"
cmake --build build --target mamba-run mamba-pack mamba-tune
! grep -Eqi 'libLLVM|libMLIR|include/(llvm|mlir)' build/build.ninja ||
  die 'the build without a compiler names LLVM'
for tool in mamba-run mamba-pack mamba-tune; do
  ! ldd build/bin/$tool | grep -Ei 'llvm|mlir' || die "$tool needs LLVM"
done

mpk=$(pack golden/mamba1)
golden=$data/golden/mamba1/golden.safetensors
build/bin/mamba-run logits "$mpk" --input "$golden" --output out
test-tensors compare out "$golden" --tolerance 2e-4 --except layer0_output
rm out
build/bin/mamba-pack verify "$mpk"
build/bin/mamba-pack inspect "$mpk" | grep 'model mamba1' >/dev/null
PATH=$PWD/build/bin:$PATH
cd "$scratch"
fails 1 'no compiler' mamba-pack build "$data/golden/mamba1" -o none.mpk
absent none.mpk

# A sweep over variants that were compiled elsewhere.
"$MAMBA_BUILD"/bin/mamba-pack build "$data/models/shakespeare" --variants=3 -o t.mpk --quiet
mamba-pack verify t.mpk --quiet >/dev/null
mamba-tune t.mpk --kernels 'linear linear+add f32,f32,f32->f32 decode' --db x.tune --quiet >report
grep -q '^geometric mean of default by best over 1 kernels: ' report
[ "$(grep -c ' | measured ' x.tune)" = 1 ] || die "$(cat x.tune)"
"$MAMBA_BUILD"/bin/mamba-pack build "$data/models/shakespeare" -o best.mpk --db x.tune --no-db --check=off --quiet
mamba-pack inspect best.mpk | grep 'database: .*, measured' >/dev/null
fails 1 "models/shakespeare' is not a pack, and this mamba-tune has no compiler" mamba-tune "$data/models/shakespeare"
fails 2 'The following argument was not expected: --list' mamba-tune t.mpk --list
