# RUN: bash %s %t
# A checkpoint that is not one: the compiler says what is wrong, in one line,
# and leaves nothing behind.
. "$(dirname "$0")/Inputs/common.sh"

good=$data/golden/mamba1
weights=$good/model.safetensors

# refused PATTERN FOLDER: by both tools that read checkpoints.
refused() {
  fails 1 "$1" mamba-pack build "$2" -o refused.mpk --quiet
  absent refused.mpk
  fails 1 "$1" mamba-import "$2" -o refused.mlir
  absent refused.mlir
}
# fresh: a good checkpoint in the folder c, to be spoilt.
fresh() { rm -rf c; mkdir c; cp "$good"/config.json "$weights" c; chmod -R u+w c; }
# header FROM TO: a good checkpoint but for its header.
header() { fresh; test-tensors edit-header "$weights" c/model.safetensors "$1" "$2"; }
# config FROM TO: a good checkpoint but for its config.
config() {
  fresh
  sed "s/$1/$2/" "$good/config.json" >c/config.json
  ! cmp -s "$good/config.json" c/config.json || die "no '$1' in the config"
}
# raw LENGTH_BYTES JSON: model.safetensors with a header's length as given, in
# octal escapes.
raw() { fresh; { printf "$1"; printf '%s' "$2"; } >c/model.safetensors; }

# Files and folders.
fails 1 "there is no 'nothing'" mamba-pack build nothing -o refused.mpk --quiet
fails 1 "'nothing'" mamba-import nothing
mkdir none
refused 'none' none
fresh; rm c/model.safetensors
refused 'model.safetensors' c
fresh; rm c/config.json
refused 'config.json' c
fresh; : >c/model.safetensors
refused 'model.safetensors' c
fresh; : >c/config.json
refused 'config.json' c
fresh; rm c/config.json; mkdir c/config.json
refused 'config.json' c
size=$(stat -c %s "$weights")
for length in 1 7 8 9 100 $((size / 2)) $((size - 1)); do
  fresh; head -c $length "$weights" >c/model.safetensors
  refused 'model.safetensors' c
done
fresh; printf x >>c/model.safetensors
refused 'model.safetensors' c

# The header's length and text.
raw '\0\0\0\0\0\0\0\200' '{}'
refused '9223372036854775808|header' c
raw '\377\377\377\377\377\377\377\377' '{}'
refused '18446744073709551615|header' c
raw '\2\0\0\0\0\0\0\0' '{]'
refused 'line 1' c
raw '\0\0\0\0\0\0\0\0' ''
refused 'header|JSON' c
deep=$(printf '%040000d' 0 | tr 0 '[')
fresh; { printf '\100\234\0\0\0\0\0\0'; printf '%s' "$deep"; } >c/model.safetensors
refused 'nested|deep' c

# What the header says of a tensor.
norm='"backbone.norm_f.weight"'
header '"F32"' '"F33"'
refused 'F33' c
header '"shape": [64]' '"shape": [63]'
refused 'norm' c
header '"shape": [64]' '"shape": [-64]'
refused 'shape|negative' c
header '"shape": [64]' '"shape": [4611686018427387904, 64]'
refused 'shape|large' c
header '"shape": [64]' '"shape": [9223372036854775808]'
refused 'shape' c
header '"shape": [64]' '"shape": ["64"]'
refused 'shape' c
header '"shape": [64]' '"shape": [8, 8]'
refused '\[64\].*\[8, 8\]' c
header "$norm" '"backbone.norm_g.weight"'
refused 'backbone.norm_f.weight' c
header "$norm" '"backbone.layers.0.norm.weight"'
refused 'backbone.layers.0.norm.weight|twice' c
header '"data_offsets": [0,' '"data_offsets": [4,'
refused 'offset|hole|bytes' c
header '"data_offsets": [0,' '"data_offsets": [-4,'
refused 'offset' c
header '"data_offsets": [0,' '"data_offsets": [99999999999,'
refused 'offset' c
header '"data_offsets": [51200, 51456]' '"data_offsets": [51196, 51452]'
refused 'overlap|offset|bytes' c

