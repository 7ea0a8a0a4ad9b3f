# RUN: bash %s %t
# Files that are made to harm: whoever reads one refuses it in one line, soon, and with
# little memory. bad-checkpoint.sh, bad-pack.sh and bad-tensors.sh have what is only wrong.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
ulimit -v $((8 << 20)) # KiB: what a header asks for is not taken.

# Safetensors: a header of 2^63 bytes, shapes whose product wraps, a name twice, deep
# nesting, offsets that wrap.
python3 - <<'PYTHON'
import struct

def write(name, header, length=None, data=b"\0" * 64):
    header = header.encode()
    length = len(header) if length is None else length
    with open(name, "wb") as file:
        file.write(struct.pack("<Q", length) + header + data)

def tensor(shape, offsets="[0, 64]", name="a"):
    return f'{{"{name}": {{"dtype": "F32", "shape": {shape}, "data_offsets": {offsets}}}}}'

write("long-header", "{}", length=1 << 63)
write("product-wraps", tensor("[4294967296, 4294967296, 16]"))
write("bytes-wrap", tensor("[4611686018427387908]"))
write("extent-wraps", tensor("[18446744073709551632]"))
write("negative", tensor("[-16]"))
write("offsets-wrap", tensor("[16]", "[18446744073709551600, 48]"))
write("offsets-fall", tensor("[16]", "[64, 0]"))
write("twice", tensor("[16]")[:-1] + ", " + tensor("[16]")[1:])
write("deep", "[" * 200000)
write("deep-object", '{"a":' * 200000)
PYTHON
printf '\3\0\0\0\0\0\0\0"\377"' >not-utf8
mkdir checkpoint
cp "$data/golden/mamba1/config.json" checkpoint
for file in long-header product-wraps bytes-wrap extent-wraps negative offsets-wrap offsets-fall \
  twice deep deep-object not-utf8; do
  cp $file checkpoint/model.safetensors
  fails 1 'model.safetensors' mamba-pack build checkpoint -o refused --quiet
  fails 1 "$file" mamba-pack verify $file --quiet
  fails 1 "$file" mamba-run generate "$mpk" --load-state $file -n 1
  fails 1 "$file" mamba-run logits "$mpk" --input $file --output refused
  absent refused
done

# JSON: nested 200,000 deep, a key twice, cut off, with a zero byte.
export MAMBA_CACHE=$PWD/cache # The kernels are the same each time.
json() { # FILE: which of config.json and tokenizer.json
  rm -rf folder
  cp -r "$data/models/shakespeare" folder
  chmod -R u+w folder
  cat >"folder/$1"
  fails 1 "$1" mamba-pack build folder -o refused --quiet
  absent refused
  if [ "$1" = tokenizer.json ]; then # Of a pack that has it all the same.
    test-tensors edit-metadata "$mpk" carries.mpk "$1" "folder/$1"
    fails 1 "$1" mamba-run generate carries.mpk --prompt x -n 1
  fi
}
for file in config.json tokenizer.json; do
  python3 -c 'print("[" * 200000)' | json $file
  python3 -c 'print("{\"a\":" * 200000)' | json $file
  sed 's/{/{"model": 1, "model": 2, "vocab_size": 3, "vocab_size": 4, /' \
    "$data/models/shakespeare/$file" | json $file
  head -c 100 "$data/models/shakespeare/$file" | json $file
  printf '{"\0": 1}' | json $file
done

# A tokenizer of millions of tokens is too long to be read; merges that make what they are
# made of.
python3 - "$data/models/shakespeare/tokenizer.json" <<'PYTHON'
import json, sys

whole = json.load(open(sys.argv[1]))
model = whole["model"]
vocab, merges = model["vocab"], model["merges"]
model["vocab"], model["merges"] = "VOCAB", []
text = json.dumps(whole)
with open("many", "w") as file:
    before, after = text.split('"VOCAB"')
    file.write(before + "{" + ",".join(f'"{i:x}":{i}' for i in range((1 << 22) + 1)) + "}" + after)
model["vocab"], model["merges"] = vocab, merges + ["a ", " a"]
json.dump(whole, open("loop", "w"))
PYTHON
json tokenizer.json <loop
cp many folder/tokenizer.json
fails 1 "tokenizer.json': it holds more than 67108864 bytes" mamba-pack build folder -o refused --quiet
absent refused

# A prompt of any bytes is a prompt.
mamba-run generate "$mpk" --prompt $'\xff\xfe\x80 \xe4\xbd' -n 4 --greedy --quiet >out
head -c 2000 /dev/urandom >random
mamba-run generate "$mpk" --prompt-file random -n 4 --greedy --quiet >out
mamba-run perplexity "$mpk" --file random --quiet >out
grep -q '"tokens"' out || die "$(cat out)"
