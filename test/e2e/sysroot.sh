# RUN: bash %s %t
# The libraries of AArch64 are unpacked into a folder, once for a list of packages, and
# where they cannot be had nothing is left behind and one line says why.
. "$(dirname "$0")/Inputs/common.sh"

# Stand-ins for the package manager: a package holds a library and a link to it.
mkdir bin
cat >bin/apt-get <<'STUB'
#!/bin/sh
echo "$*" >>asked
for word; do
  case $word in
  "$REFUSED") echo 'E: no such package' >&2; exit 100 ;;
  Dir::Cache=*) cache=${word#*=} ;;
  install) : >"$cache/archives/some.deb" ;;
  esac
done
STUB
cat >bin/dpkg-deb <<'STUB'
#!/bin/sh
mkdir -p "$3/lib" "$3/usr/lib"
echo library >"$3/lib/some.so.1"
ln -s /lib/some.so.1 "$3/usr/lib/some.so"
STUB
chmod +x bin/*
PATH=$PWD/bin:$PATH
export REFUSED=none
sysroot() { "$MAMBA_SOURCE/tools/lib/sysroot.sh" "$@"; }

sysroot 'a folder/sys'
grep -q -- '--download-only .* libstdc++-12-dev .*libzstd-dev' asked || die "asked: $(cat asked)"
! grep -q 'llvm\|mlir' asked || die "asked: $(cat asked)"
[ "$(cat 'a folder/sys/usr/lib/some.so')" = library ] || die 'a link leads out of the folder'
[ "$(readlink 'a folder/sys/usr/lib/some.so')" = ../../lib/some.so.1 ]
[ "$(ls 'a folder')" = sys ] && [ ! -e 'a folder/sys/apt' ] || die "left behind: $(ls 'a folder' 'a folder/sys')"
rm asked
sysroot 'a folder/sys'
[ ! -e asked ] || die 'something was done twice'
# Another list of packages.
echo zlib1g-dev >'a folder/sys/made-of'
sysroot 'a folder/sys'
[ -e asked ] || die 'a folder of other packages is taken'

for REFUSED in update install; do
  export REFUSED
  status=0
  sysroot refused 2>said || status=$?
  [ $status = 1 ] && grep -q '^E: no such package$' said && grep -q '^sysroot.sh: apt-get could not fetch' said ||
    die "status $status: $(cat said)"
  [ -z "$(compgen -G 'refused*')" ] || die 'a folder is left behind'
done
mkdir mine
touch mine/work
status=0
sysroot mine/ 2>said || status=$?
[ $status = 1 ] && [ -e mine/work ] && grep -q '^sysroot.sh: mine holds other things' said ||
  die "status $status: $(cat said)"
status=0
sysroot 2>said || status=$?
[ $status = 2 ] && grep -q '^usage: sysroot.sh FOLDER$' said || die "status $status: $(cat said)"
mkdir few
for tool in bash env basename dirname cat; do ln -s "$(command -v $tool)" few; done
status=0
PATH=$PWD/few sysroot refused 2>said || status=$?
[ $status = 1 ] && grep -q "^sysroot.sh: apt-get was not found: the packages are Debian's$" said ||
  die "status $status: $(cat said)"
