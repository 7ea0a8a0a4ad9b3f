"""Ours alone, with one thread and with all of them, and with sequences side by side."""

from contestants import spread
from lab import Failure

OURS = [("bf16", "bf16"), ("int8", "bf16"), ("int4", "bf16")]  # weights and rows
BATCH = 8


def measure(lab, rounds):
    rows = []
    for weights, precision in OURS:
        try:
            pack = lab.pack(lab.model, weights, precision)
        except Failure as failure:
            lab.say(f"ours in {weights}: {failure}")
            continue
        lab.say(f"ours in {weights} with 1 and {lab.threads} threads, and {BATCH} sequences")
        cases = {"one": (1, 1), "all": (lab.threads, 1), "batch": (lab.threads, BATCH)}
        prefill, decode = {name: [] for name in cases}, {name: [] for name in cases}
        for _ in range(rounds):
            for name, (threads, batch) in cases.items():
                row = bench(lab, pack, threads, batch)
                prefill[name].append(row["prefill_tok_per_s"]["median"])
                decode[name].append(row["decode_tok_per_s"]["median"])
        row = {"weights": weights, "rows": precision, "batch": BATCH, "threads": lab.threads}
        row["prefill"] = {name: spread(values) for name, values in prefill.items()}
        row["decode"] = {name: spread(values) for name, values in decode.items()}
        rows.append(row)
    return rows


def bench(lab, pack, threads, batch):
    sizes = ["--prompt-len", 512 // batch, "--gen-len", 64, "--repetitions", 1, "--batch", batch]
    command = [lab.bin / "mamba-run", "bench", pack, "--model", lab.model, "--device", "cpu"]
    return lab.json(*command, "--threads", threads, "--quiet", "--json", *sizes)
