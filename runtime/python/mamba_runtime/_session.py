"""Sequences with their states."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any, Callable, Mapping, Optional, Sequence

from ._errors import NotFound
from ._library import (
    Callback,
    Handle,
    SequenceStruct,
    SessionOptionsStruct,
    TokensFunction,
    check,
    lib,
    name_of,
    path_of,
    ranged,
    use,
)
from ._pack import TensorInfo
from ._sampler import Sampler
from ._tensor import BufferView, Tensor, Tokens, exact_view

_WANT = {None: 0, "last": 1, "all": 2}


class Session(Handle):
    """Slots that hold a sequence each: its state, its position and the logits of its last token.

    Made by `Model.session`. Calls of several threads take turns.
    """

    _destroy = "mamba_session_destroy"

    def __init__(self, model: Any, slots: int = 1, max_step_tokens: int = 0,
                 batch_invariant: bool = False) -> None:
        for name, value in (("slots", slots), ("max_step_tokens", max_step_tokens)):
            ranged(name, value, 32)
        options = SessionOptionsStruct(slots=slots, max_step_tokens=max_step_tokens,
                                       batch_invariant=int(batch_invariant))
        handle = c_void_p()
        with use(model):
            check(lib.mamba_session_create(model._handle, byref(options), byref(handle)))
        super().__init__(handle)
        self._pack = model.pack
        self._states: dict[str, TensorInfo] = {state.state_id: state for state in model.states}
        self._vocab_size = model.pack.info.vocab_size

    @property
    def step_tokens(self) -> int:
        """How many tokens one run of the kernels takes; longer input is cut."""
        with use(self):
            return lib.mamba_session_step_tokens(self._handle)

    def step(self, sequences: Mapping[int, Any], want: Optional[str] = "last",
             out: Any = None) -> Optional[Tensor]:
        """Appends tokens to slots: `{slot: ids}`, any lengths at once.

        `want` "last": logits F32 [sequences, V], zeros for one without tokens; "all":
        [sum of lengths, V], sequence by sequence; None: none. They go to `out` if it is given
        (a writable F32 tensor of that shape), which is then returned.
        """
        if want not in _WANT:
            raise ValueError(f"want must be 'last', 'all' or None, got {want!r}")
        ids = [Tokens(tokens) for tokens in sequences.values()]
        structs = (SequenceStruct * max(1, len(ids)))()
        for struct, slot, tokens in zip(structs, sequences, ids):
            struct.slot, struct.tokens, struct.count = _slot(slot), tokens.pointer, tokens.count
        rows = {None: 0, "last": len(ids), "all": sum(tokens.count for tokens in ids)}[want]
        logits = out
        if want is not None and out is None:
            logits = Tensor((rows, self._vocab_size))
        view = None
        if want is not None:
            view = exact_view(logits, "out", "F32", (rows, self._vocab_size), writable=True)
        with use(self):
            check(lib.mamba_session_step(
                self._handle, structs, len(ids), _WANT[want], view.address if view and rows else None,
                rows * self._vocab_size))
        return logits

    def logits(self, slot: int = 0) -> Tensor:
        """A copy of the logits F32 [V] of the slot's last token; NotFound if there are none."""
        pointer, count = POINTER(c_float)(), c_size_t()
        with use(self):
            check(lib.mamba_session_logits(self._handle, _slot(slot), byref(pointer), byref(count)))
            logits = Tensor((count.value,))
            ctypes.memmove(logits.address, pointer, logits.nbytes)
        return logits

    def score(self, tokens: Any, slot: int = 0) -> tuple[float, int]:
        """Appends tokens; the sum of -log p of those that are predicted, and their number."""
        ids = Tokens(tokens)
        nll, predicted = c_double(), c_size_t()
        with use(self):
            check(lib.mamba_session_score(
                self._handle, _slot(slot), ids.pointer, ids.count, byref(nll), byref(predicted)))
        return nll.value, predicted.value

    def position(self, slot: int = 0) -> int:
        """How many tokens the slot has seen."""
        position = c_int64()
        with use(self):
            check(lib.mamba_session_position(self._handle, _slot(slot), byref(position)))
        return position.value

    def recent(self, slot: int = 0) -> list[int]:
        """The newest tokens of the slot, 32 at most, oldest first."""
        tokens, count = POINTER(c_int32)(), c_size_t()
        with use(self):
            check(lib.mamba_session_recent(self._handle, _slot(slot), byref(tokens), byref(count)))
            return tokens[: count.value] if count.value else []

    def clear(self, slot: int = 0) -> None:
        """Back to an empty sequence."""
        with use(self):
            check(lib.mamba_session_clear(self._handle, _slot(slot)))

    def copy(self, source: int, target: int) -> None:
        """All that slot `source` holds into slot `target`."""
        with use(self):
            check(lib.mamba_session_copy(self._handle, _slot(source), _slot(target)))

    def read_state(self, state_id: str, slot: int = 0) -> Tensor:
        """A state of a slot, as `Model.states` describes it."""
        info = self._state(state_id)
        state = Tensor(info.dims, info.dtype)
        with use(self):
            check(lib.mamba_session_read_state(
                self._handle, _slot(slot), name_of(state_id), state.address, state.nbytes))
        return state

    def write_state(self, state_id: str, value: Any, slot: int = 0) -> None:
        """Replaces a state of a slot; its pending logits are dropped."""
        info = self._state(state_id)
        view = exact_view(value, f"state '{state_id}'", info.dtype, info.dims)
        with use(self):
            check(lib.mamba_session_write_state(
                self._handle, _slot(slot), name_of(state_id), view.address, view.nbytes))

    def _state(self, state_id: str) -> TensorInfo:
        if state_id not in self._states:
            raise NotFound(f"there is no state '{state_id}', the model has {', '.join(self._states) or 'none'}")
        return self._states[state_id]

    def call(self, entry: str, inputs: Mapping[str, Any], lengths: Sequence[int],
             slots: Optional[Sequence[int]] = None) -> dict[str, Tensor]:
        """Runs an entry of the pack once over a ragged batch, and gives its outputs by name.

        Sequence s has slot `slots[s]` (0, 1, ... without) and `lengths[s]` rows of the tensors
        that have one row a token.
        """
        described = self._pack.entry(entry)
        slots = range(len(lengths)) if slots is None else slots
        if len(slots) != len(lengths):
            raise ValueError(f"there must be as many slots as lengths, got {len(slots)} and {len(lengths)}")
        unknown = set(inputs) - {tensor.name for tensor in described.inputs}
        if unknown:
            raise ValueError(f"entry '{entry}' has no input '{min(unknown)}'")
        for length in lengths:
            ranged("a length", length, 63)
        leading = {"tokens": (sum(lengths),), "sequences": (len(lengths),), "one": ()}
        views = []
        for tensor in described.inputs:
            if tensor.name not in inputs:
                raise ValueError(f"input '{tensor.name}' of entry '{entry}' is missing")
            views.append(exact_view(inputs[tensor.name], f"input '{tensor.name}'", tensor.dtype,
                                    leading[tensor.rows] + tensor.dims))
        outputs = {tensor.name: Tensor(leading[tensor.rows] + tensor.dims, tensor.dtype)
                   for tensor in described.outputs}

        def pointers(tensors: Sequence[Any]) -> tuple[Any, Any, int]:
            count = len(tensors)
            return ((c_void_p * max(1, count))(*(t.address for t in tensors)),
                    (c_size_t * max(1, count))(*(t.nbytes for t in tensors)), count)

        with use(self):
            check(lib.mamba_session_call(
                self._handle, self._pack.entry_index(entry),
                (c_uint32 * max(1, len(slots)))(*map(_slot, slots)),
                (c_int64 * max(1, len(lengths)))(*lengths), len(lengths),
                *pointers(views), *pointers(list(outputs.values()))))
        return outputs

    def generate(self, samplers: Mapping[int, Sampler], max_tokens: int,
                 on_tokens: Callable[[list[int]], Any]) -> None:
        """Continues slots with tokens that their samplers choose, `{slot: sampler}`.

        `on_tokens` gets one token of each slot, in their order, which the slots hold from
        then on; it ends the text with False. It may ask for positions and recent tokens. Every
        slot needs pending logits. On a GPU this is faster than sampling in Python.
        """
        ranged("max_tokens", max_tokens, 64)
        slots = (c_uint32 * max(1, len(samplers)))(*map(_slot, samplers))

        def take(tokens: Any, count: int) -> int:
            return 0 if on_tokens(tokens[:count]) is False else 1

        callback = Callback(TokensFunction, take, on_error=0)
        with use(self, *samplers.values()):
            chosen = (c_void_p * max(1, len(samplers)))(*(s._handle for s in samplers.values()))
            callback.finish(lib.mamba_session_generate(
                self._handle, slots, chosen, len(samplers), max_tokens, callback.pointer, None))

    def save(self, path: os.PathLike[str] | str, slot: int = 0, sampler: Optional[Sampler] = None) -> None:
        """Writes a slot, and the sampler if given, to a file, whole or not at all."""
        with use(self, *filter(None, [sampler])):
            check(lib.mamba_session_save(
                self._handle, _slot(slot), sampler._handle if sampler else None, path_of(path)))

    def load(self, path: os.PathLike[str] | str, slot: int = 0, sampler: Optional[Sampler] = None) -> None:
        """Replaces a slot, and the sampler with its options if given and in the file."""
        with use(self, *filter(None, [sampler])):
            check(lib.mamba_session_load(
                self._handle, _slot(slot), sampler._handle if sampler else None, path_of(path)))

    def dumps(self, slot: int = 0, sampler: Optional[Sampler] = None) -> bytes:
        """What `save` would write."""
        data, size = c_void_p(), c_size_t()
        with use(self, *filter(None, [sampler])):
            check(lib.mamba_session_save_memory(
                self._handle, _slot(slot), sampler._handle if sampler else None, byref(data), byref(size)))
        try:
            return ctypes.string_at(data, size.value)
        finally:
            lib.mamba_free(data)

    def loads(self, data: Any, slot: int = 0, sampler: Optional[Sampler] = None) -> None:
        """What `load` does, from bytes of `dumps`, in any buffer."""
        view = BufferView(data)
        with use(self, *filter(None, [sampler])):
            check(lib.mamba_session_load_memory(
                self._handle, _slot(slot), sampler._handle if sampler else None, view.address, view.nbytes))


def _slot(slot: int) -> int:
    return ranged("a slot", slot, 32)
