"""The shared library beside this file, its structs and functions, as in mamba/runtime.h."""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import threading
import weakref
from contextlib import contextmanager
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

from ._errors import ERRORS, Error

_ABI = 7
_LOG_INFO, _LOG_WARNING = 0, 1


class _Sized(Structure):
    """A struct that begins with its own size."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=ctypes.sizeof(type(self)), **fields)


class PackInfoStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("compiler", c_char_p),
        ("has_model", c_int32),
        ("architecture", c_char_p),
        ("source", c_char_p),
        ("signature", c_char_p),
        ("vocab_size", c_int64),
        ("valid_vocab_size", c_int64),
        ("layers", c_int64),
        ("has_config", c_int32),
        ("has_tokenizer", c_int32),
        ("has_embedded_weights", c_int32),
        ("needs_weights", c_int32),
        ("entry_count", c_size_t),
    ]


class EntryInfoStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("input_count", c_size_t),
        ("output_count", c_size_t),
        ("state_count", c_size_t),
    ]


class TensorInfoStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("output_name", c_char_p),
        ("state_id", c_char_p),
        ("dtype", c_char_p),
        ("element_size", c_size_t),
        ("rows", c_int32),
        ("dims", POINTER(c_int64)),
        ("rank", c_size_t),
    ]


class ModelOptionsStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("threads", c_uint32),
        ("counts", c_int32),
        ("target", c_char_p),
    ]


class ModelInfoStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("target", c_char_p),
        ("weights", c_char_p),
        ("packed_bytes", c_uint64),
        ("state_bytes", c_uint64),
        ("state_count", c_size_t),
        ("decode_bytes", c_uint64),
    ]


class SessionOptionsStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("slots", c_uint32),
        ("max_step_tokens", c_uint32),
        ("batch_invariant", c_int32),
    ]


class SequenceStruct(Structure):
    _fields_ = [("slot", c_uint32), ("tokens", POINTER(c_int32)), ("count", c_size_t)]


class SamplerOptionsStruct(_Sized):
    _fields_ = [
        ("struct_size", c_size_t),
        ("repetition_penalty", c_double),
        ("temperature", c_double),
        ("top_k", c_uint32),
        ("top_p", c_double),
        ("min_p", c_double),
        ("seed", c_uint64),
    ]


STRUCTS = {
    "mamba_pack_info": PackInfoStruct,
    "mamba_entry_info": EntryInfoStruct,
    "mamba_tensor_info": TensorInfoStruct,
    "mamba_model_options": ModelOptionsStruct,
    "mamba_model_info": ModelInfoStruct,
    "mamba_session_options": SessionOptionsStruct,
    "mamba_sequence": SequenceStruct,
    "mamba_sampler_options": SamplerOptionsStruct,
}

LogFunction = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)
ProgressFunction = CFUNCTYPE(None, c_void_p, c_uint64, c_uint64)
TokensFunction = CFUNCTYPE(c_int32, c_void_p, POINTER(c_int32), c_size_t)

_handle, _out, _count, _counts = c_void_p, POINTER(c_void_p), c_size_t, POINTER(c_size_t)
_ids, _slots, _lengths = POINTER(c_int32), POINTER(c_uint32), POINTER(c_int64)
_text = POINTER(c_void_p)  # char ** whose bytes are not zero-terminated strings of ours

# Arguments of the functions that return a mamba_status.
STATUS_FUNCTIONS: dict[str, list[Any]] = {
    "mamba_pack_open": [c_char_p, _out],
    "mamba_pack_open_memory": [c_void_p, _count, c_char_p, _out],
    "mamba_pack_get_info": [_handle, POINTER(PackInfoStruct)],
    "mamba_pack_config": [_handle, _text, _counts],
    "mamba_pack_generation_config": [_handle, _text, _counts],
    "mamba_pack_sampler_options": [_handle, POINTER(SamplerOptionsStruct)],
    "mamba_pack_end_tokens": [_handle, _ids, _count, _counts],
    "mamba_pack_get_entry": [_handle, _count, POINTER(EntryInfoStruct)],
    "mamba_pack_find_entry": [_handle, c_char_p, _counts],
    "mamba_pack_get_tensor": [_handle, _count, c_int32, _count, POINTER(TensorInfoStruct)],
    "mamba_model_create": [_handle, POINTER(ModelOptionsStruct), _out],
    "mamba_model_load_weights": [_handle, c_char_p, ProgressFunction, c_void_p],
    "mamba_model_get_info": [_handle, POINTER(ModelInfoStruct)],
    "mamba_model_get_state": [_handle, _count, POINTER(TensorInfoStruct)],
    "mamba_model_self_test": [_handle, ProgressFunction, c_void_p],
    "mamba_model_profile": [_handle, c_char_p, _text, _counts],
    "mamba_model_profile_json": [_handle, c_char_p, _text, _counts],
    "mamba_model_clear_profile": [_handle],
    "mamba_session_create": [_handle, POINTER(SessionOptionsStruct), _out],
    "mamba_session_step": [
        _handle, POINTER(SequenceStruct), _count, c_int32, c_void_p, _count],
    "mamba_session_logits": [_handle, c_uint32, POINTER(POINTER(c_float)), _counts],
    "mamba_session_score": [_handle, c_uint32, _ids, _count, POINTER(c_double), _counts],
    "mamba_session_position": [_handle, c_uint32, POINTER(c_int64)],
    "mamba_session_recent": [_handle, c_uint32, POINTER(_ids), _counts],
    "mamba_session_clear": [_handle, c_uint32],
    "mamba_session_copy": [_handle, c_uint32, c_uint32],
    "mamba_session_read_state": [_handle, c_uint32, c_char_p, c_void_p, _count],
    "mamba_session_write_state": [_handle, c_uint32, c_char_p, c_void_p, _count],
    "mamba_session_call": [
        _handle, _count, _slots, _lengths, _count, POINTER(c_void_p), _counts, _count,
        POINTER(c_void_p), _counts, _count],
    "mamba_session_generate": [
        _handle, _slots, POINTER(c_void_p), _count, c_uint64, TokensFunction, c_void_p],
    "mamba_session_save": [_handle, c_uint32, _handle, c_char_p],
    "mamba_session_load": [_handle, c_uint32, _handle, c_char_p],
    "mamba_session_save_memory": [_handle, c_uint32, _handle, _out, _counts],
    "mamba_session_load_memory": [_handle, c_uint32, _handle, c_void_p, _count],
    "mamba_sampler_create": [c_int64, c_int64, POINTER(SamplerOptionsStruct), _out],
    "mamba_sampler_get_options": [_handle, POINTER(SamplerOptionsStruct)],
    "mamba_sampler_set_options": [_handle, POINTER(SamplerOptionsStruct)],
    "mamba_sampler_accept": [_handle, _ids, _count],
    "mamba_sampler_reset": [_handle],
    "mamba_sampler_sample": [_handle, c_void_p, _count, _ids],
    "mamba_tokenizer_create": [_handle, _out],
    "mamba_tokenizer_encode": [_handle, c_char_p, _count, POINTER(_ids), _counts],
    "mamba_tokenizer_decode": [_handle, _ids, _count, c_int32, _text, _counts],
    "mamba_decoder_create": [_handle, c_int32, _out],
    "mamba_decoder_push": [_handle, c_int32, _text, _counts],
    "mamba_decoder_flush": [_handle, _text, _counts],
}

# Result and arguments of the others.
PLAIN_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "mamba_last_error": (c_char_p, []),
    "mamba_version": (c_char_p, []),
    "mamba_build_info": (c_char_p, []),
    "mamba_abi_version": (c_uint32, []),
    "mamba_set_log": (None, [LogFunction, c_void_p]),
    "mamba_free": (None, [c_void_p]),
    "mamba_dlpack_delete": (None, [c_void_p]),
    "mamba_pack_close": (None, [_handle]),
    "mamba_model_destroy": (None, [_handle]),
    "mamba_session_destroy": (None, [_handle]),
    "mamba_session_step_tokens": (c_uint32, [_handle]),
    "mamba_sampler_options_init": (None, [POINTER(SamplerOptionsStruct)]),
    "mamba_sampler_destroy": (None, [_handle]),
    "mamba_tokenizer_destroy": (None, [_handle]),
    "mamba_tokenizer_size": (c_int32, [_handle]),
    "mamba_decoder_destroy": (None, [_handle]),
}


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libmamba_runtime.so")))
    for name, (result, arguments) in PLAIN_FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    for name, arguments in STATUS_FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_int32, arguments
    if library.mamba_abi_version() < _ABI:
        raise ImportError(
            f"libmamba_runtime.so has ABI {library.mamba_abi_version()}, {_ABI} is needed: "
            "install the wheel again")
    return library


lib = _load()


def check(status: int) -> None:
    """Raises what a status other than MAMBA_OK means; call it on the thread that got it."""
    if status:
        raise ERRORS.get(status, Error)(lib.mamba_last_error().decode("utf-8", "replace"))


def text_of(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")


def path_of(path: os.PathLike[str] | str) -> bytes:
    """A path for the library; one with a zero in it would be cut there."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"a path with a zero byte: {path!r}")
    return encoded


