# RUN: bash %s %t
# The completion scripts complete: bash's in a bash, those of zsh and fish where
# these are.
. "$(dirname "$0")/Inputs/common.sh"

for tool in mamba-run mamba-pack mamba-tune mamba-import; do
  fails 2 "completion: must be bash, zsh or fish, got 'tcsh'" $tool --completion tcsh
done
fails 1 'tcsh' mamba-opt --completion=tcsh
for tool in mamba-run mamba-pack mamba-tune mamba-import mamba-opt; do
  "$tool" --completion=bash >$tool.bash
  bash -n $tool.bash
  shellcheck -s bash -e SC2207,SC2086 $tool.bash || die "the script of $tool"
  "$tool" --completion=zsh >_$tool
  "$tool" --completion=fish >$tool.fish
done
mkdir packs folder
: >a.mpk
: >packs/b.mpk
: >text.txt

# offers LINE WORD...: what a bash offers at the end of LINE, in any order. Words are
# cut as readline cuts them: at blanks, and '=' and ':' stand alone.
offers() {
  local line=$1 wanted got
  shift
  got=$(bash -u -c '
    . "./${1%% *}.bash"
    COMP_LINE=$1 COMP_POINT=${#1}
    mapfile -t COMP_WORDS < <(grep -oE "[=:]+|[^=:[:space:]]+" <<<"$1")
    [[ $1 != *[[:space:]] ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    function=$(complete -p "${1%% *}")
    function=${function#*-F } function=${function%% *}
    "$function"
    printf "%s\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}' offers "$line" | sort | xargs)
  wanted=$(printf '%s\n' "$@" | sort | xargs)
  [ "$got" = "$wanted" ] || die "'$line' offers '$got', not '$wanted'"
}
offers 'mamba-run gen' generate
offers 'mamba-pack ' build inspect verify merge strip
offers 'mamba-run generate --devi' --device
offers 'mamba-run generate --device c' cpu cuda
offers 'mamba-run generate --device=c' cpu cuda
offers 'mamba-run generate --device s' sim
offers 'mamba-run generate ' a.mpk packs folder
offers 'mamba-run generate packs/' packs/b.mpk
offers 'mamba-run generate a.mpk --model ' packs folder
offers 'mamba-run generate a.mpk --prompt-file te' text.txt
offers 'mamba-run generate a.mpk --prompt-file=te' text.txt
offers 'mamba-run generate a.mpk --top-k '
offers 'mamba-run generate a.mpk --greedy --ignore' --ignore-eos
offers 'mamba-pack build --weights=int' int8 int4
offers 'mamba-pack build --target=cpu:x86-64-v3,cuda:sm_7' sm_75
offers 'mamba-pack build --target cuda:sm_7' sm_75
offers 'mamba-pack strip a.mpk --drop=cubin,g' cubin,golden
offers 'mamba-tune me' merge
offers 'mamba-import --comp' --completion
offers 'mamba-import --completion=' bash zsh fish
offers 'mamba-opt --mamba-pipeline=n' nvvm
offers 'mamba-opt --ssm-fuse-sc' --ssm-fuse-scan

# By a key, in a bash with a terminal.
python3 - <<'PY'
import os, pty, select, sys, time
process, terminal = pty.fork()
if process == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])

def read_until(text, seconds=60):
    got, end = b"", time.time() + seconds
    while text not in got:
        if time.time() > end or not select.select([terminal], [], [], 1)[0]:
            if time.time() > end:
                sys.exit(f"FAILED: the terminal shows {got!r}, not {text!r}")
            continue
        got += os.read(terminal, 4096)

os.write(terminal, b"PS1=; set +o history; . ./mamba-run.bash && echo re''ady\r")
read_until(b"ready")
os.write(terminal, b"echo mamba-run; mamba-run generate --device=s\t\x01: \x05; echo do''ne\r")
read_until(b"--device=sim")
read_until(b"done")
os.close(terminal)
os.waitpid(process, 0)
PY

if command -v zsh >/dev/null; then
  for tool in mamba-run mamba-pack mamba-tune mamba-import mamba-opt; do
    zsh -n "_$tool"
  done
fi
if command -v fish >/dev/null; then
  offered() { HOME=$PWD fish --no-config -c "source $1.fish; complete -C '$2'" | cut -f1 | sort | xargs; }
  [ "$(offered mamba-run 'mamba-run gen')" = generate ] || die 'fish: a verb'
  [ "$(offered mamba-run 'mamba-run generate --device c')" = 'cpu cuda' ] || die 'fish: a value'
  [ "$(offered mamba-pack 'mamba-pack build --weights int')" = 'int4 int8' ] || die 'fish: a precision'
fi
