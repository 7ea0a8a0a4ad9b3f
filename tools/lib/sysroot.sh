#!/usr/bin/env bash
# sysroot.sh FOLDER: the C and C++ libraries of AArch64, and those that the runtime
# uses, unpacked from the distribution's packages into a folder, for
# `cmake --preset runtime-aarch64`. It installs nothing and needs no root: apt's lists
# and downloads lie in the folder while it works. Done before, it does nothing.
set -euo pipefail
[ $# = 1 ] || { echo 'usage: sysroot.sh FOLDER' >&2; exit 2; }
folder=${1%/}
# shellcheck source=tools/lib/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# Of what the build needs here all libraries but LLVM's.
names=(libstdc++-12-dev)
for package in "${packages[@]}"; do
  case $package in
  *-22-dev) ;;
  *-dev) names+=("$package") ;;
  esac
done
wanted=${names[*]}
[ "$(cat "$folder/made-of" 2>/dev/null)" != "$wanted" ] || exit 0
if [ -n "$(ls -A "$folder" 2>/dev/null)" ] && [ ! -e "$folder/made-of" ]; then
  die "$folder holds other things: name a new folder, or an empty one"
fi
for tool in apt-get dpkg-deb; do
  command -v $tool >/dev/null || die "$tool was not found: the packages are Debian's"
done

mkdir -p "$folder.new"
new=$(cd "$folder.new" && pwd)
trap 'rm -rf "$new"' EXIT
rm -rf "$new"
apt=$new/apt
mkdir -p "$apt"/lists/partial "$apt"/archives/partial
: >"$apt/status"
get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
    -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
    -o Acquire::Languages=none -o APT::Sandbox::User=root -o Debug::NoLocking=true "$@" \
    </dev/null >"$apt/log" 2>&1 || { cat "$apt/log" >&2; return 1; }
}
get update || die 'apt-get could not fetch the lists of packages for arm64: see above'
get install -y --download-only --no-install-recommends "${names[@]}" ||
  die "apt-get could not fetch ${names[*]} for arm64: see above"
for package in "$apt"/archives/*.deb; do
  dpkg-deb -x "$package" "$new"
done
# Links that mean the whole system mean this folder.
find "$new" -path "$apt" -prune -o -type l -lname '/*' -print0 |
  while IFS= read -r -d '' link; do
    ln -sfnr "$new$(readlink "$link")" "$link"
  done
rm -rf "$apt"
echo "$wanted" >"$new/made-of"
rm -rf "$folder"
mv "$new" "$folder"
