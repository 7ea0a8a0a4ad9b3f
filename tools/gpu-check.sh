#!/usr/bin/env bash
# Judges an NVIDIA GPU: verifies every kernel and model on it, and measures them
# beside its limits. Prepared where the compiler is, run where the GPU is.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'gpu-check.sh: %s\n' "$*" >&2; }
usage_error() { say "$*; --help shows the usage"; exit 2; }
die() { say "$@"; exit 1; }

usage() {
  cat <<'TEXT'
Judges an NVIDIA GPU: verifies every kernel and model, measures them beside its limits.

  gpu-check.sh --prepare DIR [--quick] [--no-predictions]
      Makes the folder to carry and DIR.tar.xz: programs that need glibc 2.36 alone, packs, golden
      data, predictions. Needs the compiler's packages (tools/test.sh installs them). Takes its
      time; stopped, it goes on where it was. --quick: one small model, this build's programs.
  gpu-check.sh [DIR] [--minutes 9] [--gpu 0] [--only case,model] [--output FILE] [--quiet]
      On the machine with the GPU: all of it within the minutes, the most valuable first. DIR is
      the folder of this script if it was unpacked there. After each step the results so far are
      in DIR/results/GPU-DATE.json and .txt. `bin/mamba-gpu-check --help` has the options.

Exit status: 0 all that was asked for is verified and right, 1 something is wrong or was not
verified (no time, no NVRTC), 2 usage. The table's head says which.
TEXT
}

#===----------------------------------------------------------------------===#
# Where the GPU is
#===----------------------------------------------------------------------===#

run_check() {
  local folder=$here
  if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    folder=$1
    shift
  fi
  [ -x "$folder/bin/mamba-gpu-check" ] ||
    usage_error "'$folder' has no bin/mamba-gpu-check, name a folder that 'gpu-check.sh --prepare DIR' made"
  # What it compiles is kept beside it, unless another place is named.
  export MAMBA_CACHE=${MAMBA_CACHE:-$folder/cache}
  exec "$folder/bin/mamba-gpu-check" "$folder" "$@"
}

#===----------------------------------------------------------------------===#
# Where the compiler is
#===----------------------------------------------------------------------===#

max_bytes=$((40 * 1000 * 1000))
predicted_chips=H200,A100,RTX4090
# Of some packs for each chip, of most for those that differ most: a newer chip runs
# an older one's PTX. So that all fits.
all_chips=sm_75,sm_80,sm_86,sm_89,sm_90a,sm_100,sm_120
main_chips=sm_80,sm_89,sm_90a,sm_100
few_chips=sm_80,sm_90a

# make FILE COMMAND...: runs the command, whose last argument is where the file is
# to be written, unless the file is there from a run that was stopped.
make_file() {
  local file=$1
  shift
  [ ! -e "$file" ] || return 0
  say "making ${file#"$part"/}"
  "$@" "$file.new" >/dev/null
  mv "$file.new" "$file"
}

# copy_folder FROM NAME: into what is made, unless it is there.
copy_folder() {
  [ ! -e "$part/$2" ] || return 0
  rm -rf "$part/$2.new"
  cp -r "$1" "$part/$2.new"
  mv "$part/$2.new" "$part/$2"
}

# The programs that are carried: of the runtime alone, with libraries of their own.
build_programs() {
  local static=$build/gpu-check library options=()
  for library in pcre2-8 utf8proc zstd md; do
    options+=("-Dpkgcfg_lib_MAMBA_DEPS_$library=$(clang-22 -print-file-name="lib$library.a")")
  done
  cmake -S "$root" -B "$static" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_EXE_LINKER_FLAGS='-fuse-ld=lld -static-libstdc++ -static-libgcc -s' \
    -DMAMBA_BUILD_COMPILER=OFF "${options[@]}" >&2
  cmake --build "$static" --target mamba-gpu-check mamba-gpu-limits mamba-run test-tensors >&2
  programs=$static
}

