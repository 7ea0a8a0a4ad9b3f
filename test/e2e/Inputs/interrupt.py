"""Interrupts each verb of mamba-run at moments spread over its time."""
import array
import json
import os
import signal
import struct
import subprocess
import sys
import time

PACK = sys.argv[1]
MOMENTS = 8


def write_tensors(path, tensors):
    header, start = {}, 0
    for name, (dtype, shape, body) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, start + len(body)]}
        start += len(body)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + b"".join(t[2] for t in tensors.values()))


def is_whole(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8 : 8 + size])
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    return 8 + size + max(ends) == len(data)


ids = array.array("q", [(7 * i) % 1000 for i in range(3000)])
write_tensors("ids", {"input_ids": ("I64", [1, len(ids)], ids.tobytes())})
verbs = {
    "generate": ["--prompt", "ROMEO:", "-n", "2000", "--ignore-eos", "--save-state", "out"],
    "generate from a file": ["--prompt-file", "text", "-n", "50", "--ignore-eos", "--save-state", "out"],
    "chat": ["-n", "500", "--stop", "@@@@", "--save-state", "out"],
    "perplexity": ["--file", "text"],
    "logits": ["--input", "ids", "--output", "out"],
    "call": ["--entry", "logits", "--input", "ids", "--output", "out"],
    "bench": ["--prompt-len", "512", "--gen-len", "32"],
}


def start(verb):
    return subprocess.Popen(
        ["mamba-run", verb.split()[0], PACK, *verbs[verb]], stdin=open("lines"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err.decode()


def forget():
    if os.path.exists("out"):
        os.remove("out")


with open("lines", "w") as file:
    file.write("Speak.\nMore.\n")
there = set(os.listdir())
for verb in verbs:
    forget()
    begin = time.monotonic()
    status, out, err = finish(start(verb))
    took = time.monotonic() - begin
    assert status == 0, (verb, status, err)
    writes = "out" in verbs[verb]
    assert os.path.exists("out") == writes
    found = {}
    for i in range(MOMENTS):
        forget()
        process = start(verb)
        time.sleep(took * i / (MOMENTS - 1))
        process.send_signal(signal.SIGINT)
        status, out, err = finish(process)
        found[status] = found.get(status, 0) + 1
        # Before the program has begun the system answers for it.
        assert status in (0, 130, -signal.SIGINT), (verb, i, status, err)
        assert len(err.splitlines()) <= 1, (verb, i, err)
        assert not os.path.exists("out") or is_whole("out"), (verb, i)
        assert status != 0 or os.path.exists("out") == writes, (verb, i)
        left = set(os.listdir()) - there - {"out"}
        assert not left, (verb, i, left)
        if verb == "perplexity" and out:
            json.loads(out)
    # A reader of stdout that has gone is no failure, and no reason to stop writing files.
    forget()
    process = start(verb)
    process.stdout.close()
    process.stdout = None
    status, _, err = finish(process)
    assert status == 0 and "stdout" not in err, (verb, status, err)
    assert os.path.exists("out") == writes and (not writes or is_whole("out")), verb
    print(f"{verb}: {took:.2f} s, {found}")
    assert 130 in found, found

# Where it is ignored, as in a script's background, it stays so.
process = subprocess.Popen(
    ["mamba-run", "perplexity", PACK, *verbs["perplexity"]], stdout=subprocess.PIPE,
    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
)
time.sleep(0.05)
process.send_signal(signal.SIGINT)
out, _ = process.communicate(timeout=120)
assert process.returncode == 0 and json.loads(out)
