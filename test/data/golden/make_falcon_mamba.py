"""Writes falcon-mamba/ and falcon-mamba-odd/ beside this file: small random
checkpoints and what Falcon-Mamba computes on them, in float64, one token after
the other. It shares no code with the compiler.

    pip install numpy==2.4.6 && python3 make_falcon_mamba.py
"""

import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent
ABOUT = (
    "float64 oracle, stored as float32; states are after input_ids; "
    "conv_state holds the last K-1 inputs of the convolution, oldest first"
)


def write(path, tensors, metadata):
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        integers = tensor.dtype.kind == "i"
        blob = tensor.astype("<i8" if integers else "<f4").tobytes()
        header[name] = {
            "dtype": "I64" if integers else "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def softplus(x):
    return np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20))))


def silu(x):
    return x / (1 + np.exp(-x))


def rms(x, eps):
    return x / np.sqrt(np.mean(x * x) + eps)


def random_weights(config, rng, zero_token):
    D, E, N = config["hidden_size"], config["intermediate_size"], config["state_size"]
    W, R, V = config["conv_kernel"], config["time_step_rank"], config["vocab_size"]

    def matrix(rows, columns):
        return rng.standard_normal((rows, columns)) / np.sqrt(columns)

    embedding = rng.standard_normal((V, D))
    if zero_token:
        embedding[0] = 0
    weights = {"backbone.embeddings.weight": embedding}
    for layer in range(config["num_hidden_layers"]):
        name = f"backbone.layers.{layer}."
        dt = np.exp(rng.uniform(np.log(0.001), np.log(0.1), E))
        weights[name + "norm.weight"] = 1 + 0.1 * rng.standard_normal(D)
        weights[name + "mixer.in_proj.weight"] = matrix(2 * E, D)
        weights[name + "mixer.conv1d.weight"] = rng.uniform(-1, 1, (E, 1, W)) / np.sqrt(W) * 2
        if config["use_conv_bias"]:
            weights[name + "mixer.conv1d.bias"] = 0.1 * rng.standard_normal(E)
        # Rows far from the size of 1, which the norms give back.
        scale = np.repeat([0.3, 5.0, 0.05], [R, N, N])[:, None]
        weights[name + "mixer.x_proj.weight"] = scale * matrix(R + 2 * N, E)
        weights[name + "mixer.dt_proj.weight"] = matrix(E, R)
        weights[name + "mixer.dt_proj.bias"] = dt + np.log(-np.expm1(-dt))
        weights[name + "mixer.A_log"] = np.log(np.tile(np.arange(1.0, N + 1), (E, 1)))
        weights[name + "mixer.D"] = 1 + 0.1 * rng.standard_normal(E)
        weights[name + "mixer.out_proj.weight"] = matrix(D, E)
    weights["backbone.norm_f.weight"] = 1 + 0.1 * rng.standard_normal(D)
    if not config["tie_word_embeddings"]:
        weights["lm_head.weight"] = matrix(V, D)
    return {name: tensor.astype(np.float32) for name, tensor in weights.items()}


class Model:
    """One sequence: what is carried from token to token."""

    def __init__(self, config, weights):
        self.config = config
        self.w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
        E = config["intermediate_size"]
        layers = range(config["num_hidden_layers"])
        self.conv = [np.zeros((E, config["conv_kernel"] - 1)) for _ in layers]
        self.ssm = [np.zeros((E, config["state_size"])) for _ in layers]

    def mixer(self, layer, u):
        config, name = self.config, f"backbone.layers.{layer}.mixer."
        N, R, eps = config["state_size"], config["time_step_rank"], config["mixer_rms_eps"]
        x, z = np.split(self.w[name + "in_proj.weight"] @ u, 2)
        window = np.column_stack([self.conv[layer], x])
        self.conv[layer] = window[:, 1:]
        x = np.sum(self.w[name + "conv1d.weight"][:, 0] * window, axis=1)
        x = silu(x + self.w.get(name + "conv1d.bias", 0))
        d, B, C = np.split(self.w[name + "x_proj.weight"] @ x, [R, R + N])
        d, B, C = rms(d, eps), rms(B, eps), rms(C, eps)
        dt = softplus(self.w[name + "dt_proj.weight"] @ d + self.w[name + "dt_proj.bias"])
        A = -np.exp(self.w[name + "A_log"])
        h = np.exp(dt[:, None] * A) * self.ssm[layer] + (dt * x)[:, None] * B
        self.ssm[layer] = h
        y = (h @ C + self.w[name + "D"] * x) * silu(z)
        return self.w[name + "out_proj.weight"] @ y

    def step(self, token):
        """The logits and the residual stream after layer 0."""
        eps = self.config["layer_norm_epsilon"]
        r = self.w["backbone.embeddings.weight"][token]
        for layer in range(self.config["num_hidden_layers"]):
            u = rms(r, eps) * self.w[f"backbone.layers.{layer}.norm.weight"]
            r = r + self.mixer(layer, u)
            if layer == 0:
                first = r
        u = rms(r, eps) * self.w["backbone.norm_f.weight"]
        return self.w.get("lm_head.weight", self.w["backbone.embeddings.weight"]) @ u, first