def name_of(name: str) -> bytes:
    encoded = name.encode()
    if b"\0" in encoded:
        raise ValueError(f"a name with a zero byte: {name!r}")
    return encoded


def ranged(what: str, value: int, bits: int) -> int:
    """The value; ctypes would wrap one that does not fit."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{what} must be from 0 to 2^{bits} - 1, got {value}")
    return value


def taken_text(call: Callable[[Any, Any], int]) -> str:
    """The text of a function that allocates it."""
    text, length = c_void_p(), c_size_t()
    check(call(ctypes.byref(text), ctypes.byref(length)))
    try:
        return ctypes.string_at(text, length.value).decode("utf-8", "replace") if text else ""
    finally:
        lib.mamba_free(text)


class Handle:
    """Owns a handle of the library; every class of ours with close() is one.

    After a fork the child can neither use nor give back what its parent made: the
    threads of the device are not there.
    """

    _destroy: str
    _shared = False  # Whether several threads may use it at once.

    def __init__(self, handle: c_void_p) -> None:
        self._value = handle.value
        self._process = os.getpid()
        self._turn = threading.Condition()
        self._calls: dict[object, int] = {}  # The threads of those under way, see use().
        self._finalizer = weakref.finalize(
            self, Handle._give_back, getattr(lib, self._destroy), self._value, self._process)
        self._finalizer.atexit = False  # Daemon threads may be using it then.

    @staticmethod
    def _give_back(destroy: Callable[[int], None], value: int, process: int) -> None:
        if os.getpid() == process:
            destroy(value)

    @property
    def _handle(self) -> int:
        kind = type(self).__name__
        if not self._finalizer.alive:
            raise ValueError(f"this {kind} is closed")
        if os.getpid() != self._process:
            raise RuntimeError(f"this {kind} was made before a fork: make one in this process")
        return self._value

    @property
    def closed(self) -> bool:
        return not self._finalizer.alive

    def close(self) -> None:
        """Gives the handle back; closing twice is allowed, and any order of closing.

        Waits for the calls of other threads; ValueError in a callback of a call of this one.
        """
        if os.getpid() != self._process:
            self._finalizer.detach()
            return
        with self._turn:
            while self._calls:
                if threading.get_ident() in self._calls.values():
                    raise ValueError(f"this {type(self).__name__} cannot be closed while a call uses it")
                self._turn.wait()
            self._finalizer()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def use(*handles: Handle) -> Iterator[None]:
    """For as long as a call takes: nobody closes these handles, and of those that are not shared
    no other thread has one. A callback may use them again."""
    call, thread = object(), threading.get_ident()
    # Everybody takes them in one order, or two threads could wait for each other.
    ordered = sorted(set(handles), key=id)
    for handle in ordered:
        handle._handle  # In a child of a fork nobody would end the wait.
    try:
        for handle in ordered:
            with handle._turn:
                while not handle._shared and any(other != thread for other in handle._calls.values()):
                    handle._turn.wait()
                handle._handle  # Perhaps closed meanwhile.
                handle._calls[call] = thread
        yield
    finally:
        for handle in ordered:
            with handle._turn:
                if handle._calls.pop(call, None) is not None:
                    handle._turn.notify_all()


class Callback:
    """A Python function for the library; what it raises is raised after the call."""

    def __init__(self, kind: Any, function: Callable[..., Any], on_error: Any = None) -> None:
        self.error: Optional[BaseException] = None

        def call(_user: Any, *arguments: Any) -> Any:
            if self.error is not None:
                return on_error
            try:
                return function(*arguments)
            except BaseException as error:  # noqa: BLE001, it must not cross the library
                self.error = error
                return on_error

        self.pointer = kind(call)

    def finish(self, status: int) -> None:
        if self.error is not None:
            raise self.error
        check(status)


def progress_callback(function: Optional[Callable[[int, int], None]]) -> Callback:
    if function is None:
        callback = Callback(ProgressFunction, lambda done, total: None)
        callback.pointer = ProgressFunction()
        return callback
    return Callback(ProgressFunction, lambda done, total: function(done, total))


_logger = logging.getLogger("mamba_runtime")


def _log(_user: Any, level: int, message: bytes) -> None:
    _logger.log(logging.WARNING if level == _LOG_WARNING else logging.INFO, "%s", text_of(message))


# Kept for as long as the library may call it.
_log_pointer = LogFunction(_log)
lib.mamba_set_log(_log_pointer, None)
atexit.register(lib.mamba_set_log, LogFunction(), None)
