"""Runs the commands that a Markdown file shows and compares what they write.

  check_console.py FILE.md

In a fenced block of the language `console`, a line that begins with `$ ` is a
command for bash, and the lines up to the next one are its stdout: each must come
in this order, without spaces at its ends. `...` stands for any lines; without it
lines must follow each other. A line that ends with `...` is the beginning of one.
The commands of a file share the current folder; any that fails is an error.
"""
import re
import subprocess
import sys


def commands(text):
    """(line number, command, expected lines) of all blocks."""
    found, inside, indent = [], False, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"( *)```(\w*)", line)
        if fence:
            inside, indent = not inside and fence[2] == "console", fence[1]
        elif inside:
            line = line.removeprefix(indent)
            if line.startswith("$ "):
                found.append((number, line[2:], []))
            elif found:
                found[-1][2].append(line.strip())
    return found


def matches(wanted, line):
    if wanted.endswith("..."):
        return line.startswith(wanted.removesuffix("...").rstrip())
    return wanted == line


def follow(lines, wanted):
    """Where the wanted lines, one after the other, begin; None if nowhere."""
    for start in range(len(lines) - len(wanted) + 1):
        if all(map(matches, wanted, lines[start:])):
            return start
    return None


def missing(expected, output):
    """The first group of expected lines that the output lacks, or None."""
    lines = [line.strip() for line in output.splitlines()]
    group, free = [], False
    for wanted in expected + ["..."]:
        if wanted != "...":
            group.append(wanted)
            continue
        start = follow(lines, group)
        if start is None or (start > 0 and not free):
            return group
        lines, group, free = lines[start + len(group) :], [], True
    if lines and expected[-1:] != ["..."]:
        return ["(nothing more)"]
    return None


def main():
    (path,) = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = commands(file.read())
    if not found:
        sys.exit(f"{path}: no command in it")
    for number, command, expected in found:
        run = subprocess.run(
            ["bash", "-c", "set -euo pipefail; " + command],
            stdout=subprocess.PIPE,
            text=True,
        )
        if run.returncode != 0:
            sys.exit(f"{path}:{number}: exit status {run.returncode}: {command}")
        lacks = missing(expected, run.stdout)
        if lacks is not None:
            sys.exit(f"{path}:{number}: {command}\nwrote\n{run.stdout}\nwithout\n" + "\n".join(lacks))
    print(f"{path}: {len(found)} commands write what it says")


main()