def make(case, config, seed, shape, decode, zero_token=False):
    rng = np.random.default_rng(seed)
    folder = HERE / case
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    weights = random_weights(config, rng, zero_token)
    write(folder / "model.safetensors", weights, {"format": "pt"})

    ids = rng.integers(0, config["vocab_size"], shape)
    if zero_token:
        ids[0, :3] = 0
    decode_ids = rng.integers(0, config["vocab_size"], (shape[0], decode))
    models = [Model(config, weights) for _ in ids]
    fed = [[model.step(token) for token in row] for model, row in zip(models, ids)]
    golden = {
        "input_ids": ids,
        "logits": np.array([[logits for logits, _ in row] for row in fed]),
        "decode_ids": decode_ids,
    }
    states = {}
    for layer in range(config["num_hidden_layers"]):
        states[f"conv_state.{layer}"] = np.array([model.conv[layer] for model in models])
        states[f"ssm_state.{layer}"] = np.array([model.ssm[layer] for model in models])
    golden["decode_logits"] = np.array(
        [[model.step(token)[0] for token in row] for model, row in zip(models, decode_ids)]
    )
    golden["layer0_output"] = np.array([[first for _, first in row] for row in fed])
    write(folder / "golden.safetensors", golden | states, {"about": ABOUT})


# As the published one but for its sizes: its 'expand' means nothing.
PUBLISHED = {
    "architectures": ["FalconMambaForCausalLM"],
    "bos_token_id": 0,
    "conv_kernel": 4,
    "eos_token_id": 11,
    "expand": 16,
    "hidden_act": "silu",
    "hidden_size": 48,
    "initializer_range": 0.1,
    "intermediate_size": 96,
    "layer_norm_epsilon": 1e-05,
    "mixer_rms_eps": 1e-06,
    "model_type": "falcon_mamba",
    "num_hidden_layers": 2,
    "pad_token_id": 11,
    "rescale_prenorm_residual": False,
    "residual_in_fp32": True,
    "state_size": 16,
    "tie_word_embeddings": False,
    "time_step_floor": 0.0001,
    "time_step_init_scheme": "random",
    "time_step_max": 0.1,
    "time_step_min": 0.001,
    "time_step_rank": 16,
    "time_step_scale": 1.0,
    "torch_dtype": "float32",
    "use_bias": False,
    "use_cache": True,
    "use_conv_bias": True,
    "use_mambapy": False,
    "vocab_size": 104,
}
make("falcon-mamba", PUBLISHED, seed=1, shape=(2, 37), decode=5)

# Sizes that fill no vector; token 0 alone makes rows of zeros, whose norms are 0.
ODD = PUBLISHED | {
    "conv_kernel": 3,
    "hidden_size": 28,
    "intermediate_size": 52,
    "mixer_rms_eps": 1e-05,
    "state_size": 11,
    "tie_word_embeddings": True,
    "time_step_rank": 5,
    "use_conv_bias": False,
    "vocab_size": 97,
}
make("falcon-mamba-odd", ODD, seed=2, shape=(3, 19), decode=4, zero_token=True)
