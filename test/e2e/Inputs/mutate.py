"""mutate.py KERNEL STEP PTX: every STEP-th instruction of the kernel ("all": of
all kernels) made another one, a line each: line number, text, its replacement,
with a unit separator (0x1f) between. What only loads parameters or ends is left alone."""
import re
import sys

kernel, step, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]

NEGATED = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
# Opcode, what of the instruction changes, into what.
SWAPS = [
    ("fma", r", ([^,]*), [^,]*;", r", \1, \1;"),
    ("mad", r", [^,]*;", ", 1;"),
    ("add", "add", "sub"),
    ("sub", "sub", "add"),
    ("mul.wide", r", [^,]*;", ", 2;"),
    ("mul.rn", "mul", "add"),
    ("mul.lo", "mul.lo", "add"),
    ("max", "max", "min"),
    ("min", "min", "max"),
    ("abs", "abs", "neg"),
    ("neg", "neg", "abs"),
    ("or", "or", "and"),
    ("and", "and", "or"),
    ("selp", r"(\s%\S+), ([^,]*), ([^,]*),", r"\1, \3, \2,"),
    ("shfl.sync.bfly", r", [^,]*, 31, -1;", ", 0, 31, -1;"),
    ("ex2", "ex2", "lg2"),
    ("rcp", "rcp", "rsqrt"),
    ("rsqrt", "rsqrt", "rcp"),
    ("st.", r"st\..*;", ""),
    ("ld.global.nc.b32", r"ld\S*(\s+)([^,]*),.*;", r"mov.b32\1\2, 0;"),
    ("ld.shared.b32", r"ld\S*(\s+)([^,]*),.*;", r"mov.b32\1\2, 0;"),
]


def mutate(text):
    if found := re.search(r"setp\.(\w\w)\.", text):
        return text.replace(f"setp.{found[1]}", f"setp.{NEGATED[found[1]]}", 1)
    if re.match(r"\t@%p", text):
        return text.replace("@%p", "@!%p", 1)
    for opcode, pattern, to in SWAPS:
        if re.match(rf"\t{re.escape(opcode)}", text):
            return re.sub(pattern, to, text, count=1)
    return None


found = 0
inside = False
for number, line in enumerate(open(path), 1):
    line = line.rstrip("\n")
    if match := re.match(r"\.visible \.entry (\w+)\(", line):
        inside = kernel in ("all", match[1])
    if not inside or "//" in line:
        continue
    changed = mutate(line)
    if not changed or changed == line:
        continue
    if found % step == 0:
        print(number, line.strip("\t"), changed.strip("\t"), sep="\x1f")
    found += 1
