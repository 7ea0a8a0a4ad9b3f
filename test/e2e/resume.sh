# RUN: bash %s %t
# A saved and loaded run goes on as if it had never stopped, sampler included.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
sampling=(--temperature 0.9 --top-k 50 --top-p 0.95 --repetition-penalty 1.1 --seed 7)
generate() { mamba-run generate "$mpk" --ignore-eos "$@"; }

generate --prompt $'JULIET:\n' -n 40 "${sampling[@]}" >whole
generate --prompt $'JULIET:\n' -n 15 "${sampling[@]}" --save-state state >first
generate --load-state state -n 25 >rest
cat first rest | cmp - whole

# Splits at every place, token by token.
generate --prompt $'JULIET:\n' -n 1 "${sampling[@]}" --save-state state >pieces
for i in $(seq 2 12); do
  generate --load-state state -n 1 --save-state state >>pieces
done
generate --load-state state -n 28 >>pieces
cmp pieces whole

# Another model's state is refused, and so is a damaged one.
sed 's/"num_hidden_layers": 4/"num_hidden_layers": 2/' \
  "$data/models/shakespeare/config.json" >config.json
mamba-import config.json --random-weights=1 -o other
cp "$data/models/shakespeare/tokenizer.json" other
mamba-pack build other -o other.mpk
fails 1 "'state'" mamba-run generate other.mpk --load-state state -n 1
head -c 1000 state >short
fails 1 "'short'" mamba-run generate "$mpk" --load-state short -n 1
: >empty
fails 1 "'empty'" mamba-run generate "$mpk" --load-state empty -n 1
fails 1 "'missing'" mamba-run generate "$mpk" --load-state missing -n 1
status=0
generate --prompt x -n 1 --quiet --save-state nowhere/state >text 2>log || status=$?
[ $status = 1 ] && grep -q "nowhere/state" log || die "status $status: $(cat log)"
[ ! -s text ] || die 'text was made for a state that cannot be saved'
