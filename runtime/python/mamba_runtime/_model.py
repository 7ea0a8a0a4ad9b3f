"""A pack on a device, and text from it."""

from __future__ import annotations

import json
import math
import os
from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Optional

from ._library import (
    Handle,
    ModelInfoStruct,
    ModelOptionsStruct,
    TensorInfoStruct,
    check,
    lib,
    name_of,
    path_of,
    progress_callback,
    ranged,
    taken_text,
    text_of,
    use,
)
from ._pack import Pack, TensorInfo, tensor_info
from ._sampler import Sampler
from ._session import Session
from ._text import Decoder, Tokenizer

Progress = Optional[Callable[[int, int], None]]


@dataclass(frozen=True)
class ModelInfo:
    """Bytes of weights as the kernels read them, and of the states of one sequence."""

    device: str
    target: str
    weights: str
    packed_bytes: int
    state_bytes: int
    decode_bytes: int


@dataclass(frozen=True)
class Score:
    """How well a text is predicted; natural logarithms."""

    tokens: int
    nll: float
    bytes: int

    @property
    def nll_per_token(self) -> float:
        return self.nll / self.tokens

    @property
    def perplexity(self) -> float:
        return math.exp(self.nll_per_token)

    @property
    def bits_per_byte(self) -> float:
        return self.nll / math.log(2) / self.bytes


