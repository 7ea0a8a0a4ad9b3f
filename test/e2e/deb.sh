# RUN: bash %s %t
# The Debian packages of a build without LLVM: what they hold and need, and that the
# program in them runs a pack from where it was unpacked.
. "$(dirname "$0")/Inputs/common.sh"

mpk=$(pack models/shakespeare)
. "$(dirname "$0")/Inputs/runtime-alone.sh"
cmake --build build
rm -rf packages
cpack -G DEB --config build/CPackConfig.cmake -B packages -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip >log 2>&1 ||
  die "cpack: $(cat log)"
version=$(sed -n 's/^project(mamba VERSION \([0-9.]*\).*/\1/p' "$MAMBA_SOURCE/CMakeLists.txt")
machine=$(dpkg --print-architecture)
runtime=packages/mamba-runtime_${version}_$machine.deb
devel=packages/libmamba-dev_${version}_$machine.deb
[ "$(echo packages/*.deb)" = "$devel $runtime" ] || die "packages: $(echo packages/*.deb)"

field() { dpkg-deb -f "$1" "$2"; }
[ "$(field "$runtime" Package) $(field "$runtime" Version)" = "mamba-runtime $version" ] ||
  die "$(dpkg-deb -f "$runtime")"
for library in libc6 libstdc++6 libpcre2-8-0 libzstd1; do
  field "$runtime" Depends | grep -F "$library" >/dev/null || die "mamba-runtime does not ask for $library"
done
! field "$runtime" Depends | grep -Ei 'llvm|mlir|python|cuda' || die 'mamba-runtime asks for too much'
field "$devel" Depends | grep -F "mamba-runtime (= $version)" >/dev/null || die "$(dpkg-deb -f "$devel")"
dpkg-deb -I "$runtime" triggers | grep ldconfig >/dev/null || die 'the new library is not made known'

rm -rf root
dpkg-deb -x "$runtime" root
for file in bin/mamba-run bin/mamba-pack bin/mamba-tune share/man/man1/mamba-{run,pack,tune}.1.gz \
  share/bash-completion/completions/mamba-run share/zsh/vendor-completions/_mamba-run \
  share/fish/vendor_completions.d/mamba-run.fish \
  share/doc/mamba-runtime/{changelog.gz,copyright}; do
  [ -s "root/usr/$file" ] || die "mamba-runtime has no $file: $(dpkg-deb -c "$runtime")"
done
find root -name 'libmamba_runtime.so.*' | grep . >/dev/null || die 'mamba-runtime has no library'
find root -name '*.h' -o -name '*.a' | (! grep .) || die 'mamba-runtime has files for development'
gzip -dc root/usr/share/man/man1/mamba-run.1.gz | grep '^\.TH MAMBA-RUN 1' >/dev/null || die 'mamba-run.1 is no page'
dpkg-deb -c "$devel" | grep '\./usr/include/mamba/runtime.h$' >/dev/null || die "$(dpkg-deb -c "$devel")"

root/usr/bin/mamba-run generate "$mpk" --prompt 'ROMEO:' -n 20 --greedy --quiet >said
mamba-run generate "$mpk" --prompt 'ROMEO:' -n 20 --greedy --quiet | cmp - said
