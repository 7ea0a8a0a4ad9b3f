# RUN: bash %s %t
# A disk that is full, for every output that hostile-system.sh and tune-faults.sh leave
# out: one line names the file and the reason, what was there before stays as it was, and
# nothing else is left.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
small=$(pack golden/mamba1)
gpu=$(pack golden/mamba1 --target=cuda:sm_80)
export TMPDIR=$PWD/tmp
mkdir tmp
python3 - <<'PYTHON'
import array, json, struct

ids = array.array("q", [(7 * i) % 90 for i in range(300)]).tobytes()
head = json.dumps({"input_ids": {"dtype": "I64", "shape": [1, 300], "data_offsets": [0, len(ids)]}}).encode()
head += b" " * (-len(head) % 8)
with open("ids", "wb") as file:
    file.write(struct.pack("<Q", len(head)) + head + ids)
PYTHON
: >a.tune
cat "$MAMBA_SOURCE"/compiler/tune/schedules/cuda-sm_9*.tune >b.tune

is_clean() {
  local found
  found=$(find . -name '.mamba-*' -o -path './tmp/*')
  [ -z "$found" ] || die "left behind: $found"
}
# refuses FILE COMMAND...: a file may not grow beyond 1 KiB. Once with such a file, once
# without. What the shell itself says goes through a pipe.
refuses() {
  local file=$1
  shift
  mkdir -p "$(dirname "$file")"
  printf old >"$file"
  (ulimit -f 1 && fails 1 "cannot write '$file': File too large" "$@") | cat
  [ "$(cat "$file")" = old ] || die "$file was changed"
  is_clean
  rm "$file"
  (ulimit -f 1 && fails 1 "cannot write '$file': File too large" "$@") | cat
  [ ! -e "$file" ] || die "$file is there"
  is_clean
}
refuses called mamba-run call "$small" --entry logits --input ids --output called --quiet
refuses merged.mpk mamba-pack merge "$small" "$gpu" -o merged.mpk
refuses stripped.mpk mamba-pack strip "$gpu" --drop=cuda-source -o stripped.mpk
refuses model.mlir mamba-import "$data/golden/mamba1" -o model.mlir
refuses merged.tune mamba-tune merge a.tune b.tune -o merged.tune
mamba-import --op=scan --sizes=E=19,N=5 -o scan.mlir
refuses llvm.mlir mamba-opt scan.mlir --mamba-pipeline=llvm --target=cpu:x86-64-v3 -o llvm.mlir
# What is compiled on the way, too.
(ulimit -f 1 && fails 1 "cannot write '.*/tmp/mamba-kernels-.*[.]o': File too large; make room, or name another folder .* TMPDIR" \
  mamba-pack build scan.mlir --target=cpu:x86-64-v3 --no-cache --quiet -o scan.mpk) | cat
[ ! -e scan.mpk ] || die 'a part of scan.mpk is there'
is_clean
# Weights of a folder.
status=0
(ulimit -f 8 && exec mamba-import "$data/golden/mamba1/config.json" --random-weights=1 -o made) >out 2>stderr || status=$?
[ $status = 1 ] && [ "$(wc -l <stderr)" = 1 ] && grep -q "^mamba-import: cannot write 'made/.*': File too large$" stderr ||
  die "status $status: $(cat stderr)"
[ ! -e made/model.safetensors ] || die 'weights are there'
is_clean

# A conversation that cannot be saved goes on, and its end tells.
for how in command option; do
  printf old >talk
  status=0
  if [ $how = command ]; then
    printf 'Speak.\n/save talk\nMore.\n' >lines
    set --
  else
    printf 'Speak.\nMore.\n' >lines
    set -- --save-state talk
  fi
  (ulimit -f 1 && exec mamba-run chat "$mpk" -n 5 --quiet "$@" <lines) >out 2>stderr || status=$?
  [ $status = 1 ] && [ "$(cat stderr)" = "mamba-run: cannot write 'talk': File too large" ] ||
    die "status $status: $(cat stderr)"
  [ "$(cat talk)" = old ] || die 'the state was changed'
  [ "$(wc -l <out)" -ge 2 ] || die "said: $(cat out)"
  is_clean
done

# Of a device there is no half of a file.
lost() { fails 1 "cannot write '/dev/full': No space left on device" "$@" /dev/full; }
lost mamba-run call "$small" --entry logits --input ids --quiet --output
lost mamba-run logits "$small" --input ids --quiet --output
lost mamba-pack merge "$small" "$gpu" -o
lost mamba-pack strip "$gpu" --drop=cubin -o
lost mamba-import "$data/golden/mamba1" -o
lost mamba-tune merge b.tune -o

# What a sweep found is kept where its picture is not.
status=0
mamba-tune "$data/models/shakespeare" --kernels 'rows last_rows f32->f32 prefill' --db kept.tune \
  --report /dev/full --quiet >out 2>stderr || status=$?
[ $status = 1 ] && [ "$(cat stderr)" = "mamba-tune: cannot write '/dev/full': No space left on device" ] ||
  die "status $status: $(cat stderr)"
[ -s kept.tune ] || die 'the record is lost'
is_clean

# A profile that nobody can read is no profile.
status=0
mamba-run bench "$mpk" --prompt-len 4 --gen-len 2 --profile --quiet >out 2>/dev/full || status=$?
[ $status = 1 ] || die "a profile that is lost ends with $status"
