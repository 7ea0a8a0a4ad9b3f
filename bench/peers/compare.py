"""compare.py: our kernels beside llama.cpp and PyTorch on the same random weights, same machine.

Runs alternate: each round runs everything once, every second one backwards, with the machine's
limits at its start; figures are medians, the spread is from least to most. Called by run.sh."""

import argparse
import json
import pathlib
import sys
import time

import contestants
import positions
import scaling
import tables
from lab import Failure, Lab

# Weights, rows and target of our packs.
OURS = [
    ("bf16", "bf16", "cpu:native"),
    ("int8", "bf16", "cpu:native"),
    ("int4", "bf16", "cpu:native"),
    ("bf16", "f32", "cpu:native"),
    ("f32", "f32", "cpu:native"),
    ("bf16", "f32", "cpu:x86-64-v3"),
    ("int8", "f32", "cpu:x86-64-v3"),
    ("int4", "f32", "cpu:x86-64-v3"),
    ("f32", "f32", "cpu:x86-64-v3"),
]
GGUF = ["f16", "q8_0", "q4_0"]
TORCH = ["float32", "bfloat16"]
SHORT, LONG, DECODE = 512, 4096, 128
CHECKED = 24  # tokens of the prompt whose logits are compared
PARTS = ["models", "scaling", "bundled", "transformer"]
QUICK_PARTS = PARTS[:3]
KEPT = {"models": "rows"}  # Where a part is in the report, if not by its name.
TOLERANCE = 0.03  # of logits, against their root mean square


def parts_of(text):
    parts = text.split(",")
    for part in parts:
        if part not in PARTS:
            raise argparse.ArgumentTypeError(f"there are {', '.join(PARTS)}, got '{part}'")
    return parts


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="our tools")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="for packs and models")
    parser.add_argument(
        "--model", type=pathlib.Path, required=True, help="checkpoint of random weights"
    )
    parser.add_argument(
        "--bundled", type=pathlib.Path, required=True, help="checkpoint of the trained model"
    )
    parser.add_argument(
        "--python", help="that has llama_cpp, and perhaps torch; without it ours alone"
    )
    parser.add_argument("--avx2", help="folder of llama.cpp's package without AVX-512 and AMX")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="of the models; 5, or 2 if quick")
    parser.add_argument("--quick", action="store_true", help="few and short runs")
    parser.add_argument("--short", action="store_true", help="no prompts of 4096")
    parser.add_argument("--match", help="only who has one of these in the name: native,llama.cpp q")
    parser.add_argument(
        "--parts",
        type=parts_of,
        help=f"what is measured: {','.join(PARTS)}, or {','.join(QUICK_PARTS)} if quick",
    )
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        required=True,
        help="where all figures go, and as .md what is printed",
    )
    options = parser.parse_args()
    options.parts = options.parts or (QUICK_PARTS if options.quick else PARTS)
    return options


def takers(lab, match):
    """All that takes part, and why something does not."""
    found, absent = [], []
    for weights, rows, target in OURS:
        if not any(word in contestants.name_of("ours", weights, rows, target) for word in match):
            continue
        try:
            found.append(contestants.Ours(lab, weights, rows, target))
        except Failure as failure:
            absent.append(f"ours {weights} weights, {rows} rows, {target}: {failure}")
    if not lab.python:
        return found, absent + ["llama.cpp and PyTorch: not installed, ours alone"]
    builds = [("llama.cpp", None)] + ([("llama.cpp, AVX2", lab.avx2)] if lab.avx2 else [])
    try:
        models = lab.gguf("mamba", lab.model)
        for name, library in builds:
            found += [contestants.llama(lab, name, models / f"{f}.gguf", f, library) for f in GGUF]
    except Failure as failure:
        absent.append(f"llama.cpp: {failure}")
    try:
        lab.run(lab.python, "-c", "import torch, transformers")
        found += [contestants.torch(lab, kind) for kind in TORCH]
    except Failure as failure:
        absent.append(f"PyTorch: {failure}")
    return [one for one in found if any(word in one.name for word in match)], absent