# The config.
config '{' '['
refused 'config.json.*line' c
config '"state_size": 16' '"state_size": "16"'
refused "config.json.*'state_size'.*string" c
config '"hidden_size": 64' '"hidden_size": -64'
refused "'hidden_size'" c
config '"hidden_size": 64' '"hidden_size": 1e30'
refused "'hidden_size'" c
config '"hidden_size": 64' '"hidden_size": 32'
refused '64' c
config '"expand": 2' '"expand": 3'
refused "'expand'.*'intermediate_size'.*192 and 128" c
config '"intermediate_size": 128,' ''
sed -i 's/"expand": 2/"expand": 2.5/' c/config.json
refused "'backbone.layers.0.*\[320, 64\].*\[256, 64\]" c
config '"vocab_size": 200' '"vocab_size": 201'
refused '20[01]' c
config '"num_hidden_layers": 3' '"num_hidden_layers": 4'
refused 'layers' c
config '"num_hidden_layers": 3' '"num_hidden_layers": 1'
refused "layers.1.*only 1 layers" c
config '"model_type": "mamba"' '"model_type": "llama"'
refused 'llama' c
fresh; printf '%s' "$deep" >c/config.json
refused 'config.json.*(nested|deep)' c
fresh; printf '{"a":%s' "$deep" >c/config.json
refused 'config.json.*(nested|deep)' c

# The index of shards.
fresh; rm c/model.safetensors; echo '{"weight_map": {"a": "../c/x"}}' >c/model.safetensors.index.json
refused 'index.json' c
echo '{"weight_map": {"backbone.norm_f.weight": "missing.safetensors"}}' >c/model.safetensors.index.json
refused 'missing.safetensors' c
echo '{"weight_map": 3}' >c/model.safetensors.index.json
refused 'weight_map' c

# What is found before anything is compiled is the only line.
fresh
fails 1 "there is no 'nothing'" mamba-pack build nothing -o refused.mpk
fails 1 'nowhere' mamba-pack build c -o nowhere/x.mpk
mkdir -p folder
fails 1 "'folder'.*folder, not a file" mamba-pack build c -o folder
absent refused.mpk

# The pack does not take the place of its input, under any name.
mamba-import c -o model.mlir
cp model.mlir kept.mlir
ln -s model.mlir link.mlir
for name in model.mlir ./model.mlir "$PWD/model.mlir" c/../model.mlir link.mlir; do
  fails 2 "'$name' is what is read.*mamba-pack build --help" mamba-pack build model.mlir -o "$name"
  fails 2 "'model.mlir' is what is read" mamba-pack build "$name" -o model.mlir
done
cmp model.mlir kept.mlir
fails 2 "'./c' is what is read" mamba-pack build c -o ./c
fails 2 'a file of the checkpoint' mamba-pack build c -o c/model.safetensors
fails 2 'a file of the checkpoint' mamba-pack build c -o ./c/config.json
cmp "$weights" c/model.safetensors
cmp "$good/config.json" c/config.json
fails 2 'standard output' mamba-pack build c -o -

# A good one still compiles; what stands in the way of writing is said, and a
# pack that is there stays as it was.
fresh
echo old >kept.mpk
config '"state_size": 16' '"state_size": 8'
fails 1 'x_proj' mamba-pack build c -o kept.mpk --quiet
[ "$(cat kept.mpk)" = old ] || die 'a failed build changed the pack'
fresh
fails 1 'nowhere' mamba-pack build c -o nowhere/x.mpk --quiet
mkdir folder.mpk
fails 1 'folder.mpk' mamba-pack build c -o folder.mpk --quiet

# A tokenizer that is not one, and one of a kind that is not read.
fresh
printf '{"model": 3' >c/tokenizer.json
fails 1 "'[^']*/c/tokenizer.json': line 1, .*; without this file the pack takes token ids only" \
  mamba-pack build c -o refused.mpk --quiet
printf '{"model": {"type": "Unigram", "vocab": []}}' >c/tokenizer.json
fails 1 "'[^']*/c/tokenizer.json': 'decoder': .* not supported; .*; without this file" mamba-pack build c -o refused.mpk --quiet
absent refused.mpk
rm c/tokenizer.json

# Modules over ssm ops.
: >empty.mlir
fails 1 'empty.mlir' mamba-pack build empty.mlir -o refused.mpk --quiet
echo 'func.func @f(' >broken.mlir
fails 1 'broken.mlir' mamba-pack build broken.mlir -o refused.mpk --quiet
absent refused.mpk
