# RUN: bash %s %t
# Checkpoints as torch.save writes them give the golden logits, whole and in
# shards, with every name prefixed, from the folder and embedded; what is no
# such file is refused in one line, and nothing of it runs.
. "$(dirname "$0")/Inputs/common.sh"

good=$data/golden/mamba1-original-names
golden=$good/golden.safetensors
export MAMBA_CACHE=$PWD/kernels # The packs have the same kernels.
save() { python3 "$MAMBA_SOURCE/test/e2e/Inputs/torch_save.py" "$good/model.safetensors" "$@"; }
# fresh: an empty folder of a checkpoint, c.
fresh() { rm -rf c; mkdir c; cp "$good/config.json" c; }
# right PACK [OPTION...]: the pack gives the golden logits.
right() {
  rm -f out
  mamba-run logits "$@" --input "$golden" --output out --quiet
  test-tensors compare out "$golden" --tolerance 2e-4 --except layer0_output
}

# One file, with the head that shares the embedding's storage.
fresh
save c/pytorch_model.bin --tie lm_head.weight=backbone.embedding.weight
mamba-pack build c -o one.mpk --quiet
right one.mpk
mamba-pack verify one.mpk --quiet | grep 'end to end 4 steps are right' >/dev/null
mamba-pack build c -o embedded.mpk --embed-weights --quiet
rm -rf moved
mv c moved
right embedded.mpk
fails 1 "the folder noted in pack 'one.mpk'.*'[^']*/c'" \
  mamba-run logits one.mpk --input "$golden" --output none
right one.mpk --model moved
right one.mpk --model "$good"

# The same pack takes other forms of the same tensors: one storage for all, the
# pickle of newer protocols, parameters, the archive of large files or without
# checksums, shards.
for form in --view --protocol=4 --protocol=5 --parameter --zip64 --no-crc; do
  fresh
  save c/pytorch_model.bin $form
  right one.mpk
done
fresh
save c/pytorch_model-1.bin --only backbone.layers.0,backbone.embedding
save c/pytorch_model-2.bin --only backbone.layers.1,backbone.norm_f
index() {
  python3 - "$good/model.safetensors" "$1" <<'END'
import json, struct, sys
with open(sys.argv[1], "rb") as file:
    names = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
second = ("backbone.layers.1", "backbone.norm_f")
print(json.dumps({"weight_map": {name: sys.argv[2] + ("2" if name.startswith(second) else "1") + ".bin"
                                 for name in names if name != "__metadata__"}}))
END
}
index pytorch_model- >c/pytorch_model.bin.index.json
right one.mpk
mamba-import c -o shards.mlir

# With a prefix before every name, as Codestral's files have it.
fresh
save c/pytorch_model.bin --prefix model.
mamba-pack build c -o prefixed.mpk --quiet
right prefixed.mpk
fails 1 "no tensor 'model.backbone.embedding.weight'" \
  mamba-run logits prefixed.mpk --model "$good" --input "$golden" --output none
mamba-tune c --list >/dev/null

# refused PATTERN: whoever reads the folder c.
refused() {
  fails 1 "$1" mamba-import c -o none.mlir
  fails 1 "$1" mamba-pack build c -o none.mpk --quiet
  fails 1 "$1" mamba-run logits one.mpk --model c --input "$golden" --output none
  absent none
}
file="'c/pytorch_model.bin': "
fresh
save c/pytorch_model.bin --run "touch '$PWD/ran'"
refused "${file}byte [0-9]+ of the pickle: it wants to call 'posix.system', which makes no tensor"
absent ran
# That command would have run.
python3 -c 'import pickle, sys, zipfile
class All(pickle.Unpickler):
    def persistent_load(self, id): return None
    def find_class(self, module, name):
        return super().find_class(module, name) if module == "posix" else lambda *_: {}
archive = zipfile.ZipFile("c/pytorch_model.bin")
try:
    All(archive.open("pytorch_model/data.pkl")).load()
except AttributeError:
    pass'
[ -e ran ] || die 'the command of the test does nothing'

fresh
save c/pytorch_model.bin --negated
refused "${file}byte [0-9]+ of the pickle: a tensor has the metadata 'neg', only plain ones are read: save it with .clone"
save c/pytorch_model.bin --damage
refused "${file}'data.pkl' in its archive does not have its checksum: the file is damaged"
cp "$good/model.safetensors" c/pytorch_model.bin
refused "${file}a file of safetensors, not of torch.save: name it as one, 'model.safetensors'"
rm c/pytorch_model.bin
save c/model.safetensors
refused "'c/model.safetensors': a zip archive, not a safetensors file: name one of torch.save 'pytorch_model.bin'"
rm c/model.safetensors
printf '\200\002\212\012l\374\234F\371 j\250P\031.' >c/pytorch_model.bin
refused "${file}the format of PyTorch before 1.6 is not read: load it with torch.load and save it as safetensors"
echo 'version https://git-lfs.github.com/spec/v1' >c/pytorch_model.bin
refused "${file}not a zip archive, or cut short"
save whole.bin
for length in 1 100 4000 150000 $(($(stat -c %s whole.bin) - 1)); do
  head -c $length whole.bin >c/pytorch_model.bin
  refused "${file}not a zip archive, or cut short"
done
rm c/pytorch_model.bin
python3 -c 'import zipfile
with zipfile.ZipFile("c/pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("archive/data.pkl", b"N" * 10000000)'
refused "${file}entry 'archive/data.pkl' is compressed \(method 8\), which is not read"
fresh
index ../c/pytorch_model- >c/pytorch_model.bin.index.json
refused "the shard of tensor 'backbone[^']*' must be a plain file name"
index missing- >c/pytorch_model.bin.index.json
refused "a shard of 'c/pytorch_model.bin.index.json': cannot open 'c/missing-1.bin'"
fails 2 'a file of the checkpoint' mamba-pack build moved -o moved/pytorch_model.bin
