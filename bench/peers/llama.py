"""llama.py MODEL.gguf [options]: times a model in llama.cpp, prints one JSON line."""

import argparse
import ctypes
import json
import statistics
import sys
import time

from worker import lengths, made_up, memory

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--library", help="folder of another build of the package")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prefill", default="", help="lengths of prompts: 512,4096")
parser.add_argument("--decode", type=int, default=0, help="tokens after a prompt of 16")
parser.add_argument(
    "--positions", default="", help="time per token at these positions of one prompt"
)
parser.add_argument(
    "--context", type=int, default=0, help="room for so many tokens; without it what is needed"
)
parser.add_argument("--logits", help="tokens as a JSON list; adds the logits after the last")
options = parser.parse_args()
if options.library:
    sys.path.insert(0, options.library)
import llama_cpp as C  # noqa: E402

prompts, positions = lengths(options.prefill), lengths(options.positions)
ids = json.loads(options.logits) if options.logits else []
STEPS = 16  # that are timed at a position
BATCH = 2048  # tokens a call, the library's default


@C.llama_log_callback
def quiet(level, text, user):
    pass


C.llama_log_set(quiet, ctypes.c_void_p(0))
C.llama_backend_init()
before = memory("VmRSS")
start = time.perf_counter()
model = C.llama_load_model_from_file(options.model.encode(), C.llama_model_default_params())
if not model:
    sys.exit(f"llama.py: llama.cpp does not load {options.model}")
params = C.llama_context_default_params()
needed = max(
    [*prompts, *(p + STEPS for p in positions), options.decode + 32, len(ids), options.context]
)
params.n_ctx = needed + 32
params.n_batch = BATCH
params.n_threads = params.n_threads_batch = options.threads
context = C.llama_init_from_model(model, params)
if not context:
    sys.exit(f"llama.py: llama.cpp makes no context of {needed} tokens for {options.model}")
vocabulary = C.llama_vocab_n_tokens(C.llama_model_get_vocab(model))


def feed(tokens):
    for first in range(0, len(tokens), BATCH):
        piece = tokens[first : first + BATCH]
        memory_of_piece = (C.llama_token * len(piece))(*piece)  # borrowed by the batch
        if C.llama_decode(context, C.llama_batch_get_one(memory_of_piece, len(piece))):
            sys.exit(f"llama.py: {options.model}: a step of {len(piece)} tokens fails")
    C.llama_get_logits_ith(context, -1)  # waits for the end


def fresh():
    C.llama_memory_clear(C.llama_get_memory(context), True)


def timed(tokens):
    begin = time.perf_counter()
    feed(tokens)
    return time.perf_counter() - begin


def steps(first, count):
    """The seconds of each of so many tokens, one by one."""
    return [timed(made_up(first + i, 1, vocabulary)) for i in range(count)]


feed([1])
row = {"first_token_s": time.perf_counter() - start}
row["version"] = f"llama-cpp-python {C.__version__}"
fresh()
feed(made_up(0, 32, vocabulary))
steps(32, 2)
if ids:
    fresh()
    feed(ids)
    logits = C.llama_get_logits_ith(context, -1)
    row["logits"] = [logits[i] for i in range(vocabulary)]
row["prefill_s"] = {}
for length in prompts:
    fresh()
    row["prefill_s"][length] = timed(made_up(0, length, vocabulary))
if options.decode:
    fresh()
    feed(made_up(0, 16, vocabulary))
    row["decode_s"] = statistics.fmean(steps(16, options.decode))
row["positions"] = []
fresh()
done, spent = 0, 0.0
for position in positions:
    seconds = timed(made_up(done, position - done, vocabulary))
    spent += seconds
    row["positions"].append(
        {
            "position": position,
            "prefill_s": spent,
            "prefill_s_per_token": seconds / (position - done),
            "decode_s_per_token": statistics.median(steps(position, STEPS)),
        }
    )
    done = position + STEPS
row["tensor_bytes"] = C.llama_model_size(model)
row["resident_mb"] = memory("VmRSS") - before
row["peak_mb"] = memory("VmHWM") - before
print(json.dumps(row))
