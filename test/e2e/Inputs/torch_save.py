"""torch_save.py FROM.safetensors TO.bin [OPTION...]: the tensors as a file of
torch.save, without PyTorch: the same pickle, by stand-ins for what PyTorch's
tensors are made with, and an archive of the same entries with the same headers.

--prefix P    put P before every name
--tie A=B     a tensor A that shares the storage of B
--view        every tensor in one storage, one behind the other
--parameter   tensors as parameters
--protocol N  of the pickle (2)
--zip64       entries as those of more than 4 GB
--no-crc      checksums of 0, as after torch.serialization.set_crc32_options(False)
--damage      a bit of the pickle is other than its checksum says
--negated     one tensor as a view that negates its elements
--only P      only tensors whose name starts with P, of several parts split by ,
--run COMMAND a pickle that runs it, in place of one tensor
"""
import argparse
import collections
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("target")
parser.add_argument("--prefix", default="")
parser.add_argument("--tie", action="append", default=[])
parser.add_argument("--view", action="store_true")
parser.add_argument("--parameter", action="store_true")
parser.add_argument("--protocol", type=int, default=2)
parser.add_argument("--zip64", action="store_true")
parser.add_argument("--no-crc", action="store_true")
parser.add_argument("--damage", action="store_true")
parser.add_argument("--negated", action="store_true")
parser.add_argument("--only", default="")
parser.add_argument("--run")
options = parser.parse_args()

torch = types.ModuleType("torch")
utils = types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


def stand_in(module, name):
    def function(*arguments):
        raise NotImplementedError(name)

    function.__module__, function.__name__, function.__qualname__ = module.__name__, name, name
    setattr(module, name, function)
    return function


rebuild = stand_in(utils, "_rebuild_tensor_v2")
rebuild_parameter = stand_in(utils, "_rebuild_parameter")
TYPES = {
    "F32": (stand_in(torch, "FloatStorage"), 4),
    "F16": (stand_in(torch, "HalfStorage"), 2),
    "BF16": (stand_in(torch, "BFloat16Storage"), 2),
}


class Storage:
    def __init__(self, type, data):
        self.type, self.data = type, data


class Tensor:
    def __init__(self, storage, offset, size):
        self.storage, self.offset, self.size = storage, offset, size
        self.negated = False

    def __reduce_ex__(self, protocol):
        stride, step = [], 1
        for extent in reversed(self.size):
            stride.insert(0, step)
            step *= extent
        hooks = collections.OrderedDict()
        # Newer versions say more where there is more to say.
        metadata = ({"neg": True},) if self.negated else ()
        return rebuild, (self.storage, self.offset, self.size, tuple(stride), False, hooks) + metadata


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce_ex__(self, protocol):
        return rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Command:
    def __reduce__(self):
        return os.system, (options.run,)


class Pickler(pickle.Pickler):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        function, width = TYPES[value.type]
        key = str(self.storages.index(value))
        return "storage", function, key, "cpu", len(value.data) // width


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start, tensors = file.tell(), {}
        for name, entry in header.items():
            if name == "__metadata__" or not name.startswith(tuple(options.only.split(","))):
                continue
            file.seek(start + entry["data_offsets"][0])
            data = file.read(entry["data_offsets"][1] - entry["data_offsets"][0])
            tensors[name] = entry["dtype"], tuple(entry["shape"]), data
        return tensors


class Pipe:
    """What cannot be sought in gets entries with sizes behind them."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


tensors = read(options.source)
state = collections.OrderedDict()
if options.view:
    kind = {entry[0] for entry in tensors.values()}
    assert len(kind) == 1, "one storage needs one type"
    storage = Storage(kind.pop(), b"".join(entry[2] for entry in tensors.values()))
    offset = 0
for name, (dtype, size, data) in tensors.items():
    if options.view:
        value = Tensor(storage, offset, size)
        offset += len(data) // TYPES[dtype][1]
    else:
        value = Tensor(Storage(dtype, data), 0, size)
    state[options.prefix + name] = value
for pair in options.tie:
    name, of = pair.split("=")
    state[options.prefix + name] = state[options.prefix + of]
if options.parameter:
    state = collections.OrderedDict((name, Parameter(value)) for name, value in state.items())
if options.negated:
    state[options.prefix + next(iter(tensors))].negated = True
if options.run:
    state[next(iter(state))] = Command()
# A module's state has this attribute.
state._metadata = collections.OrderedDict([("", {"version": 1})])

buffer = io.BytesIO()
pickler = Pickler(buffer, options.protocol)
pickler.dump(state)

folder = os.path.splitext(os.path.basename(options.target))[0]
with open(options.target, "wb") as file, zipfile.ZipFile(Pipe(file), "w") as archive:

    def add(name, data):
        entry = zipfile.ZipInfo(folder + "/" + name)
        # Data begin at a multiple of 64, by an extra field.
        used = file.tell() + 30 + len(entry.filename) + (20 if options.zip64 else 0)
        fill = -(used + 4) % 64
        entry.extra = struct.pack("<HH", 0x4246, fill) + b"Z" * fill
        with archive.open(entry, "w", force_zip64=options.zip64) as out:
            out.write(data)

    add("data.pkl", buffer.getvalue())
    add(".format_version", b"1")
    add(".storage_alignment", b"64")
    add("byteorder", b"little")
    for index, storage in enumerate(pickler.storages):
        add("data/" + str(index), storage.data)
    add("version", b"3\n")
    add(".data/serialization_id", b"1" * 40)
    if options.no_crc:
        for entry in archive.infolist():
            entry.CRC = 0
if options.damage:
    with open(options.target, "r+b") as file:
        content = file.read()
        file.seek(content.index(b"cpu") + 1)
        file.write(b"q")