class Model(Handle):
    """A pack on a device, with its weights.

    `device`: "cpu", "cuda", "cuda:N", "sim" or "auto" (cuda where it works, else cpu).
    `weights`: the checkpoint's folder; without it those in the pack, or the folder noted in it.
    `target`: the pack's code to run by name. `threads`: of the CPU, 0 for all. `counts`: what
    `profile` needs. `progress(done, total)` is told the bytes of weights that were read.
    """

    _destroy = "mamba_model_destroy"
    _shared = True

    def __init__(self, pack: Pack | os.PathLike[str] | str, *, device: str = "auto",
                 weights: Optional[os.PathLike[str] | str] = None, threads: int = 0,
                 target: Optional[str] = None, counts: bool = False, progress: Progress = None) -> None:
        ranged("threads", threads, 32)
        self.pack = pack if isinstance(pack, Pack) else Pack(pack)
        options = ModelOptionsStruct(device=name_of(device), threads=threads, counts=int(counts),
                                     target=None if target is None else name_of(target))
        handle = c_void_p()
        with use(self.pack):
            check(lib.mamba_model_create(self.pack._handle, byref(options), byref(handle)))
        super().__init__(handle)
        self._tokenizer: Optional[Tokenizer] = None
        callback = progress_callback(progress)
        try:
            with use(self):
                callback.finish(lib.mamba_model_load_weights(
                    self._handle, None if weights is None else path_of(weights), callback.pointer, None))
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> ModelInfo:
        info = ModelInfoStruct()
        with use(self):
            check(lib.mamba_model_get_info(self._handle, byref(info)))
            return ModelInfo(device=text_of(info.device), target=text_of(info.target),
                             weights=text_of(info.weights), packed_bytes=info.packed_bytes,
                             state_bytes=info.state_bytes, decode_bytes=info.decode_bytes)

    @property
    def states(self) -> list[TensorInfo]:
        """The states of a sequence, as `Session.read_state` gives them."""
        info = ModelInfoStruct()
        states = []
        with use(self):
            check(lib.mamba_model_get_info(self._handle, byref(info)))
            for i in range(info.state_count):
                state = TensorInfoStruct()
                check(lib.mamba_model_get_state(self._handle, i, byref(state)))
                states.append(tensor_info(state))
        return states

    @property
    def tokenizer(self) -> Tokenizer:
        """The pack's; NotFound if it has none."""
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self.pack)
        return self._tokenizer

    def session(self, slots: int = 1, *, max_step_tokens: int = 0, batch_invariant: bool = False) -> Session:
        """Empty slots. `batch_invariant`: the same bits for any split of the tokens and any
        neighbours, for packs built with it."""
        return Session(self, slots, max_step_tokens, batch_invariant)

    def sampler(self, **options: float) -> Sampler:
        """A sampler for this model's vocabulary, with the options of `Sampler`; what is not given
        is as the pack's generation_config.json wants it."""
        info = self.pack.info
        return Sampler(info.vocab_size, info.valid_vocab_size, **{**self.pack.sampler_options, **options})

    def self_test(self, progress: Progress = None) -> None:
        """Runs every kernel on the pack's golden inputs; Internal names what is wrong."""
        callback = progress_callback(progress)
        with use(self):
            callback.finish(lib.mamba_model_self_test(self._handle, callback.pointer, None))

    def profile(self, chip: Optional[str] = None) -> str:
        """What the kernels have done so far, for people; needs `counts`."""
        return self._profile(lib.mamba_model_profile, chip)

    def profile_data(self, chip: Optional[str] = None) -> dict[str, Any]:
        """The same as data."""
        return json.loads(self._profile(lib.mamba_model_profile_json, chip))

    def clear_profile(self) -> None:
        """Forgets what the kernels have done so far."""
        with use(self):
            check(lib.mamba_model_clear_profile(self._handle))

    def _profile(self, function: Any, chip: Optional[str]) -> str:
        name = None if chip is None else name_of(chip)
        with use(self):
            return taken_text(lambda text, length: function(self._handle, name, text, length))

    def generate(self, prompt: str, *, max_tokens: int = 128, session: Optional[Session] = None,
                 slot: int = 0, sampler: Optional[Sampler] = None, ignore_eos: bool = False,
                 **options: float) -> Iterator[str]:
        """Yields what continues `prompt`, in whole characters, as it comes.

        Sampling options are those of `Sampler`. With `session` the text goes on from what its
        slot holds, and `prompt` may be empty. The slot then holds the tokens of all pieces that
        were taken.
        """
        if sampler is not None and options:
            raise TypeError("sampling options belong to the sampler that is given")
        if max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {max_tokens}")
        tokens = self.tokenizer.encode(prompt)
        if not tokens and (session is None or prompt):
            raise ValueError("the prompt has no tokens")
        session = session or self.session()
        sampler = sampler or self.sampler(**options)
        ends = set() if ignore_eos else set(self.pack.end_tokens)
        # The arguments are looked at now, the work is done as pieces are asked for.
        return self._pieces(tokens, max_tokens, session, slot, sampler, ends)

    def _pieces(self, tokens: list[int], max_tokens: int, session: Session, slot: int,
                sampler: Sampler, ends: set[int]) -> Iterator[str]:
        step = session.step_tokens
        for start in range(0, len(tokens), step):
            session.step({slot: tokens[start : start + step]}, want=None)
        sampler.accept(tokens)
        with Decoder(self.tokenizer) as decoder:
            # A character whose first bytes lie in the prompt comes out whole.
            for token in session.recent(slot):
                decoder.push(token)
            for _ in range(max_tokens):
                chosen: list[int] = []
                session.generate({slot: sampler}, 1, chosen.extend)
                if chosen[0] in ends:
                    break
                piece = decoder.push(chosen[0])
                if piece:
                    yield piece
            rest = decoder.flush()
            if rest:
                yield rest

    def score(self, text: str, *, batch_invariant: bool = False) -> Score:
        """How well the model predicts a text, tokenised whole; the first token is context only."""
        tokens = self.tokenizer.encode(text)
        if len(tokens) < 2:
            raise ValueError(f"a text of at least 2 tokens is needed, got {len(tokens)}: "
                             "the first is context only")
        nll, predicted = 0.0, 0
        with self.session(batch_invariant=batch_invariant) as session:
            step = session.step_tokens
            for start in range(0, len(tokens), step):
                piece, count = session.score(tokens[start : start + step])
                nll, predicted = nll + piece, predicted + count
        return Score(tokens=predicted, nll=nll, bytes=len(text.encode("utf-8", "surrogateescape")))
