"""torch_mamba.py CHECKPOINT [options]: times it in PyTorch, eager, prints one JSON line."""

import argparse
import json
import os
import time

from worker import lengths, made_up, memory

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is fetched while it is timed
parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("--type", default="float32", help="of weights and rows: float32 or bfloat16")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prefill", default="", help="lengths of prompts: 512,4096")
parser.add_argument("--decode", type=int, default=0, help="tokens after a prompt of 16")
parser.add_argument("--logits", help="tokens as a JSON list; adds the logits after the last")
options = parser.parse_args()
import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import MambaForCausalLM  # noqa: E402

transformers.utils.logging.set_verbosity_error()


torch.set_num_threads(options.threads)
before = memory("VmRSS")
start = time.perf_counter()
model = MambaForCausalLM.from_pretrained(
    options.checkpoint, dtype=getattr(torch, options.type)
).eval()
vocabulary = model.config.vocab_size


def step(tokens, state=None):
    out = model(torch.tensor([tokens]), cache_params=state, use_cache=True, logits_to_keep=1)
    return out.cache_params, out.logits[0, -1]


with torch.inference_mode():
    step([1])
    row = {
        "first_token_s": time.perf_counter() - start,
        "prefill_s": {},
        "version": f"torch {torch.__version__}",
    }
    if options.logits:
        row["logits"] = step(json.loads(options.logits))[1].float().tolist()
    for length in lengths(options.prefill):
        begin = time.perf_counter()
        step(made_up(0, length, vocabulary))
        row["prefill_s"][length] = time.perf_counter() - begin
    if options.decode:
        state, _ = step(made_up(0, 16, vocabulary))
        begin = time.perf_counter()
        for i in range(options.decode):
            state, _ = step(made_up(16 + i, 1, vocabulary), state)
        row["decode_s"] = (time.perf_counter() - begin) / options.decode
row["tensor_bytes"] = sum(p.numel() * p.element_size() for p in model.parameters())
row["peak_mb"] = memory("VmHWM") - before
print(json.dumps(row))
