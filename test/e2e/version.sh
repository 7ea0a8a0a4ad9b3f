# RUN: bash %s %t
# --version of every tool: the build it is, the ABI of the runtime inside, and of
# what holds the compiler LLVM's version. The revision is that of the sources'
# own checkout, or none.
. "$(dirname "$0")/Inputs/common.sh"

abi=$(sed -n 's/^#define MAMBA_ABI_VERSION //p' "$MAMBA_SOURCE/runtime/include/mamba/runtime.h")
for tool in mamba-run mamba-pack mamba-tune 'mamba-tune merge' mamba-import mamba-opt; do
  $tool --version >said 2>log || die "'$tool --version' exits with $?"
  [ ! -s log ] || die "'$tool --version' wrote to stderr: $(cat log)"
  {
    read -r first
    read -r second
    third=
    read -r third || true
  } <said
  [[ $first =~ ^${tool%% *}\ [0-9]+\.[0-9]+\.[0-9]+\ \(([0-9a-f]{7,}\+?,\ )?(clang|gcc)\ [0-9.]+(,\ [A-Za-z]+)?\)$ ]] ||
    die "'$tool --version' begins with '$first'"
  [ "$second" = "runtime ABI $abi" ] || die "'$tool --version' says '$second', not ABI $abi"
  if [ "$tool" = mamba-run ]; then
    [ -z "$third" ] || die "'$tool' holds no compiler but says '$third'"
  else
    [[ $third =~ ^LLVM\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || die "'$tool --version' says '$third'"
  fi
done

# What the build finds out.
revision() {
  cmake -DSOURCE="$1" -DOUTPUT="$PWD/Revision.h" -DBUILD_TYPE=Release \
    -P "$MAMBA_SOURCE/cmake/Revision.cmake"
  sed -n 's/^#define MAMBA_REVISION "\(.*\)"$/\1/p' Revision.h
}
mkdir -p 'a checkout/inside'
(
  cd 'a checkout'
  git init -q
  echo one >file
  git add file
  git -c user.name=test -c user.email=test@localhost commit -q -m first
)
commit=$(git -C 'a checkout' rev-parse --short HEAD)
[ "$(revision "$PWD/a checkout")" = "$commit" ] || die "the revision is not $commit: $(cat Revision.h)"
touch -d 2001-01-01 Revision.h
revision "$PWD/a checkout" >/dev/null
[ Revision.h -ot "a checkout/file" ] || die 'the same header is written again'
echo two >'a checkout/file'
[ "$(revision "$PWD/a checkout")" = "$commit+" ] || die "changed sources are of $(cat Revision.h)"
[ -z "$(revision "$PWD/a checkout/inside")" ] || die "a folder in another checkout: $(cat Revision.h)"
export GIT_CEILING_DIRECTORIES=$PWD
mkdir unpacked
[ -z "$(revision "$PWD/unpacked")" ] || die "sources without git: $(cat Revision.h)"
