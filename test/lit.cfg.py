# lit finds the tools on PATH; %data is test/data, %t a temporary of the test.
import ctypes.util
import os
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(config.mamba_source_dir, "test"))
import lit_shell

config.name = "mamba"
config.test_format = lit_shell.ShellTests()
config.suffixes = [".mlir", ".test"]
config.excludes = ["data", "unit", "fuzz", "tools", "Inputs"]
config.test_source_root = os.path.join(config.mamba_source_dir, "test")
config.test_exec_root = os.path.join(config.mamba_binary_dir, "test", "lit")

environment = config.environment
environment["PATH"] = os.pathsep.join(
    [
        os.path.join(config.mamba_binary_dir, "bin"),
        config.llvm_tools_dir,
        os.environ["PATH"],
    ]
)
environment["FILECHECK_OPTS"] = "--dump-input=fail"
environment["MAMBA_SOURCE"] = config.mamba_source_dir
environment["MAMBA_BUILD"] = config.mamba_binary_dir
# What is kept for the user is not the tests'.
environment["MAMBA_CACHE"] = "off"
for variable in ("HOME", "CI"):
    if variable in os.environ:
        environment[variable] = os.environ[variable]
config.substitutions.append(
    ("%data", shlex.quote(os.path.join(config.mamba_source_dir, "test", "data")))
)

# Other people's data, never part of the repository.
shared = os.environ.get(
    "MAMBA_SHARED_DATA", os.path.join(config.mamba_source_dir, os.pardir, "shared")
)
environment["MAMBA_SHARED_DATA"] = shared
if os.path.exists(os.path.join(shared, "models", "shakespeare", "val.txt")):
    config.available_features.add("val-text-in-MAMBA_SHARED_DATA")

# NVIDIA's compiler of CUDA C++, which needs no GPU.
nvrtc = ctypes.util.find_library("nvrtc") or "/usr/local/cuda/lib64/libnvrtc.so"
if not os.path.isabs(nvrtc) or os.path.exists(nvrtc):
    environment["NVRTC"] = nvrtc
    config.available_features.add("nvrtc")

# What this processor can run, by the levels of the x86-64 psABI.
flags = set()
if os.path.exists("/proc/cpuinfo"):
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("flags"):
                flags = set(line.split()[2:])
                break
if {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"} <= flags:
    config.available_features.add("x86-64-v3")
    if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
        config.available_features.add("x86-64-v4")
        if {"avx512_bf16", "avx512_vnni"} <= flags:
            config.available_features.add("x86-64-v4-vnni")
        # The operating system must let programs use the matrix unit.
        amx = {"amx_tile", "amx_int8", "amx_bf16", "avx512_bf16", "avx512_vnni"}
        if amx <= flags and ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0:
            config.available_features.add("x86-64-v4-amx")

# Other processors than this one, where programs of this build run under QEMU
# (those with a sanitizer may not).
run_tool = os.path.join(config.mamba_binary_dir, "bin", "mamba-run")
try:
    probe = subprocess.run(["qemu-x86_64", run_tool, "--version"], capture_output=True)
    if probe.returncode == 0:
        config.available_features.add("qemu-user")
except OSError:
    pass

# The libraries of AArch64, for the runtime that runs there, under QEMU here.
sysroot = os.path.join(config.mamba_binary_dir, "sysroot-aarch64", "made-of")
if os.path.exists(sysroot) and all(map(shutil.which, ("qemu-aarch64", "clang++-22"))):
    config.available_features.add("aarch64-sysroot")

# An MPI that starts processes.
if shutil.which("mpirun"):
    config.available_features.add("mpirun")

# A reader of man pages that finds faults in them.
if shutil.which("mandoc"):
    config.available_features.add("mandoc")

# The runtime's wheel, which is built where there are static libraries.
wheels = os.path.join(config.mamba_binary_dir, "dist")
if os.path.isdir(wheels) and any(name.endswith(".whl") for name in os.listdir(wheels)):
    config.available_features.add("wheel")

# Needs psutil; without it a test that hangs is left to hang.
if lit_config.maxIndividualTestTimeIsSupported[0]:
    lit_config.maxIndividualTestTime = 900
