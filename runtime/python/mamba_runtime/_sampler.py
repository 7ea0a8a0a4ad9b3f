"""Choosing tokens from logits."""

from __future__ import annotations

from ctypes import byref, c_int32, c_void_p
from typing import Any

from ._library import Handle, SamplerOptionsStruct, check, lib, ranged, use
from ._tensor import Tokens, count_of, view_of

SAMPLER_OPTIONS = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p", "seed")


class Sampler(Handle):
    """Remembers the tokens of a sequence, for the penalty, and the numbers that it has drawn.

    The same logits, options and seed give the same tokens on every machine. Options and
    what switches them off: repetition_penalty (1), temperature (1; 0 is greedy), top_k (0),
    top_p (1), min_p (0), seed.
    """

    _destroy = "mamba_sampler_destroy"

    def __init__(self, vocab_size: int, valid_vocab_size: int | None = None, **options: float) -> None:
        chosen = SamplerOptionsStruct()
        lib.mamba_sampler_options_init(byref(chosen))
        self._set(chosen, options)
        handle = c_void_p()
        valid = vocab_size if valid_vocab_size is None else valid_vocab_size
        for size in (vocab_size, valid):
            ranged("a size of a vocabulary", size, 63)
        check(lib.mamba_sampler_create(vocab_size, valid, byref(chosen), byref(handle)))
        super().__init__(handle)

    @staticmethod
    def _set(struct: SamplerOptionsStruct, options: dict[str, Any]) -> None:
        for name, value in options.items():
            if name not in SAMPLER_OPTIONS:
                raise TypeError(f"a sampler has no option '{name}', it has {', '.join(SAMPLER_OPTIONS)}")
            if name in ("top_k", "seed"):
                ranged(name, value, 32 if name == "top_k" else 64)
            setattr(struct, name, value)

    @property
    def options(self) -> dict[str, float]:
        struct = SamplerOptionsStruct()
        with use(self):
            check(lib.mamba_sampler_get_options(self._handle, byref(struct)))
        return {name: getattr(struct, name) for name in SAMPLER_OPTIONS}

    def set_options(self, **options: float) -> None:
        """Changes those that are named; another seed starts its numbers from the first."""
        struct = SamplerOptionsStruct()
        with use(self):
            check(lib.mamba_sampler_get_options(self._handle, byref(struct)))
            self._set(struct, options)
            check(lib.mamba_sampler_set_options(self._handle, byref(struct)))

    def accept(self, tokens: Any) -> None:
        """Tells that the sequence has got these tokens."""
        ids = Tokens(tokens)
        with use(self):
            check(lib.mamba_sampler_accept(self._handle, ids.pointer, ids.count))

    def sample(self, logits: Any) -> int:
        """Chooses from F32 logits [V]; does not accept."""
        view = view_of(logits)
        if view.dtype != "F32":
            raise ValueError(f"logits must be F32, got {view.dtype} {list(view.shape)}")
        token = c_int32()
        with use(self):
            check(lib.mamba_sampler_sample(self._handle, view.address, count_of(view.shape), byref(token)))
        return token.value

    def reset(self) -> None:
        """Forgets all tokens and starts the random numbers from the first."""
        with use(self):
            check(lib.mamba_sampler_reset(self._handle))