def check(lab, found):
    """Distance of the peers' logits from ours in f32, which they must compute too."""
    reference = next((c for c in found if c.who == "ours" and c.weights == "f32"), None)
    rows = []
    ids = [(i * 7919 + 13) % lab.vocabulary for i in range(CHECKED)]
    if reference is None:
        return rows
    wanted = reference.logits(ids)
    scale = (sum(x * x for x in wanted) / len(wanted)) ** 0.5
    for other in found:
        if other is reference or other.narrow:
            continue
        try:
            got = other.logits(ids)
        except Failure as failure:
            other.fail(str(failure))
            continue
        worst = max(abs(a - b) for a, b in zip(got, wanted)) / scale
        exact = other.weights in ("f16", "f32") and other.rows in ("", "f32")
        rows.append(
            {
                "name": other.name,
                "worst": worst,
                "same_token": argmax(got) == argmax(wanted),
                "tolerance": TOLERANCE if exact else None,
            }
        )
    return rows


def argmax(values):
    return max(range(len(values)), key=values.__getitem__)


def rounds(lab, found, options):
    """Measures all, and returns the limits of each round."""
    limits = []
    count = options.rounds or (2 if options.quick else 5)
    for turn in range(count):
        limits.append(lab.limits())
        for one in found if turn % 2 == 0 else reversed(found):
            once = one.slow or (options.quick and one.narrow)
            if one.failure or (once and turn > 0):
                continue
            lab.say(f"round {turn + 1} of {count}: {one.name}")
            whole = turn == 0 and not options.short and not (options.quick and once)
            try:
                one.measure([SHORT, LONG] if whole else [SHORT], DECODE, limits[-1])
            except Failure as failure:
                one.fail(str(failure))
    return limits


def earlier(path, parts, threads):
    """The report that is there: parts that are not measured now stay."""
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text())
    except ValueError as error:
        sys.exit(f"compare.py: {path} is no report, remove it: {error}")
    stay = [p for p in PARTS if p not in parts and kept.get(KEPT.get(p, p))]
    if stay and kept["threads"] != threads:
        sys.exit(
            f"compare.py: {path} has {', '.join(stay)} of {kept['threads']} threads:"
            f" measure all with {threads}, or name another --json"
        )
    return kept


def write(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n")
    part.replace(path)


def models(lab, options, report):
    found, report["absent"] = takers(lab, (options.match or "").split(","))
    report["check"] = check(lab, found)
    report["limits"] = rounds(lab, found, options)
    report["rows"] = [one.row() for one in found]


def measure(part, lab, options, report):
    at, limits = time.strftime("%Y-%m-%d, %H:%M"), lab.limits()
    if part == "models":
        models(lab, options, report)
    if part == "scaling":
        report["scaling"] = scaling.measure(lab, 1 if options.quick else 3)
    if part == "transformer":
        report["transformer"] = positions.contexts(lab)
    if part == "bundled":
        report["bundled"] = positions.bundled(lab, options.bundled)
    report["measured"][part] = {"at": at, "limits": limits}


def main():
    options = parse()
    parts = options.parts
    report = {
        "threads": options.threads,
        "measured": {},
        "limits": [],
        "rows": [],
        "absent": [],
        "check": [],
        "scaling": [],
        "transformer": [],
        "bundled": {},
    }
    kept = earlier(options.json, parts, options.threads)
    report |= {k: v for k, v in kept.items() if k in report}
    report["threads"] = options.threads
    lab, failed = Lab(options), False
    for part in parts:
        try:
            measure(part, lab, options, report)
        except Failure as failure:
            lab.say(f"compare.py: part {part}: {failure}")
            failed = True
        write(options.json, json.dumps(report, indent=1))  # What is measured is not lost.
    text = tables.text(report)
    write(options.json.with_suffix(".md"), text)
    print(text)
    wrong = [row for row in report["check"] if row["tolerance"] and row["worst"] > row["tolerance"]]
    for row in wrong:
        print(
            f"compare.py: {row['name']}: logits differ by {row['worst']:.3f} of their size",
            file=sys.stderr,
        )
    sys.exit(failed or bool(wrong))


main()
