# RUN: bash %s %t
# Wrong command lines end with status 2, wrong inputs with 1; nothing is left.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
fails 2 'empty' mamba-run generate "$mpk" --prompt '' -n 5
fails 2 "'0'" mamba-run generate "$mpk" --prompt x -n 0
fails 2 "'-3'|-n" mamba-run generate "$mpk" --prompt x -n -3
fails 2 "'x'" mamba-run generate "$mpk" --prompt x -n x
fails 2 'prompt' mamba-run generate "$mpk"
: >nothing
fails 2 'nothing' mamba-run generate "$mpk" --prompt-file nothing
fails 1 'missing' mamba-run generate "$mpk" --prompt-file missing
fails 2 'temperature' mamba-run generate "$mpk" --prompt x --temperature -1
fails 2 'top-p' mamba-run generate "$mpk" --prompt x --top-p 1.5
fails 2 'top-p' mamba-run generate "$mpk" --prompt x --top-p nan
fails 2 'threads' mamba-run generate "$mpk" --prompt x --threads 0
runs='it is generate, chat, perplexity, logits, call or bench \(see .mamba-run --help.\)$'
packs='it is build, inspect, verify, merge or strip \(see .mamba-pack --help.\)$'
for options in '' --quiet; do
  fails 2 "a verb is missing: $runs" mamba-run $options
  fails 2 "a verb is missing: $packs" mamba-pack $options
done
fails 2 "a verb is missing before 'X.mpk': $runs" mamba-run X.mpk --prompt x
fails 2 "a verb is missing before 'X.mpk': $packs" mamba-pack X.mpk
fails 2 "unknown verb 'nonsense': $runs" mamba-run nonsense
fails 2 "unknown verb 'nonsense': $packs" mamba-pack nonsense
fails 2 "a model is missing: name a checkpoint's folder, an .mlir file or a tuning pack X.mpk" mamba-tune
fails 2 'a model is missing' mamba-tune --db x.tune
fails 2 'nonsense' mamba-run generate "$mpk" --prompt x --nonsense
fails 2 'device' mamba-run generate "$mpk" --prompt x --device tpu
fails 2 'cuda:N' mamba-run generate "$mpk" --prompt x --device cuda:x
fails 1 'cuda' mamba-run generate "$mpk" --prompt x --device cuda
fails 2 'window' mamba-run perplexity "$mpk" --file nothing --window 0
fails 1 'nothing' mamba-run perplexity "$mpk" --file nothing
fails 1 'missing' mamba-run perplexity "$mpk" --file missing
fails 1 'folder' mamba-run perplexity "$mpk" --file "$(mkdir folder; echo folder)"
printf x >short
fails 1 'short.*tokens' mamba-run perplexity "$mpk" --file short

cp "$mpk" copy.mpk
for verb in 'logits copy.mpk' 'call copy.mpk --entry next'; do
  fails 2 'copy.mpk. is what is read' mamba-run $verb --input nothing --output copy.mpk
  fails 2 'nothing. is what is read' mamba-run $verb --input nothing --output ./nothing
done
fails 2 'copy.mpk. is what is read' mamba-run generate copy.mpk --prompt x --save-state ./copy.mpk
fails 2 'copy.mpk. is what is read' mamba-run chat copy.mpk --save-state copy.mpk
fails 2 'save-state: .short. is what is read' mamba-run generate copy.mpk --prompt-file short --save-state short
fails 2 'history: .copy.mpk. is what is read' mamba-run chat copy.mpk --history copy.mpk
cmp copy.mpk "$mpk"

# Nor does what is written take the place of the weights, given or noted in the pack.
cp -r "$data/golden/mamba1" own
chmod -R u+w own
mamba-pack build own -o noted.mpk --quiet
mamba-pack strip noted.mpk --drop=golden -o other.mpk
for file in own/model.safetensors own/config.json; do
  for given in '' '--model own'; do
    for output in "logits noted.mpk $given --input short --output" "generate noted.mpk $given --prompt x --save-state" \
      "call noted.mpk $given --entry next --input short --output" "chat noted.mpk $given --save-state"; do
      fails 2 "'$file' is a file of the checkpoint, name another file" mamba-run $output $file
    done
  done
  fails 2 "'$file' is a file of the checkpoint" mamba-pack strip noted.mpk --drop=golden -o $file
  fails 2 "'$file' is a file of the checkpoint" mamba-pack merge noted.mpk other.mpk -o $file
  fails 2 "'$file' is a file of the checkpoint" mamba-import own -o $file
  fails 2 "'$file' is a file of the checkpoint" mamba-tune own --report $file
done
fails 2 "'./own' is what is read" mamba-import own -o ./own
diff -r "$data/golden/mamba1" own
fails 2 '18446744073709551615' mamba-import own/config.json --random-weights=-1 -o none
fails 2 "1e30, got '0x1p3'" mamba-run generate "$mpk" --prompt x --temperature 0x1p3
fails 1 "no kernel of 'own' matches 'nothing'" mamba-tune own --list --kernels nothing

folder=$data/golden/mamba1
fails 2 'required.*mamba-pack build --help' mamba-pack build "$folder"
fails 2 'int3' mamba-pack build "$folder" -o none --weights int3
fails 2 "int3'" mamba-pack build "$folder" -o none --target=cuda:sm_80 --weights int3
fails 2 "f32, bf16, f16, int8 or int4, got 'int3'" mamba-tune "$folder" --weights int3
fails 2 "16, 32 or 64, got '17'" mamba-pack build "$folder" -o none --scan-block 17
fails 2 "cuda-source, cubin or golden, got 'x'" mamba-pack strip "$mpk" -o none --drop x
fails 2 "f32, bf16, f16 or int8, got 'int4'" mamba-pack build "$folder" -o none --activations int4
fails 1 'has no rows of int8' mamba-pack build "$folder" -o none --target=cuda:sm_80 --activations int8 --quiet
for target in cpu:z80 cuda:sm_12 nonsense cpu: ''; do
  fails 2 "${target:-target}" mamba-pack build "$folder" -o none --target="$target" --quiet
done
cp "$mpk" copy
for input in copy.mpk copy; do
  fails 1 "'$input' is a pack already" mamba-pack build $input -o none
done
absent none
fails 2 "must be cpu, cuda, cuda:N or sim, got 'foo'" mamba-tune copy.mpk --device=foo
fails 2 'level' mamba-import "$folder" --level=wheel:0
fails 1 '3|layer' mamba-import "$folder" --level=block:3
fails 2 'nonsense' mamba-import --op=nonsense --sizes=E=1
fails 2 'N' mamba-import --op=scan --sizes=E=1
fails 2 "E" mamba-import --op=scan --sizes=E=0,N=4
fails 2 "E" mamba-import --op=scan --sizes=E=99999999999999999999,N=4
