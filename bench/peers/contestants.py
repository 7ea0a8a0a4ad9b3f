"""Who takes part in the comparison of models."""

import json

from lab import HERE, last_logits, write_ids


class Contestant:
    slow = False  # measured once
    narrow = False  # held to AVX2
    version = ""  # of a peer, once measured
    target = ""

    def __init__(self, lab, who, weights, rows):
        self.lab, self.who, self.weights, self.rows = lab, who, weights, rows
        self.values = {}
        self.failure = None

    @property
    def name(self):
        return name_of(self.who, self.weights, self.rows, self.target)

    def add(self, key, value):
        self.values.setdefault(key, []).append(value)

    def fail(self, why):
        self.failure = why
        self.lab.say(f"{self.name}: {why}")

    def add_decode(self, tokens_per_second, bytes_per_step, limits):
        self.add("decode", tokens_per_second)
        read = limits["read_gb_s"] * 1e9
        self.add("of_read", tokens_per_second * bytes_per_step / read)

    def row(self):
        row = {"who": self.who, "weights": self.weights, "rows": self.rows, "target": self.target}
        if self.version:
            row["version"] = self.version
        if self.failure:
            row["failure"] = self.failure
        return row | {key: spread(values) for key, values in self.values.items()}


def name_of(who, weights, rows, target):
    return " ".join(word for word in (who, weights, rows and f"rows {rows}", target) if word)


def spread(values):
    values = sorted(values)
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    return {"median": median, "min": values[0], "max": values[-1]}


class Ours(Contestant):
    def __init__(self, lab, weights, rows, target):
        super().__init__(lab, "ours", weights, rows)
        self.target = target
        self.narrow = target != "cpu:native"
        self.pack = lab.pack(lab.model, weights, rows, target)
        self.common = ["--model", lab.model, "--device", "cpu", "--threads", lab.threads, "--quiet"]

    def measure(self, lengths, decode, limits):
        bench = [self.lab.bin / "mamba-run", "bench", self.pack, *self.common, "--json"]
        for length in lengths:
            steps = decode if length == lengths[0] else 1
            sizes = ["--prompt-len", length, "--gen-len", steps, "--repetitions", 1]
            ran = self.lab.run(*bench, *sizes)
            row = json.loads(ran.text)
            self.add(f"prefill{length}", row["prefill_tok_per_s"]["median"])
            if steps > 1:
                rate = row["decode_tok_per_s"]["median"]
                self.add_decode(rate, row["bytes_per_decode_step"], limits)
                self.add("peak_mb", ran.peak)
        self.add("first_token_ms", 1000 * self.run_logits([1]).seconds)

    def run_logits(self, ids):
        path = self.lab.work / "ids.safetensors"
        write_ids(path, ids)
        out = self.lab.work / "logits.safetensors"
        command = [self.lab.bin / "mamba-run", "logits", self.pack, *self.common]
        return self.lab.run(*command, "--input", path, "--output", out)

    def logits(self, ids):
        self.run_logits(ids)
        return last_logits(self.lab.work / "logits.safetensors")


class Worker(Contestant):
    """A peer, in a process of one of the scripts here."""

    def __init__(self, lab, who, weights, rows, command, decode=128):
        super().__init__(lab, who, weights, rows)
        self.command, self.decode = command, decode

    def measure(self, lengths, decode, limits):
        prompts = ["--prefill", ",".join(map(str, lengths))]
        row = self.lab.json(*self.command, *prompts, "--decode", min(decode, self.decode))
        for length, seconds in row["prefill_s"].items():
            self.add(f"prefill{length}", int(length) / seconds)
        read = row["tensor_bytes"] + 2 * self.lab.state_bytes
        self.add_decode(1 / row["decode_s"], read, limits)
        self.add("first_token_ms", 1000 * row["first_token_s"])
        self.add("peak_mb", row["peak_mb"])
        self.version = row["version"]

    def logits(self, ids):
        return self.lab.json(*self.command, "--logits", json.dumps(ids))["logits"]


def llama(lab, name, model, weights, library):
    command = lab.llama(model) + (["--library", library] if library else [])
    worker = Worker(lab, name, weights, "", command)
    worker.narrow = library is not None
    return worker


def torch(lab, kind):
    short = {"float32": "f32", "bfloat16": "bf16"}[kind]
    script = [lab.python, f"{HERE}/torch_mamba.py", lab.model, "--type", kind]
    worker = Worker(
        lab, "PyTorch, eager", short, short, [*script, "--threads", lab.threads], decode=32
    )
    worker.slow = True
    return worker
