"""Time per token and memory against position."""

from contestants import spread
from lab import Failure

OUR_CONTEXT = ("bf16", "bf16")  # weights and rows beside the Transformer


def contexts(lab):
    """Our Mamba, and a Transformer of that size in llama.cpp."""
    places = [512 << i for i in range(6)]
    rows = []
    try:
        points = lab.long_prompt(lab.pack(lab.model, *OUR_CONTEXT), lab.model, places)
        rows.append({"name": f"ours, mamba-130m {OUR_CONTEXT[0]}", "positions": points})
    except Failure as failure:
        lab.say(f"ours up to {places[-1]}: {failure}")
    if not lab.python:
        return rows
    folder = lab.gguf("transformer")
    for name in ("f16", "q8_0"):
        lab.say(f"a Transformer in {name} up to {places[-1]}")
        points = lab.llama_positions(folder / f"{name}.gguf", places)
        rows.append({"name": f"llama.cpp, Transformer of 160m {name}", "positions": points})
    return rows


def bundled(lab, model):
    """The bundled model: positions up to a million, and the first token from a process's start."""
    pack = lab.pack(model)
    first = [lab.bin / "mamba-run", "generate", pack, "--model", model, "--device", "cpu"]
    first += ["--threads", lab.threads, "--prompt", "A", "-n", 1, "--greedy", "--quiet"]
    times = [1000 * lab.run(*first).seconds for _ in range(9)]
    lab.say("the bundled model up to 1000000")
    places = [128 << 2 * i for i in range(7)] + [1000000]
    points = lab.long_prompt(pack, model, places)
    lines = [{"name": "ours, bundled model f32", "positions": points}]
    if lab.python:
        path = lab.gguf("mamba", model) / "f16.gguf"
        points = lab.llama_positions(path, [128, 512, 2048, 8192, 16384])
        lines.append({"name": "llama.cpp, bundled model f16", "positions": points})
    return {"first_token_ms": spread(times), "lines": lines}
