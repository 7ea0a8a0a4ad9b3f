"""Kernel packs and what they hold."""

from __future__ import annotations

import ctypes
import json
import os
from ctypes import byref, c_int32, c_size_t, c_void_p
from dataclasses import dataclass
from typing import Any, Optional

from ._errors import NotFound
from ._library import (
    EntryInfoStruct,
    Handle,
    PackInfoStruct,
    SamplerOptionsStruct,
    TensorInfoStruct,
    check,
    lib,
    name_of,
    path_of,
    text_of,
    use,
)
from ._sampler import SAMPLER_OPTIONS

_INPUT, _OUTPUT, _STATE = 0, 1, 2
_ROWS = {0: "tokens", 1: "sequences", 2: "one"}


@dataclass(frozen=True)
class PackInfo:
    """`has_model` says whether the fields from `architecture` to `layers` mean something."""

    path: str
    compiler: str
    has_model: bool
    architecture: str
    source: str
    signature: str
    vocab_size: int
    valid_vocab_size: int
    layers: int
    has_config: bool
    has_tokenizer: bool
    has_embedded_weights: bool
    needs_weights: bool


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of an entry, or a state.

    `rows` says what stands before `dims`: "tokens" [T, dims...], "sequences" [S, dims...]
    or "one" [dims...]; of a state `dims` are those of one sequence.
    """

    name: str
    output_name: str
    state_id: str
    dtype: str
    element_size: int
    rows: str
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """A function of a pack, for `Session.call`."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    states: tuple[TensorInfo, ...]


def tensor_info(info: TensorInfoStruct) -> TensorInfo:
    return TensorInfo(
        name=text_of(info.name),
        output_name=text_of(info.output_name),
        state_id=text_of(info.state_id),
        dtype=text_of(info.dtype),
        element_size=info.element_size,
        rows=_ROWS[info.rows],
        dims=tuple(info.dims[i] for i in range(info.rank)),
    )


class Pack(Handle):
    """An open kernel pack. It holds native code: open only what you would run."""

    _destroy = "mamba_pack_close"
    _shared = True

    def __init__(self, path: os.PathLike[str] | str) -> None:
        handle = c_void_p()
        check(lib.mamba_pack_open(path_of(path), byref(handle)))
        super().__init__(handle)

    @property
    def info(self) -> PackInfo:
        info = PackInfoStruct()
        with use(self):
            check(lib.mamba_pack_get_info(self._handle, byref(info)))
            texts = {n: text_of(getattr(info, n)) for n in (
                "path", "compiler", "architecture", "source", "signature")}
        sizes = {n: getattr(info, n) for n in ("vocab_size", "valid_vocab_size", "layers")}
        flags = {n: bool(getattr(info, n)) for n in (
            "has_model", "has_config", "has_tokenizer", "has_embedded_weights", "needs_weights")}
        return PackInfo(**texts, **sizes, **flags)

    @property
    def config(self) -> Optional[dict[str, Any]]:
        """The checkpoint's config.json; None if the pack has none."""
        return self._json(lib.mamba_pack_config)

    @property
    def generation_config(self) -> Optional[dict[str, Any]]:
        """The checkpoint's generation_config.json; None if the pack has none."""
        return self._json(lib.mamba_pack_generation_config)

    def _json(self, function: Any) -> Optional[dict[str, Any]]:
        text, length = c_void_p(), c_size_t()
        with use(self):
            try:
                check(function(self._handle, byref(text), byref(length)))
            except NotFound:
                return None
            return json.loads(ctypes.string_at(text, length.value))

    @property
    def sampler_options(self) -> dict[str, float]:
        """How generation_config.json wants tokens to be chosen, for `Sampler`."""
        options = SamplerOptionsStruct()
        with use(self):
            check(lib.mamba_pack_sampler_options(self._handle, byref(options)))
        return {name: getattr(options, name) for name in SAMPLER_OPTIONS}

    @property
    def end_tokens(self) -> list[int]:
        """The tokens that end a text."""
        count = c_size_t()
        with use(self):
            check(lib.mamba_pack_end_tokens(self._handle, None, 0, byref(count)))
            tokens = (c_int32 * max(1, count.value))()
            check(lib.mamba_pack_end_tokens(self._handle, tokens, count.value, byref(count)))
        return list(tokens[: count.value])

    @property
    def entries(self) -> dict[str, Entry]:
        """The pack's functions by name, in the pack's order."""
        info = PackInfoStruct()
        with use(self):
            check(lib.mamba_pack_get_info(self._handle, byref(info)))
            entries = [self._entry(i) for i in range(info.entry_count)]
        return {entry.name: entry for entry in entries}

    def entry_index(self, name: str) -> int:
        """NotFound names the entries that there are."""
        index = c_size_t()
        with use(self):
            check(lib.mamba_pack_find_entry(self._handle, name_of(name), byref(index)))
        return index.value

    def entry(self, name: str) -> Entry:
        """One of the pack's functions."""
        with use(self):
            return self._entry(self.entry_index(name))

    def _entry(self, index: int) -> Entry:
        info = EntryInfoStruct()
        check(lib.mamba_pack_get_entry(self._handle, index, byref(info)))

        def tensors(role: int, count: int) -> tuple[TensorInfo, ...]:
            found = []
            for i in range(count):
                tensor = TensorInfoStruct()
                check(lib.mamba_pack_get_tensor(self._handle, index, role, i, byref(tensor)))
                found.append(tensor_info(tensor))
            return tuple(found)

        return Entry(
            name=text_of(info.name),
            inputs=tensors(_INPUT, info.input_count),
            outputs=tensors(_OUTPUT, info.output_count),
            states=tensors(_STATE, info.state_count),
        )
