"""gguf_models.py mamba CHECKPOINT OUT | transformer OUT: models as GGUF for llama.cpp.

OUT/f16.gguf is written here, in llama.cpp's names and layouts; OUT/q8_0.gguf and OUT/q4_0.gguf
are made of it by llama.cpp's own quantiser. `transformer` has random weights in the shape of
pythia-160m."""

import json
import pathlib
import sys

import gguf
import numpy as np

FORMATS = {"q8_0": "LLAMA_FTYPE_MOSTLY_Q8_0", "q4_0": "LLAMA_FTYPE_MOSTLY_Q4_0"}


def safetensors(path):
    """The tensors of a file of f32, mapped, by name."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", 8 + size)
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        if tensor["dtype"] != "F32":
            sys.exit(f"gguf_models.py: {path}: '{name}' is {tensor['dtype']}, only F32 is taken")
        first, last = tensor["data_offsets"]
        yield name, data[first:last].view(np.float32).reshape(tensor["shape"])


class Writer:
    def __init__(self, path, architecture):
        self.writer = gguf.GGUFWriter(path, architecture)
        self.writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
        self.writer.add_tokenizer_model("no_vocab")

    def add(self, name, values, wide=False):
        """Matrices become f16, unless `wide`."""
        narrow = values.ndim > 1 and not wide
        self.writer.add_tensor(
            name, np.ascontiguousarray(values.astype(np.float16 if narrow else np.float32))
        )

    def close(self):
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


MAMBA_NAMES = {
    "norm.weight": "attn_norm.weight",
    "mixer.in_proj.weight": "ssm_in.weight",
    "mixer.conv1d.weight": "ssm_conv1d.weight",
    "mixer.conv1d.bias": "ssm_conv1d.bias",
    "mixer.x_proj.weight": "ssm_x.weight",
    "mixer.dt_proj.weight": "ssm_dt.weight",
    "mixer.dt_proj.bias": "ssm_dt.bias",
    "mixer.A_log": "ssm_a",
    "mixer.D": "ssm_d",
    "mixer.out_proj.weight": "ssm_out.weight",
}


def write_mamba(folder, path):
    config = json.loads((folder / "config.json").read_text())
    out = Writer(path, "mamba")
    writer = out.writer
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(1 << 20)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_ssm_conv_kernel(config["conv_kernel"])
    writer.add_ssm_inner_size(config["intermediate_size"])
    writer.add_ssm_state_size(config["state_size"])
    writer.add_ssm_time_step_rank(config["time_step_rank"])
    writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
    for name, values in safetensors(folder / "model.safetensors"):
        if name == "backbone.embeddings.weight":
            out.add("token_embd.weight", values)
        elif name == "backbone.norm_f.weight":
            out.add("output_norm.weight", values)
        elif name.startswith("backbone.layers."):
            layer, rest = name.removeprefix("backbone.layers.").split(".", 1)
            if rest == "mixer.A_log":
                values = -np.exp(values)
            if rest == "mixer.conv1d.weight":
                values = values.squeeze(1)
            out.add(
                f"blk.{layer}.{MAMBA_NAMES[rest]}",
                values,
                rest in ("mixer.A_log", "mixer.conv1d.weight"),
            )
        elif name != "lm_head.weight":  # tied to the embedding
            sys.exit(f"gguf_models.py: {folder}: unknown tensor '{name}'")
    out.close()


def write_transformer(path, width=768, layers=12, heads=12, vocabulary=50304):
    random = np.random.default_rng(1)
    out = Writer(path, "gptneox")
    writer = out.writer
    writer.add_vocab_size(vocabulary)
    writer.add_context_length(1 << 15)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(4 * width)
    writer.add_rope_dimension_count(width // heads // 4)
    writer.add_head_count(heads)
    writer.add_parallel_residual(True)
    writer.add_layer_norm_eps(1e-5)

    def matrix(name, rows, columns, bias=True):
        values = random.standard_normal((rows, columns), np.float32) * 0.02
        out.add(name + ".weight", values)
        if bias:
            out.add(name + ".bias", np.zeros(rows, np.float32))

    def norm(name):
        out.add(name + ".weight", np.ones(width, np.float32))
        out.add(name + ".bias", np.zeros(width, np.float32))

    matrix("token_embd", vocabulary, width, bias=False)
    for layer in range(layers):
        block = f"blk.{layer}."
        norm(block + "attn_norm")
        norm(block + "ffn_norm")
        matrix(block + "attn_qkv", 3 * width, width)
        matrix(block + "attn_output", width, width)
        matrix(block + "ffn_up", 4 * width, width)
        matrix(block + "ffn_down", width, 4 * width)
    norm("output_norm")
    matrix("output", vocabulary, width, bias=False)
    out.close()


def quantise(source, path, file_type):
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, file_type)
    if llama_cpp.llama_model_quantize(str(source).encode(), str(path).encode(), params):
        sys.exit(f"gguf_models.py: llama.cpp does not quantise {source} to {path}")


def main():
    kind, *source, out = sys.argv[1:]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    first = out / "f16.gguf"
    if not first.exists():
        part = out / "part.gguf"
        if kind == "mamba":
            write_mamba(pathlib.Path(source[0]), part)
        else:
            write_transformer(part)
        part.rename(first)
    for name, file_type in FORMATS.items():
        path = out / f"{name}.gguf"
        if not path.exists():
            part = out / "part.gguf"
            quantise(first, part, file_type)
            part.rename(path)


main()
