# Sourced by every end-to-end script, with a name for the scratch folder as $1: strict
# mode, the scratch folder as working directory, packs that tests share, and
# what failure must look like.
set -euo pipefail
data=$MAMBA_SOURCE/test/data
# Of its own, so that two runs do not meet; kept when the test fails.
mkdir -p "$(dirname "$1")"
scratch=$(mktemp -d "$1.XXXXXX")
trap '[ $? != 0 ] || rm -rf "$scratch"' EXIT
cd "$scratch"

die() { echo "FAILED: $*" >&2; exit 1; }

# pack FOLDER [OPTION...]: the path of a pack of a checkpoint in test/data. It
# is built by the first test that asks, and anew after mamba-pack changed.
pack() {
  local folder=$1 packs=$MAMBA_BUILD/test/packs name
  shift
  name=$(printf '%s' "$folder$*" | tr -c 'a-zA-Z0-9.-' _).mpk
  mkdir -p "$packs"
  (
    flock 9
    if ! [ "$packs/$name" -nt "$MAMBA_BUILD/bin/mamba-pack" ]; then
      MAMBA_CACHE=off mamba-pack build "$data/$folder" -o "$packs/$name" "$@" >&2
    fi
  ) 9>"$packs/$name.lock"
  echo "$packs/$name"
}

# fails STATUS PATTERN COMMAND...: the command exits with this status ("1|2":
# either), writes nothing to stdout and one line to stderr that names the tool
# and matches the extended regular expression.
fails() {
  local wanted=$1 pattern=$2 status=0
  shift 2
  "$@" >stdout 2>stderr </dev/null || status=$?
  [[ $status =~ ^($wanted)$ ]] ||
    die "'$*' exits with $status, not $wanted: $(cat stderr)"
  [ ! -s stdout ] || die "'$*' wrote to stdout: $(head -c 200 stdout)"
  [ "$(wc -l <stderr)" = 1 ] || die "'$*' did not write one line: $(cat stderr)"
  grep -Eq "^$1: .*($pattern)" stderr ||
    die "'$*' does not say '$pattern': $(cat stderr)"
  echo "ok: $(cat stderr)"
}

# absent PATH: neither the file nor a temporary of it is there.
absent() {
  local found
  found=$(find "$(dirname "$1")" -maxdepth 1 -name "*$(basename "$1")*")
  [ -z "$found" ] || die "left behind: $found"
}

# choices MODEL PART: the keys of the kernels with this part in them that have more than
# one candidate, the most candidates first.
choices() {
  mamba-tune "$1" --list --json | python3 -c '
import json, sys
kernels = [k for k in json.load(sys.stdin) if sys.argv[1] in k["key"] and k["candidates"] > 1]
for k in sorted(kernels, key=lambda k: (-k["candidates"], k["key"])):
    print(k["key"])' "$2"
}
