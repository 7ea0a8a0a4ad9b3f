"""What the scripts that time a peer share."""

import pathlib


def memory(key):
    """Of this process, in MB: VmRSS now, VmHWM at most."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def made_up(first, count, vocabulary):
    """Tokens `first` to `first + count` of a prompt."""
    return [(first + i) * 7919 % vocabulary for i in range(count)]


def lengths(text):
    return [int(n) for n in text.split(",") if n]
