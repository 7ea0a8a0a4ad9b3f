# Sourced by demo.sh and test.sh: the distribution's packages, the configured
# build folder, the build. Says what it does on stderr, and nothing twice.
# Sets root (of the sources) and build (the folder build/ in it).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build

packages=(
  clang-22 lld-22 libclang-rt-22-dev llvm-22-dev libmlir-22-dev mlir-22-tools
  llvm-22-tools liblld-22-dev cmake ninja-build ccache pkg-config python3
  nlohmann-json3-dev libcli11-dev libedit-dev libpcre2-dev libutf8proc-dev
  libzstd-dev zlib1g-dev libmd-dev libgtest-dev libgmock-dev libbenchmark-dev xz-utils
  mandoc python3-venv python3-numpy
  qemu-user openmpi-bin shellcheck
)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$@"; exit 1; }

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_packages() {
  local package missing=() as_root=()
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here, so what is installed is not checked; Debian calls it: ${packages[*]}"
    return
  fi
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "neither root nor sudo: run 'apt-get install ${missing[*]}' as root, then this again"
    as_root=(sudo)
    [ -t 0 ] || as_root=(sudo -n) # Nobody is there to type a password.
  fi
  # The lists of a fresh machine are empty or old.
  "${as_root[@]}" apt-get update -q >&2 ||
    say "the package lists could not be renewed, trying the old ones"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >&2 ||
    die "apt-get could not install ${missing[*]}: see above"
}

configure() {
  [ -e "$build/build.ninja" ] && return
  say "configuring $build"
  (cd "$root" && cmake --preset default) >&2 ||
    die "cmake could not configure $build: see above"
}

# build_targets TARGET...
build_targets() {
  say "building $*"
  cmake --build "$build" --target "$@" >&2 || die "the build failed: see above"
}
