# RUN: bash %s %t
# A pack that is damaged, of another kind or not a pack is refused before
# anything of it runs.
. "$(dirname "$0")/Inputs/common.sh"

mamba-pack build "$data/golden/mamba1" -o good.mpk
mamba-pack build "$data/golden/mamba1" -o embedded.mpk --embed-weights
input=$data/golden/mamba1/golden.safetensors
mamba-pack verify good.mpk
mamba-pack verify embedded.mpk

# refused PATTERN PACK: to run and to verify.
refused() {
  fails 1 "$1" mamba-run logits "$2" --input "$input" --output refused
  absent refused
  fails 1 "$1" mamba-pack verify "$2" --quiet
}

# Not a pack.
refused 'missing.mpk' missing.mpk
: >empty.mpk
refused 'empty.mpk' empty.mpk
mkdir folder.mpk
refused 'folder.mpk' folder.mpk
refused 'not a kernel pack' "$data/golden/mamba1/model.safetensors"
size=$(stat -c %s good.mpk)
for length in 7 8 1000 $((size / 2)) $((size - 1)); do
  head -c $length good.mpk >short.mpk
  refused 'short.mpk' short.mpk
done

# Another version, machine or model.
test-tensors edit-header good.mpk edited.mpk '"mamba.pack":"4.3"' '"mamba.pack":"1.0"'
refused 'format 1.0, this program reads format 4, build the pack anew' edited.mpk
test-tensors edit-header good.mpk edited.mpk '"mamba.pack":"4.3"' '"mamba.pack":"5.0"'
refused 'format 5.0, this program reads format 4: take a newer mamba' edited.mpk
test-tensors edit-manifest good.mpk edited.mpk '"format":4' '"format":1'
refused 'format 1.*format 4' edited.mpk
# What a newer minor version adds is passed over.
test-tensors edit-manifest good.mpk newer.mpk '"minor":3' '"minor":9,"of_tomorrow":{}'
mamba-pack verify newer.mpk --quiet
mamba-pack inspect newer.mpk | grep 'format 4.9' >/dev/null
test-tensors edit-manifest good.mpk edited.mpk "\"arch\":\"$(uname -m)\"" '"arch":"riscv64"'
refused 'riscv64' edited.mpk
test-tensors edit-manifest good.mpk edited.mpk '"features":[' '"features":["unheard-of",'
refused 'unheard-of' edited.mpk
# An offset that is not in its arena, a kernel that is not there.
test-tensors edit-manifest good.mpk edited.mpk '"packed",0]' '"packed",99999999999]'
refused 'packed' edited.mpk
test-tensors edit-manifest good.mpk edited.mpk '"kernel":0' '"kernel":4000000000'
refused 'kernel' edited.mpk
fails 1 'mamba1-odd' mamba-run logits good.mpk --input "$input" --output refused \
  --model "$data/golden/mamba1-odd"
fails 1 'nowhere' mamba-run logits good.mpk --input "$input" --output refused --model nowhere
absent refused

# A changed byte in what is hashed: code, golden data, embedded weights.
for blob in code.0 golden.0; do
  for at in 0 1 17 100; do
    test-tensors flip good.mpk flipped.mpk --tensor $blob --at $at
    fails 1 "$blob.*SHA-256|SHA-256" mamba-pack verify flipped.mpk --quiet
  done
done
test-tensors flip good.mpk flipped.mpk --tensor code.0 --at 100
fails 1 'code.0.*SHA-256' mamba-run logits flipped.mpk --input "$input" --output refused
test-tensors flip embedded.mpk flipped.mpk \
  --tensor weight:backbone.layers.1.mixer.in_proj.weight --at 4000
refused 'in_proj.*SHA-256' flipped.mpk
# Weights of a folder are used instead: the damaged ones are not looked at.
mamba-run logits flipped.mpk --input "$input" --output whole --quiet --model "$data/golden/mamba1"
mamba-run logits embedded.mpk --input "$input" --output embedded --quiet
cmp whole embedded

# A changed byte anywhere in the file.
for i in $(seq 0 99); do
  at=$((i * (size - 1) / 99))
  test-tensors flip good.mpk flipped.mpk --at $at
  fails 1 'flipped.mpk' mamba-pack verify flipped.mpk --quiet >/dev/null ||
    die "byte $at can be changed unseen"
done

# Without its code a pack computes nothing: no kernel is in the runtime.
test-tensors drop good.mpk stripped.mpk code.
refused 'code.0' stripped.mpk