# Only glibc, and none newer than 2.36.
check_programs() {
  local program newest
  for program in "$part"/bin/*; do
    ! ldd "$program" | grep -Ev 'linux-vdso|ld-linux|lib(c|m|dl|pthread|rt)\.so' >&2 ||
      die "$program needs more than glibc"
    newest=$(objdump -T "$program" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
    [ "$(printf '%s\n2.36\n' "$newest" | sort -V | tail -n 1)" = 2.36 ] ||
      die "$program needs glibc $newest"
  done
}

# table WIDTH LAYERS VOCABULARY DIR: a checkpoint of such a model without data. Its
# tensors are a hole in the file: a pack needs their names, types and shapes only.
table() {
  local width=$1 layers=$2 vocabulary=$3 dir=$4
  local inner=$((2 * width)) rank=$(((width + 15) / 16)) states=16 conv=4 layer end=0 header='' first
  entry() { # NAME SHAPE
    first=$end
    end=$((end + 2 * (${2//,/ * })))
    header+="${header:+,}\"backbone.$1\":{\"dtype\":\"BF16\",\"shape\":[$2],\"data_offsets\":[$first,$end]}"
  }
  mkdir -p "$dir"
  sed -e "s/\"hidden_size\": [0-9]*/\"hidden_size\": $width/" \
    -e "s/\"intermediate_size\": [0-9]*/\"intermediate_size\": $inner/" \
    -e "s/\"num_hidden_layers\": [0-9]*/\"num_hidden_layers\": $layers/" \
    -e "s/\"time_step_rank\": [0-9]*/\"time_step_rank\": $rank/" \
    -e "s/\"vocab_size\": [0-9]*/\"vocab_size\": $vocabulary/" "$root/bench/data/mamba-130m.json" >"$dir/config.json"
  entry embeddings.weight "$vocabulary,$width"
  for ((layer = 0; layer < layers; ++layer)); do
    entry "layers.$layer.norm.weight" "$width"
    entry "layers.$layer.mixer.in_proj.weight" "$((2 * inner)),$width"
    entry "layers.$layer.mixer.conv1d.weight" "$inner,1,$conv"
    entry "layers.$layer.mixer.conv1d.bias" "$inner"
    entry "layers.$layer.mixer.x_proj.weight" "$((rank + 2 * states)),$inner"
    entry "layers.$layer.mixer.dt_proj.weight" "$inner,$rank"
    entry "layers.$layer.mixer.dt_proj.bias" "$inner"
    entry "layers.$layer.mixer.A_log" "$inner,$states"
    entry "layers.$layer.mixer.D" "$inner"
    entry "layers.$layer.mixer.out_proj.weight" "$width,$inner"
  done
  entry norm_f.weight "$width"
  header="{$header}"
  local size=${#header} byte
  {
    for ((byte = 0; byte < 8; ++byte)); do
      printf "\\x$(printf %02x $((size >> 8 * byte & 255)))"
    done
    printf %s "$header"
  } >"$dir/model.safetensors.new"
  truncate -s $((8 + size + end)) "$dir/model.safetensors.new"
  mv "$dir/model.safetensors.new" "$dir/model.safetensors"
}

# pack FILE INPUT CHIPS WEIGHTS [OPTION...]: rows in bf16, but for weights in f32.
pack() {
  local file=$1 input=$2 targets=cuda:$3 weights=$4 activations=bf16
  shift 4
  [ "$weights" != f32 ] || activations=f32
  make_file "$part/packs/$file" "$build/bin/mamba-pack" build "$input" --quiet \
    --target="${targets//,/,cuda:}" --weights="$weights" --activations="$activations" "$@" -o
}

# model NAME WIDTH LAYERS VOCABULARY WEIGHTS BATCHES PREFILL CHIPS [OPTION...]: a pack, a
# line of check.json.
model() {
  local name=$1 width=$2 layers=$3 vocabulary=$4 weights=$5
  [ -e "$part/making/$name/model.safetensors" ] || table "$width" "$layers" "$vocabulary" "$part/making/$name"
  pack "$name-$weights.mpk" "$part/making/$name" "$8" "$weights" --check=off "${@:9}"
  models+="${models:+,
  }{\"name\": \"$name\", \"weights\": \"$weights\", \"pack\": \"packs/$name-$weights.mpk\", \"width\": $width,
   \"layers\": $layers, \"vocabulary\": $vocabulary, \"batches\": [$6], \"prefill\": [$7]}"
}

# golden CASE WEIGHTS CHIPS [OPTION...]: a pack of a golden case, what it must give, a line of check.json.
golden() {
  local case=$1 weights=$2 logits=4e-2 states=6e-2 data=$root/test/data/golden/$1
  local wanted=golden/$case/golden.safetensors
  [ "$weights" != f32 ] || { logits=2e-4 states=2e-4; }
  copy_folder "$data" "golden/$case"
  pack "$case-$weights.mpk" "$data" "$3" "$weights" "${@:4}"
  if [[ $weights = int* ]]; then
    # Of the matrices that small integers stand for: by the CPU, in f32.
    wanted=golden/$case/$weights.safetensors
    local rounded=$part/making/$case-$weights
    [ -e "$rounded" ] || {
      rm -rf "$rounded.new"
      python3 "$root/test/e2e/Inputs/quantise.py" "$data" "$rounded.new" "$weights"
      mv "$rounded.new" "$rounded"
    }
    make_file "$rounded.mpk" "$build/bin/mamba-pack" build "$rounded" --quiet -o
    make_file "$part/$wanted" "$build/bin/mamba-run" logits "$rounded.mpk" --device=cpu --quiet \
      --input "$data/golden.safetensors" --output
  fi
  cases+="${cases:+,
  }{\"name\": \"$case, $weights\", \"pack\": \"packs/$case-$weights.mpk\", \"model\": \"golden/$case\",
   \"input\": \"golden/$case/golden.safetensors\", \"wanted\": \"$wanted\", \"compare\": [
    [\"logits\", \"decode_logits\", \"--tolerance\", \"$logits\"],
    [\"--tolerance\", \"$states\", \"--except\", \"logits\", \"--except\", \"decode_logits\", \"--except\", \"layer0_output\"]]}"
}

# The bundled model: the likelihood of a text, which the float64 reference knows.
bundled() {
  local data=$root/test/data/models/shakespeare
  copy_folder "$data" shakespeare
  pack shakespeare-f32.mpk "$data" $few_chips f32 --no-cuda-source
  cases+="${cases:+,
  }{\"name\": \"likelihood of a text, f32\", \"pack\": \"packs/shakespeare-f32.mpk\", \"model\": \"shakespeare\",
   \"text\": \"shakespeare/sample.txt\", \"nll_per_token\": 2.238657, \"tolerance\": 1e-3}"
}

# predict NAME MODEL CHIPS WEIGHTS BATCHES LENGTHS: lines of predictions.jsonl.
predict() {
  $has_predictions || return 0
  make_file "$part/making/$1-$4.jsonl" "$build/bin/mamba-predict" --model "$2" --chip "$3" --weights "$4" \
    --activations="$([ "$4" = f32 ] && echo f32 || echo bf16)" --batch "$5" --updates "${5##*,}" --tokens "$6" \
    --markdown --json
  sed "s/\"model\":\"[^\"]*\"/\"model\":\"$1\"/" "$part/making/$1-$4.jsonl" >>"$part/predictions.jsonl"
}

write_plan() { # QUICK
  cat >"$part/check.json" <<TEXT
{"prepared": "$commit",
 "quick": $1,
 "limits": {"75": "limits/75.ptx", "80": "limits/80.ptx", "90": "limits/90.ptx"},
 "cases": [
  $cases],
 "models": [
  $models]}
TEXT
}

prepare() {
  local dir=$1 is_quick=$2 has_predictions=$3 weights case
  [ ! -e "$dir" ] || usage_error "'$dir' is there already, remove it or name another folder"
  root=$(cd "$here/.." && pwd)
  [ -e "$root/tools/lib/setup.sh" ] || usage_error "--prepare needs the sources beside this script"
  build=${MAMBA_BUILD:-$root/build}
  part=$dir.part cases='' models=''
  commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
  local stamp="$commit quick=$is_quick predictions=$has_predictions"
  if [ -e "$part" ] && [ "$(cat "$part/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "'$part' was made of other sources or with other options, beginning anew"
    rm -rf "$part"
  fi
  rm -f "$part/predictions.jsonl"
  mkdir -p "$part"/{bin,packs,golden,limits,making} || die "cannot make '$part'"
  printf '%s\n' "$stamp" >"$part/stamp"
  if [ -z "${MAMBA_BUILD:-}" ]; then
    . "$root/tools/lib/setup.sh"
    configure
    build_targets mamba-pack mamba-run mamba-predict
  fi
  programs=$build
  if ! $is_quick; then
    build_programs
  fi
  cp "$programs"/bin/{mamba-gpu-check,mamba-run,test-tensors} "$part/bin/"
  cp "$programs"/limits/*.ptx "$part/limits/"
  $is_quick || check_programs
  cp "$root/bench/gpu/peers.py" "$here/gpu-check.sh" "$part/"

  if $is_quick; then
    golden mamba1 f32 sm_80
    golden mamba1-odd int8 sm_80
    model tiny 64 2 200 bf16 1,3 '[3, 9]' sm_80
    predict tiny D=64,layers=2,V=200 A100 bf16 1,3 9
  else
    golden mamba1 f32 $all_chips
    golden mamba1-odd f32 $main_chips
    for case in mamba1-bf16-file mamba1-original-names mamba1-published-config; do
      golden $case f32 $few_chips --no-cuda-source
    done
    for weights in bf16 int8 int4; do
      golden mamba1 $weights $few_chips
      golden mamba1-odd $weights $few_chips --no-cuda-source
    done
    bundled
    local prefill='[1, 2048], [8, 2048], [1, 16384]' sizes chips options
    for weights in bf16 int8 int4 f32; do
      for sizes in '130m 768 24' '1.4b 2048 48' '2.8b 2560 64' '370m 1024 48'; do
        chips=$few_chips options=(--no-cuda-source)
        [ $weights != bf16 ] || chips=$main_chips
        case $weights-$sizes in
        f32-130m*) ;;
        f32-*) continue ;;
        bf16-130m*) chips=$all_chips options=() ;;
        esac
        model $sizes 50280 $weights 1,8,64 "$([[ $weights = int* ]] || echo "$prefill")" $chips "${options[@]}"
        predict "${sizes%% *}" "${sizes%% *}" "$predicted_chips" $weights 1,8,64 2048,16384
      done
    done
  fi
  write_plan $is_quick
  # Moved only when all is there: stopped before, it goes on.
  local name
  name=$(basename "$dir" | sed 's/[&,\\]/\\&/g')
  tar -C "$part" --exclude=./making --exclude=./stamp --transform="s,^\\.,$name," -cJf "$dir.tar.xz.new" .
  mv "$dir.tar.xz.new" "$dir.tar.xz"
  mv "$part" "$dir"
  rm -rf "$dir/making" "$dir/stamp"
  local bytes
  bytes=$(stat -c %s "$dir.tar.xz")
  say "$dir.tar.xz has $bytes bytes; unpack it on the machine with the GPU and run gpu-check.sh there"
  [ "$bytes" -le $max_bytes ] || die "that is more than the $max_bytes that can be carried"
}

case ${1:-} in
-h | --help)
  usage
  ;;
--prepare)
  [ $# -ge 2 ] && [ -n "$2" ] || usage_error "--prepare needs a folder to make"
  dir=${2%"${2##*[!/]}"} is_quick=false has_predictions=true
  [ -n "$dir" ] || usage_error "--prepare needs a folder to make, got '$2'"
  [[ $dir != -* ]] || usage_error "--prepare needs a folder to make, got '$dir'"
  shift 2
  for option; do
    case $option in
    --quick) is_quick=true ;;
    --no-predictions) has_predictions=false ;;
    *) usage_error "unknown option '$option'" ;;
    esac
  done
  prepare "$dir" $is_quick $has_predictions
  exit # The file may be another one by now.
  ;;
*)
  run_check "$@"
  ;;
esac
