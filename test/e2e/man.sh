# REQUIRES: mandoc
# RUN: bash %s %t
# The man pages: well formed, and with every verb and option that --help shows, the
# exit statuses, and every environment variable that the sources read.
. "$(dirname "$0")/Inputs/common.sh"

# The verbs of a tool, "" for none.
verbs() { "$1" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'; }

for tool in mamba-run mamba-pack mamba-tune mamba-import mamba-opt; do
  "$tool" --help-man >page.1
  # A page of the build has no date, so that the same sources give the same page.
  ! mandoc -Tlint -W warning page.1 | grep -v 'missing date' >complaints || die "$tool: $(cat complaints)"
  mandoc -Tascii page.1 | col -bx >page
  for part in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' ENVIRONMENT EXAMPLES 'SEE ALSO'; do
    grep -qx "$part" page || die "the page of $tool has no section $part"
  done
  if [ $tool != mamba-opt ]; then
    for verb in '' $(verbs $tool); do
      [ -z "$verb" ] || grep -qx " *$verb" page || die "the page of $tool lacks the verb $verb"
      "$tool" $verb --help >help
      for option in $(grep -oE '^  (-[a-zA-Z],)?--[a-z0-9-]+' help | grep -oE -- '--[a-z0-9-]+'); do
        grep -qE -- "(^| )$option( |=|\[|,|$)" page || die "the page of $tool lacks $option of '$verb'"
      done
    done
  fi
  grep -q '0 done' page || die "the page of $tool does not tell its exit status"
done
grep -q -- '--mamba-pipeline' page && grep -q -- '--ssm-fuse-scan' page ||
  die 'the page of mamba-opt lacks phases or passes'
mamba-tune --help-man | grep '^\.SS merge' >/dev/null || die 'the page of mamba-tune lacks merge'

# The variables that code asks for by name.
cd "$MAMBA_SOURCE"
names=$(grep -rhoE '"(MAMBA_[A-Z_]+|CUDA_HOME)"' --include='*.cpp' runtime compiler passes tools |
  tr -d '"' | grep -vx -e MAMBA_PTX | sort -u)
[ "$(wc -w <<<"$names")" -gt 5 ] || die "too few were found: $names"
for name in $names; do
  grep -q "\"$name\"" tools/lib/Environment.cpp || die "no man page tells of $name: add it to tools/lib/Environment.cpp"
  mamba-pack --help-man | grep -F "fB$name" >/dev/null || die "the page of mamba-pack lacks $name"
done
