"""Tokenizers and the stream of text that tokens become."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_int32, c_size_t, c_void_p
from typing import Any, Callable

from ._library import Handle, check, lib, ranged, taken_text, use
from ._pack import Pack
from ._tensor import Tokens


class Tokenizer(Handle):
    """The tokenizer of a pack; NotFound if it has none."""

    _destroy = "mamba_tokenizer_destroy"
    _shared = True

    def __init__(self, pack: Pack) -> None:
        handle = c_void_p()
        with use(pack):
            check(lib.mamba_tokenizer_create(pack._handle, byref(handle)))
        super().__init__(handle)

    def __len__(self) -> int:
        """One more than the largest id."""
        with use(self):
            return lib.mamba_tokenizer_size(self._handle)

    def encode(self, text: str) -> list[int]:
        """The ids of a text. Nothing is added; special tokens written in it are recognised."""
        data = text.encode("utf-8", "surrogateescape")
        ids, count = POINTER(c_int32)(), c_size_t()
        with use(self):
            check(lib.mamba_tokenizer_encode(self._handle, data, len(data), byref(ids), byref(count)))
        try:
            return ids[: count.value] if count.value else []
        finally:
            lib.mamba_free(ids)

    def decode(self, ids: Any, skip_special: bool = True) -> str:
        """The text of ids; a character of which only a part is there becomes U+FFFD."""
        tokens = Tokens(ids)
        with use(self):
            return taken_text(lambda text, length: lib.mamba_tokenizer_decode(
                self._handle, tokens.pointer, tokens.count, int(skip_special), text, length))


class Decoder(Handle):
    """Ids to text, one at a time; the pieces are whole characters."""

    _destroy = "mamba_decoder_destroy"

    def __init__(self, tokenizer: Tokenizer, skip_special: bool = True) -> None:
        handle = c_void_p()
        with use(tokenizer):
            check(lib.mamba_decoder_create(tokenizer._handle, int(skip_special), byref(handle)))
        super().__init__(handle)

    def push(self, token: int) -> str:
        """The text that `token` completes, often ""."""
        ranged("a token", token, 31)
        return self._piece(lambda text, length: lib.mamba_decoder_push(
            self._handle, token, text, length))

    def flush(self) -> str:
        """What was held back for want of its end; the decoder starts afresh."""
        return self._piece(lambda text, length: lib.mamba_decoder_flush(self._handle, text, length))

    def _piece(self, call: Callable[[Any, Any], int]) -> str:
        text, length = c_void_p(), c_size_t()
        with use(self):
            check(call(byref(text), byref(length)))
            return ctypes.string_at(text, length.value).decode("utf-8", "replace") if length.value else ""
