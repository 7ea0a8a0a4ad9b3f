# RUN: bash %s %t
# A model's name on the Hugging Face hub stands for its folder in the cache, for
# every tool that reads checkpoints; nothing is downloaded.
. "$(dirname "$0")/Inputs/common.sh"

good=$data/golden/mamba1-odd
input=$good/golden.safetensors
export HF_HUB_CACHE=$PWD/hub
model=hub/models--some-org--a.model
fails 1 "no 'some-org/a.model', and no model of that name .*'$PWD/$model/refs/main'\): get it with 'hf download some-org/a.model'" \
  mamba-import some-org/a.model

# As the hub's tools leave it: a snapshot is links to blobs.
mkdir -p $model/refs $model/snapshots/0123abcd $model/blobs
printf 0123abcd >$model/refs/main
for name in config.json model.safetensors; do
  cp "$good/$name" "$model/blobs/blob-$name"
  ln -s "../../blobs/blob-$name" "$model/snapshots/0123abcd/$name"
done
mamba-import some-org/a.model -o model.mlir
grep -q "ssm.source = \"$PWD/$model/snapshots/0123abcd\"" model.mlir
mamba-pack build some-org/a.model -o x.mpk --quiet
mamba-tune some-org/a.model --list >/dev/null
mamba-run logits x.mpk --input "$input" --output noted --quiet
mamba-run logits x.mpk --model some-org/a.model --input "$input" --output named --quiet
test-tensors compare noted "$input" --tolerance 2e-4 --except layer0_output
test-tensors compare named noted --bits
mamba-pack verify x.mpk --model some-org/a.model --quiet >/dev/null
fails 2 'a file of the checkpoint' \
  mamba-pack build some-org/a.model -o $model/snapshots/0123abcd/config.json

# Without the variable it is found by the others.
unset HF_HUB_CACHE
XDG_CACHE_HOME=$PWD/none fails 1 "$PWD/none/huggingface/hub/models--" mamba-import some-org/a.model
HF_HOME=$PWD mamba-import some-org/a.model -o again.mlir
cmp model.mlir again.mlir
mkdir -p .cache/huggingface
mv hub .cache/huggingface/hub
env -u XDG_CACHE_HOME -u HF_HOME HOME="$PWD" mamba-import some-org/a.model -o again.mlir
export HF_HUB_CACHE=$PWD/.cache/huggingface/hub

# A folder of that name comes first; other names are not looked up.
mkdir -p some-org/a.model
fails 1 "no checkpoint in 'some-org/a.model'" mamba-import some-org/a.model
rmdir some-org/a.model
fails 1 "there is no '../a.model'" mamba-pack build ../a.model -o y.mpk --quiet
fails 1 "cannot open checkpoint folder 'some-org/a.model/'" mamba-import some-org/a.model/

# What is not whole is refused by every tool, and is no usage error.
for tool in 'mamba-import some-org/b' 'mamba-pack build some-org/b -o y.mpk --quiet' \
  'mamba-tune some-org/b --list' \
  "mamba-run generate x.mpk --model some-org/b --prompt x --quiet"; do
  fails 1 "no 'some-org/b', and no model of that name" $tool
done
absent y.mpk
printf ../../../etc >"$HF_HUB_CACHE/models--some-org--a.model/refs/main"
fails 1 "refs/main' must hold a commit's hash" mamba-import some-org/a.model
