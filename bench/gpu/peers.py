"""peers.py CHECK.json: times PyTorch and mamba_ssm (Triton, CUDA C++) on the shapes of
the folder's models and prints a JSON object a line; mamba-gpu-check runs it."""
import json
import statistics
import sys


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(3)


try:
    import torch
except ImportError:
    fail("Python has no torch")
if not torch.cuda.is_available():
    fail("torch sees no GPU")

PEERS = {}
try:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    PEERS["scan"] = selective_scan_fn
except ImportError as error:
    PEERS["missing"] = str(error)
try:
    from causal_conv1d import causal_conv1d_fn
    PEERS["conv"] = causal_conv1d_fn
except ImportError:
    pass


def seconds(work, enough=0.2):
    """Median by events; twice the L2 is written between two runs."""
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    work()
    torch.cuda.synchronize()
    times = []
    while len(times) < 5 or (len(times) < 50 and sum(times) < enough):
        flush.zero_()
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        work()
        last.record()
        torch.cuda.synchronize()
        times.append(first.elapsed_time(last) / 1000)
    return statistics.median(times)


def say(name, model, sequences, length, work):
    row = {"row": "peer", "name": name, "model": model["name"], "sequences": sequences, "length": length}
    try:
        row["seconds"] = seconds(work)
    except Exception as error:  # Out of memory, a kernel that is not for this chip.
        row["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        torch.cuda.empty_cache()
    print(json.dumps(row), flush=True)


def bf16(*shape):
    return torch.randn(*shape, dtype=torch.bfloat16, device="cuda")


@torch.no_grad()
def operators(model, sequences, length):
    width = model["width"]
    inner, states = 2 * width, 16
    x, w = bf16(sequences * length, width), bf16(2 * inner, width)
    say("torch matmul, in_proj", model, sequences, length, lambda: torch.nn.functional.linear(x, w))
    if "scan" in PEERS:
        u, dt, z = (bf16(sequences, inner, length) for _ in range(3))
        A = -torch.rand(inner, states, device="cuda") - 0.5
        B, C = (bf16(sequences, states, length) for _ in range(2))
        D, bias = torch.ones(inner, device="cuda"), torch.full((inner,), -4.0, device="cuda")
        say("selective_scan_fn", model, sequences, length,
            lambda: PEERS["scan"](u, dt, A, B, C, D, z=z, delta_bias=bias, delta_softplus=True,
                                  return_last_state=True))
    if "conv" in PEERS:
        x, w, bias = bf16(sequences, inner, length), bf16(inner, 4), bf16(inner)
        say("causal_conv1d_fn", model, sequences, length, lambda: PEERS["conv"](x, w, bias, activation="silu"))


@torch.no_grad()
def decode(model, batch):
    from mamba_ssm.models.config_mamba import MambaConfig
    from mamba_ssm.models.mixer_seq_simple import MambaLMHeadModel
    from mamba_ssm.utils.generation import InferenceParams, capture_graph
    config = MambaConfig(d_model=model["width"], n_layer=model["layers"], vocab_size=model["vocabulary"])
    network = MambaLMHeadModel(config, device="cuda", dtype=torch.bfloat16).eval()
    params = InferenceParams(max_seqlen=4096, max_batch_size=batch)
    params.key_value_memory_dict = network.allocate_inference_cache(batch, 4096, torch.bfloat16)
    params.seqlen_offset = 1
    ids = torch.randint(0, model["vocabulary"], (batch, 1), device="cuda")
    lengths = torch.full((batch,), 1, dtype=torch.int32, device="cuda")
    params.lengths_per_sample = lengths
    positions = torch.ones((batch, 1), dtype=torch.long, device="cuda")
    step = capture_graph(network, params, batch, 4096, decoding_seqlen=1, n_warmups=2)
    say("mamba_ssm decode, CUDA graph", model, batch, 1, lambda: step(ids, positions, params.seqlen_offset))


with open(sys.argv[1]) as file:
    models = [model for model in json.load(file)["models"] if model["weights"] == "bf16"]
for model in models:
    for sequences, length in model["prefill"]:
        operators(model, sequences, length)
if "scan" in PEERS:
    for model in models:
        try:
            decode(model, 1)
        except Exception as error:
            print(json.dumps({"row": "peer", "name": "mamba_ssm decode", "model": model["name"], "sequences": 1,
                              "length": 1, "error": f"{type(error).__name__}: {error}".splitlines()[0]}), flush=True)
        torch.cuda.empty_cache()
else:
    print(json.dumps({"row": "peer", "name": "mamba_ssm", "model": "all", "sequences": 0, "length": 0,
                      "error": PEERS["missing"]}), flush=True)
