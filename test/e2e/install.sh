# RUN: bash %s %t
# What `cmake --install` puts below a prefix works after the tree was moved: a C
# program by pkg-config, a C++ one by find_package, with nothing of LLVM.
. "$(dirname "$0")/Inputs/common.sh"

cmake --install "$MAMBA_BUILD" --prefix "$PWD/first" >log || die "$(cat log)"
mkdir 'moved to'
mv first 'moved to/tree'
tree=$PWD/moved\ to/tree
lib=$(dirname "$(find "$tree" -name libmamba_runtime.a)")
for file in include/mamba/runtime.h share/doc/mamba/README.md share/doc/mamba/FORMAT.md \
  share/doc/mamba/examples/hello.c bin/mamba-{run,pack,tune,import,opt}; do
  [ -s "$tree/$file" ] || die "$file is not installed"
done
[ "$(find "$tree/include" -type f | wc -l)" = 1 ] || die 'there is more than one header'
for file in libmamba_runtime.so cmake/mamba/mamba{Config,ConfigVersion,Targets}.cmake pkgconfig/mamba.pc; do
  [ -s "$lib/$file" ] || die "$file is not installed"
done

# Nothing knows where it was built or first installed, and every tool starts.
found=$(grep -rlF -e "$MAMBA_BUILD" -e "$MAMBA_SOURCE" -e "$scratch" "$tree" || true)
[ -z "$found" ] || die "paths of the build in $found"
for tool in run pack tune import opt; do
  (cd / && env -u LD_LIBRARY_PATH "$tree/bin/mamba-$tool" --version) >/dev/null
done
! ldd "$tree/bin/mamba-run" "$lib/libmamba_runtime.so" | grep -Ei 'llvm|mlir' || die 'the runtime needs LLVM'

# The library shows the functions of the header and nothing else.
nm -D --defined-only "$lib/libmamba_runtime.so" | awk '{ print $3 }' | sort >shown
tr '\n' ' ' <"$tree/include/mamba/runtime.h" | grep -oE 'MAMBA_API [a-z_0-9 *]*\b(mamba_[a-z_]+)\(' |
  grep -oE 'mamba_[a-z_]+\($' | tr -d '(' | sort >declared
[ "$(wc -l <declared)" -gt 55 ]
diff declared shown
# Each of them is in a unit test.
while read -r name; do
  grep -q "\b$name(" "$MAMBA_SOURCE"/test/unit/model/Api*Test.cpp || die "no test calls $name"
done <declared
strip -o stripped "$lib/libmamba_runtime.so"
bytes=$(stat -c %s stripped)
[ "$bytes" -lt 3000000 ] || die "the library has $bytes bytes"

# A program of each kind, by every compiler there is, with all warnings.
mpk=$(pack models/shakespeare --embed-weights --batch-invariant)
export LD_LIBRARY_PATH=$lib
wanted=$(mamba-run generate "$mpk" --prompt $'ROMEO:\n' -n 20 --temperature 0.8 --seed 7 --quiet)
likely='tokens 690, nll per token 2\.23865[67], perplexity 9\.3807[12].*'
examples=$tree/share/doc/mamba/examples
built=0
try() { # COMPILER SOURCE PROGRAM OPTION...
  local compiler=$1 source=$2 program=$3
  shift 3
  command -v "$compiler" >/dev/null || return 0
  eval "\"\$compiler\" -Wall -Wextra -Werror -pedantic \"\$source\" -o \"\$program\" \"\$@\" \
    $(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs mamba)"
  ! ldd "$program" | grep -Ei 'llvm|mlir' || die "$program needs LLVM"
  built=$((built + 1))
}
for compiler in clang-22 gcc; do
  rm -f hello
  try $compiler "$examples/hello.c" hello -std=c11
  try $compiler "$examples/game.c" game -std=c11
  [ ! -e hello ] || [ "$(./hello "$mpk" $'ROMEO:\n' 20)" = "$wanted" ]
done
for compiler in clang++-22 g++; do
  rm -f score
  try $compiler "$examples/score.cpp" score -std=c++17
  [ ! -e score ] || ./score "$mpk" "$data/models/shakespeare/sample.txt" | grep -x "$likely"
done
[ $built -ge 3 ]

mkdir project
cat >project/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.20)
project(score LANGUAGES CXX)
find_package(mamba 0.1 REQUIRED COMPONENTS static)
foreach(kind runtime runtime_static)
  add_executable(score-\${kind} "$examples/score.cpp")
  target_compile_features(score-\${kind} PRIVATE cxx_std_17)
  target_compile_options(score-\${kind} PRIVATE -Wall -Wextra -Werror)
  target_link_libraries(score-\${kind} PRIVATE mamba::\${kind})
endforeach()
END
unset LD_LIBRARY_PATH
compiler=$(command -v g++ || command -v clang++-22)
cmake -S project -B project/build -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$tree" \
  -DCMAKE_DISABLE_FIND_PACKAGE_MLIR=ON -DCMAKE_DISABLE_FIND_PACKAGE_LLVM=ON >log || die "$(cat log)"
cmake --build project/build >log || die "$(cat log)"
for kind in runtime runtime_static; do
  ./project/build/score-$kind "$mpk" "$data/models/shakespeare/sample.txt" | grep -x "$likely"
done
! ldd project/build/score-runtime_static | grep mamba || die 'the static program needs the shared library'
# Asked for another version it is not there.
sed -i 's/mamba 0.1/mamba 1.0/' project/CMakeLists.txt
! cmake -S project -B other -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$tree" >log 2>&1 ||
  die 'version 1.0 was found'
grep -q 'version: 0.1.0' log || die "$(cat log)"

# The parts: the runtime alone is a library without headers.
cmake --install "$MAMBA_BUILD" --prefix "$PWD/runtime" --component runtime >log
[ -e "$(find runtime -name 'libmamba_runtime.so.0')" ]
[ -x runtime/bin/mamba-run ]
[ ! -e runtime/include ]
[ ! -e runtime/bin/mamba-opt ]
