# RUN: bash %s %t
# A system that is full, closed or read-only, and names as people give them.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
input=$data/golden/mamba1/golden.safetensors
generate=(mamba-run generate "$mpk" --prompt ROMEO: -n 20 --greedy --quiet)
"${generate[@]}" --save-state good >expected

# A full disk: 20 blocks of 1 KiB are all that may be written to a file.
full() { (trap '' XFSZ; ulimit -f 20; "$@"); }
export TMPDIR=$PWD/tmp
mkdir tmp
"${generate[@]}" --save-state old >out
cp old before
status=0
full "${generate[@]}" --save-state old >out 2>stderr || status=$?
[ $status = 1 ] || die "a state that cannot be saved ends with $status"
grep -q "^mamba-run: cannot write 'old': File too large" stderr || die "$(cat stderr)"
cmp old before
cmp out expected # What was made was said.
full fails 1 "new.mpk|File too large" mamba-pack build "$data/golden/mamba1" -o new.mpk --embed-weights --quiet
absent new.mpk
pack1=$(pack golden/mamba1)
full fails 1 "'full.out': File too large" mamba-run logits "$pack1" --input "$input" --output full.out --quiet
absent full.out
[ -z "$(find . -name '.mamba-*')" ] || die "left behind: $(find . -name '.mamba-*')"
[ -z "$(ls tmp)" ] || die "left behind: $(ls tmp)"

# A device that is full, a descriptor that is closed.
# What was written last is looked at, and one line says that it is lost.
loses() {
  local status=0
  "$@" 2>stderr || status=$?
  [ $status = 1 ] || die "'$*' ends with $status: $(cat stderr)"
  grep -Eq '^mamba-[a-z]+: cannot write to (stdout|standard output)' stderr || die "$(cat stderr)"
  [ "$(wc -l <stderr)" = 1 ] || die "$(cat stderr)"
}
printf 'To be, or not to be' >prompt
loses "${generate[@]}" >/dev/full
loses "${generate[@]}" >&-
loses mamba-run perplexity "$mpk" --file prompt --quiet >/dev/full
loses mamba-run perplexity "$mpk" --file prompt --quiet >&-
loses mamba-pack inspect "$mpk" >/dev/full
loses mamba-tune "$data/models/shakespeare" --list >/dev/full
for tool in mamba-run mamba-pack mamba-tune mamba-import; do
  for option in --version --help --help-man '--completion bash'; do
    loses $tool $option >/dev/full
  done
done
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
for option in --version --help --help-man --completion=bash scan.mlir 'scan.mlir --mamba-pipeline=asm'; do
  loses mamba-opt $option >/dev/full
done
fails 1 "cannot write '/dev/full': No space left on device" mamba-opt scan.mlir -o /dev/full
[ -c /dev/full ] || die 'the device is gone'
# With stdin closed too, nothing of ours takes the place of a stream.
loses "${generate[@]}" <&- >&-
status=0
timeout 60 mamba-run chat "$mpk" -n 5 <&- >out 2>stderr || status=$?
[ $status = 1 ] && grep -q '^mamba-run: cannot read stdin: ' stderr || die "chat ends with $status: $(cat stderr)"

# A reader that has seen enough is no failure of the writer.
mamba-run generate "$mpk" --prompt ROMEO: -n 3000 --greedy --quiet 2>stderr | head -c 10 >out
[ "$(head -c 10 expected)" = "$(cat out)" ] || die "$(cat out)"
[ ! -s stderr ] || die "$(cat stderr)"

# A cache that cannot be written, or is no folder, is a cache that keeps nothing.
: >file
for cache in /proc/none file; do
  MAMBA_CACHE=$cache mamba-pack build "$data/golden/mamba1-odd" -o cached.mpk --quiet
  rm cached.mpk
done

# Spaces, quotes, characters of other scripts, a dash in front.
odd=$'m\xc3\xb6d el \'x\' \xe4\xbd\xa0\xe5\xa5\xbd'
mkdir "$odd"
cp "$data/golden/mamba1-odd/"* "$odd/"
mamba-pack build "$odd" -o "$odd/a b.mpk" --embed-weights --quiet
mamba-pack verify "$odd/a b.mpk" --quiet >out
grep -qF "$odd" out || die "$(cat out)"
mamba-run logits "$odd/a b.mpk" --input "$odd/golden.safetensors" --output "$odd/-o" --quiet
mamba-import "$odd" -o "$odd/m.mlir"
mamba-opt "$odd/m.mlir" --mamba-pipeline=fused -o "$odd/f.mlir"
fails 1 'missing' mamba-run logits "$odd/a b.mpk" --input "$odd/missing" --output "$odd/none"
# Bytes that are no UTF-8, in a name and in its message.
broken=$'b\xff\xfe'
cp "$odd/a b.mpk" "$broken"
mamba-run logits "$broken" --input "$odd/golden.safetensors" --output "$broken.out" --quiet
cmp "$broken.out" "$odd/-o"
fails 1 'none' mamba-run logits "$broken" --input "$broken.none" --output x
# A line break in a name stays in one line of message.
fails 1 'missing.nfile' mamba-pack inspect $'missing\nfile'
