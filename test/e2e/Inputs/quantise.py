"""quantise.py CHECKPOINT OUTPUT PRECISION: the checkpoint in f32 whose matrices
are what those of a pack with --weights=PRECISION stand for, by the formulas of
dialects/ssm/SSMWeights.td. Norm weights are multiplied into the matrices first."""
import json
import os
import struct
import sys

source, output, precision = sys.argv[1:]
GROUP = 32


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f16(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def bf16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    bits += 0x7FFF + (bits >> 16 & 1)
    return struct.unpack("<f", struct.pack("<I", bits >> 16 << 16))[0]


def group(values, bits):
    """A group of weights as they are read: at most 32, with one scale."""
    largest = max(values, key=abs)
    if bits == 8:
        scale, least, most = bf16(f32(abs(largest) * f32(1 / 127))), -127, 127
    else:
        scale, least, most = bf16(largest * -0.125), -8, 7
    if scale == 0:
        return [0.0] * len(values)
    # Products and quotients of floats are right after two roundings; round() is to even.
    return [min(max(round(f32(w / scale)), least), most) * scale for w in values]


def store(tensor, precision):
    shape, values = tensor
    if precision in ("bf16", "f16"):
        return shape, [(bf16 if precision == "bf16" else f16)(w) for w in values]
    bits = 8 if precision == "int8" else 4
    columns, stored = shape[1], []
    for row in range(0, len(values), columns):
        for k in range(row, row + columns, GROUP):
            stored += group(values[k : min(k + GROUP, row + columns)], bits)
    return shape, stored


def fold(tensor, norm):
    shape, values = tensor
    return shape, [f32(w * norm[1][i % shape[1]]) for i, w in enumerate(values)]


with open(source + "/model.safetensors", "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    data = file.read()
header.pop("__metadata__", None)
tensors = {}
for name, entry in header.items():
    assert entry["dtype"] == "F32", name
    first, last = entry["data_offsets"]
    tensors[name] = entry["shape"], list(struct.unpack(f"<{(last - first) // 4}f", data[first:last]))

with open(source + "/config.json") as file:
    config = json.load(file)
layers = [f"backbone.layers.{i}." for i in range(config["num_hidden_layers"])]
head = tensors.get("lm_head.weight", tensors["backbone.embeddings.weight"])
tensors["lm_head.weight"] = store(fold(head, tensors["backbone.norm_f.weight"]), precision)
tensors["backbone.embeddings.weight"] = store(tensors["backbone.embeddings.weight"], precision)
for layer in layers:
    for name in ("in_proj", "x_proj", "dt_proj", "out_proj"):
        key = f"{layer}mixer.{name}.weight"
        if name == "in_proj":
            tensors[key] = fold(tensors[key], tensors[layer + "norm.weight"])
        small = name == "dt_proj" and precision.startswith("int")
        tensors[key] = store(tensors[key], "bf16" if small else precision)
for name in [layer + "norm.weight" for layer in layers] + ["backbone.norm_f.weight"]:
    tensors[name] = tensors[name][0], [1.0] * len(tensors[name][1])

os.makedirs(output)
config["tie_word_embeddings"] = False
with open(output + "/config.json", "w") as file:
    json.dump(config, file)
header, offset = {}, 0
for name, (shape, values) in tensors.items():
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * len(values)]}
    offset += 4 * len(values)
text = json.dumps(header).encode()
with open(output + "/model.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for shape, values in tensors.values():
        file.write(struct.pack(f"<{len(values)}f", *values))
