# RUN: bash %s %t
# No file of the runtime or of mamba-run includes LLVM, MLIR or the compiler.
. "$(dirname "$0")/Inputs/common.sh"

cd "$MAMBA_SOURCE"
sources=$(find runtime tools/mamba-run -name '*.cpp' -o -name '*.h' -o -name '*.in')
[ "$(wc -w <<<"$sources")" -gt 50 ] || die 'the sources were not found'
! grep -nE '^ *# *include *["<](llvm|llvm-c|mlir|mlir-c|clang|lld|compiler|passes|dialects|test|bench)/' $sources ||
  die 'the runtime includes what it must not know'
