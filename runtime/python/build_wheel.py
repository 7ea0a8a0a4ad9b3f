#!/usr/bin/env python3
"""Writes the wheel of the runtime: the same bytes from the same files.

The platform of its tag comes from the library: the newest glibc that it needs. A library
that needs others than glibc's is refused, since a wheel brings what it needs.
"""

import argparse
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

# What every manylinux system has.
SYSTEM_LIBRARIES = re.compile(
    r"(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux[-.a-z0-9_]*\.so\.\d+)")
OLDEST_GLIBC = (2, 17)
DISTRIBUTION = "mamba_runtime"


def die(message):
    sys.exit(f"build_wheel.py: {message}")


def platform_tag(library, objdump, machine):
    """manylinux_2_34_x86_64: by PEP 600."""
    text = subprocess.run([objdump, "-p", library], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"^\s*NEEDED\s+(\S+)", text, re.MULTILINE)
    foreign = [name for name in needed if not SYSTEM_LIBRARIES.fullmatch(name)]
    if foreign:
        die(f"'{library}' needs {', '.join(foreign)}, which not every system has: link it statically")
    versions = [tuple(map(int, found)) for found in re.findall(r"GLIBC_(\d+)\.(\d+)", text)]
    if not versions:
        die(f"'{library}' names no version of glibc: only Linux with glibc has a wheel")
    major, minor = max(versions + [OLDEST_GLIBC])
    return f"manylinux_{major}_{minor}_{machine}"


def metadata(version, description):
    return (
        "Metadata-Version: 2.1\n"
        "Name: mamba-runtime\n"
        f"Version: {version}\n"
        "Summary: Runs Mamba models from kernel packs\n"
        "Requires-Python: >=3.9\n"
        "Description-Content-Type: text/markdown\n"
        "Classifier: Operating System :: POSIX :: Linux\n"
        "Classifier: Programming Language :: Python :: Implementation :: CPython\n"
        "Classifier: Typing :: Typed\n"
        f"\n{description}")


def write_wheel(path, files, info):
    """`files` are bytes by name; the record of them comes last."""
    epoch = max(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), 315532800)  # A zip begins in 1980.
    date = time.gmtime(epoch)[:6]
    record = ""
    beside = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

            def add(name, content):
                entry = zipfile.ZipInfo(name, date)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
                entry.create_system = 3
                archive.writestr(entry, content)

            for name in sorted(files, key=lambda name: (name.startswith(info), name)):
                digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
                record += f"{name},sha256={digest},{len(files[name])}\n"
                add(name, files[name])
            add(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", required=True, type=Path, help="libmamba_runtime.so, stripped")
    parser.add_argument("--version", required=True)
    parser.add_argument("--machine", required=True, help="as in x86_64")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("--license", action="append", default=[], metavar="NAME=FILE",
                        help="the terms of a library inside")
    parser.add_argument("--output-dir", required=True, type=Path)
    options = parser.parse_args()

    here = Path(__file__).parent
    files = {f"{DISTRIBUTION}/{path.name}": path.read_bytes()
             for path in (here / DISTRIBUTION).iterdir() if path.suffix in (".py", ".typed")}
    # Under this name whatever the build calls it, see _library.py.
    files[f"{DISTRIBUTION}/libmamba_runtime.so"] = options.library.read_bytes()
    info = f"{DISTRIBUTION}-{options.version}.dist-info"
    for license_ in options.license:
        name, _, path = license_.partition("=")
        if not Path(path).is_file():
            die(f"the terms of {name} were not found in '{path}': a wheel with it inside must have them")
        files[f"{info}/licenses/{name}.txt"] = Path(path).read_bytes()
    tag = f"py3-none-{platform_tag(options.library, options.objdump, options.machine)}"
    files[f"{info}/METADATA"] = metadata(options.version, (here / "README.md").read_text()).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: build_wheel.py\nRoot-Is-Purelib: false\nTag: {tag}\n").encode()
    options.output_dir.mkdir(parents=True, exist_ok=True)
    for old in options.output_dir.glob(f"{DISTRIBUTION}-*.whl"):
        old.unlink()
    path = options.output_dir / f"{DISTRIBUTION}-{options.version}-{tag}.whl"
    write_wheel(path, files, info)
    print(path)


if __name__ == "__main__":
    main()
