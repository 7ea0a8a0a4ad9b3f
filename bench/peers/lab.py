"""The tools, the folders, and how a process is run."""

import collections
import json
import os
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# What a process printed, the seconds it took and the most memory that it had, in MB.
Ran = collections.namedtuple("Ran", "text seconds peak")


class Failure(Exception):
    pass


class Lab:
    def __init__(self, options):
        self.bin, self.work, self.model = options.bin, options.work, options.model
        self.python, self.avx2 = options.python, options.avx2
        self.threads = options.threads
        self.work.mkdir(parents=True, exist_ok=True)
        config = json.loads((self.model / "config.json").read_text())
        self.vocabulary = config["vocab_size"]
        # A sequence's states, f32, which a step reads and writes.
        channel = config["state_size"] + config["conv_kernel"] - 1
        self.state_bytes = 4 * config["num_hidden_layers"] * config["intermediate_size"] * channel

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def run(self, *words):
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            begin = time.perf_counter()
            process = subprocess.Popen([str(word) for word in words], stdout=out, stderr=error)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            error.seek(0)
            out.seek(0)
            if process.returncode:
                lines = error.read().strip().splitlines()
                raise Failure(lines[-1] if lines else f"ended with status {process.returncode}")
            return Ran(out.read(), seconds, usage.ru_maxrss / 1024)

    def json(self, *words):
        """Its last line."""
        return json.loads(self.run(*words).text.strip().splitlines()[-1])

    def limits(self):
        return self.json(self.bin / "mamba-bench", "--limits", "--json", "--threads", self.threads)

    def pack(self, checkpoint, weights="f32", rows="f32", target="cpu:native"):
        """The pack of a checkpoint, built anew."""
        path = self.work / f"{checkpoint.name}-{weights}-{rows}-{target.split(':')[1]}.mpk"
        precisions = ["--weights", weights, "--activations", rows, "--target", target]
        command = [self.bin / "mamba-pack", "build", checkpoint, "-o", path, *precisions]
        self.run(*command, "--check", "off", "--quiet")
        return path

    def gguf(self, kind, *source):
        """The folder of a model's GGUF files."""
        folder = self.work / "-".join(["gguf", kind, *(path.name for path in source)])
        self.run(self.python, f"{HERE}/gguf_models.py", kind, *source, folder)
        return folder

    def long_prompt(self, pack, model, positions):
        command = [self.bin / "mamba-long-prompt", pack, "--model", model, "--json"]
        command += ["--threads", self.threads, "--positions", ",".join(map(str, positions))]
        return self.json(*command)["positions"]

    def llama(self, model):
        return [self.python, f"{HERE}/llama.py", model, "--threads", self.threads]

    def llama_positions(self, model, positions):
        """As long_prompt; memory is that of a context of each length alone."""
        command = self.llama(model)
        points = self.json(*command, "--positions", ",".join(map(str, positions)))["positions"]
        for point in points:
            point["resident_mb"] = self.json(*command, "--context", point["position"])["peak_mb"]
        return points


def write_ids(path, ids):
    size = 8 * len(ids)
    ids_of = {"dtype": "I64", "shape": [1, len(ids)], "data_offsets": [0, size]}
    head = json.dumps({"input_ids": ids_of}).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + struct.pack(f"<{len(ids)}q", *ids))


def last_logits(path):
    """Those after the last token."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensor = json.loads(data[8 : 8 + size])["logits"]
    columns, end = tensor["shape"][2], 8 + size + tensor["data_offsets"][1]
    return struct.unpack(f"<{columns}f", data[end - 4 * columns : end])
