"""Runs Mamba models from kernel packs: the runtime's C interface for Python.

    import mamba_runtime

    model = mamba_runtime.Model("model.mpk")
    for piece in model.generate("ROMEO:", max_tokens=64, temperature=0.8, seed=7):
        print(piece, end="", flush=True)
    print(model.score("To be, or not to be").perplexity)

Notes of the runtime go to the logger "mamba_runtime". Calls release the interpreter's
lock. Packs, models and tokenizers may be used by any number of threads at once; on
sessions, samplers and decoders threads take turns. close() waits for the calls of other
threads. After a fork a child uses none of its parent's objects.
"""

from ._errors import (
    Error,
    Internal,
    InvalidArgument,
    InvalidData,
    IoError,
    NotFound,
    OutOfMemory,
    Unavailable,
)
from ._library import lib as _lib
from ._model import Model, ModelInfo, Score
from ._pack import Entry, Pack, PackInfo, TensorInfo
from ._sampler import Sampler
from ._session import Session
from ._tensor import Tensor
from ._text import Decoder, Tokenizer

__version__: str = _lib.mamba_version().decode()
build_info: str = _lib.mamba_build_info().decode()

__all__ = [
    "Decoder",
    "Entry",
    "Error",
    "Internal",
    "InvalidArgument",
    "InvalidData",
    "IoError",
    "Model",
    "ModelInfo",
    "NotFound",
    "OutOfMemory",
    "Pack",
    "PackInfo",
    "Sampler",
    "Score",
    "Session",
    "Tensor",
    "TensorInfo",
    "Tokenizer",
    "Unavailable",
    "build_info",
]
