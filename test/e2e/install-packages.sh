# RUN: bash %s %t
# demo.sh and test.sh install what is missing, say what, and ask for nothing
# when all is there.
. "$(dirname "$0")/Inputs/common.sh"

# Stand-ins for the package manager: what is in the file `there` is installed.
mkdir bin
cat >bin/dpkg-query <<'STUB'
#!/bin/sh
if grep -qx "$3" there; then echo installed; else exit 1; fi
STUB
cat >bin/apt-get <<'STUB'
#!/bin/sh
echo "$*" >>asked
while [ $# -gt 0 ]; do echo "$1" >>there; shift; done
STUB
cat >bin/id <<'STUB'
#!/bin/sh
echo "${FAKE_UID:-0}"
STUB
chmod +x bin/*
PATH=$PWD/bin:$PATH
(. "$MAMBA_SOURCE/tools/lib/setup.sh" && printf '%s\n' "${packages[@]}") >all
install() { (. "$MAMBA_SOURCE/tools/lib/setup.sh" && install_packages); }

grep -vx -e libmd-dev -e ninja-build all >there
install 2>said
grep -q 'installing ninja-build libmd-dev$' said || die "said: $(cat said)"
grep -q '^install .*ninja-build libmd-dev$' asked || die "asked: $(cat asked)"
rm asked
install 2>said
[ ! -e asked ] && [ ! -s said ] || die 'something was done twice'

# Without the rights, one line says what to run.
grep -vx libmd-dev all >there
mkdir few
for tool in bash sh dirname basename grep cat; do ln -s "$(command -v $tool)" few; done
cp bin/* few
status=0
(PATH=$PWD/few FAKE_UID=1000 install) 2>said || status=$?
[ $status = 1 ] && grep -q "apt-get install libmd-dev' as root" said ||
  die "status $status: $(cat said)"
