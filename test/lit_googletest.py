"""GoogleTest programs for lit: every test by itself, so that a crash is one
failure, and a skipped test keeps its reason (lit's own format drops it)."""
import os
import signal
import subprocess

import lit.Test
import lit.formats

SECONDS = 600


class GoogleTests(lit.formats.TestFormat):
    def __init__(self, programs):
        self.programs = programs

    def getTestsInDirectory(self, suite, path_in_suite, lit_config, config):
        if path_in_suite:
            return
        for program in self.programs:
            for name in list_tests(program, config.environment):
                path = (os.path.basename(program), *name.split("."))
                test = lit.Test.Test(suite, path, config, file_path=program)
                test.program, test.filter = program, name
                yield test

    def execute(self, test, lit_config):
        command = [test.program, "--gtest_filter=" + test.filter]
        environment = test.config.environment
        if "TMPDIR" in environment:
            # Made by lit for its user alone; some tests give up root's rights.
            os.chmod(environment["TMPDIR"], 0o755)
        code, output = run(command, environment)
        shown = " ".join(command) + "\n" + output
        if code != 0:
            return lit.Test.FAIL, shown + f"\nexit status {code}\n"
        if "[  SKIPPED ]" in output:
            return lit.Test.UNSUPPORTED, reason(output)
        if "[  PASSED  ] 1 test." not in output:
            return lit.Test.FAIL, shown + "\nran no test\n"
        return lit.Test.PASS, ""


def run(command, environment):
    """Exit status and output; the status is negative for a signal, 124 when it
    took too long, 127 when the program could not be started."""
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return 127, str(error)
    try:
        output, _ = process.communicate(timeout=SECONDS)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        code = 124
    return code, output.decode("utf-8", "replace")


def list_tests(program, environment):
    """Full names of the program's tests; a name that no test has, and so fails,
    when the program cannot say them."""
    code, output = run([program, "--gtest_list_tests"], environment)
    names, suite = [], ""
    for line in output.splitlines() if code == 0 else []:
        word = line.split("#")[0].rstrip()
        if word.startswith("  "):
            names.append(suite + word.strip())
        elif word.endswith("."):
            suite = word
    names = [n for n in names if "DISABLED_" not in n]
    return names or ["cannot.list_tests"]


def reason(output):
    """What GTEST_SKIP() said."""
    lines = output.splitlines()
    for i, line in enumerate(lines):
        if line.endswith(": Skipped"):
            said = []
            for text in lines[i + 1 :]:
                if not text or text.startswith("["):
                    break
                said.append(text)
            return " ".join(said)
    return "no reason given"
