# The GoogleTest programs, one lit test for each of their tests.
import os
import sys

sys.path.insert(0, os.path.join(config.mamba_source_dir, "test"))
import lit_googletest

config.name = "mamba-unit"
config.test_format = lit_googletest.GoogleTests(config.mamba_test_programs)
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.mamba_binary_dir, "test", "unit")
config.environment["MAMBA_SHARED_DATA"] = os.path.join(
    config.mamba_source_dir, os.pardir, "shared"
)
# What is kept for the user is not the tests'.
config.environment["MAMBA_CACHE"] = "off"
for variable in ("MAMBA_SHARED_DATA", "HOME", "CI"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]
