"""DLPack capsules, read and made without a compiled module."""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p, py_object
from typing import Any

CPU = 1
_KINDS = {"i": 0, "u": 1, "f": 2}
_BFLOAT = 4
_NAMES = {(0, 32): "I32", (0, 64): "I64", (0, 8): "I8", (1, 8): "U8", (2, 32): "F32",
          (2, 64): "F64", (2, 16): "F16", (_BFLOAT, 16): "BF16"}
_CODES = {name: code for code, name in _NAMES.items()}


class _Device(Structure):
    _fields_ = [("type", c_int32), ("id", c_int32)]


class _DataType(Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class _Tensor(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device", _Device),
        ("ndim", c_int32),
        ("dtype", _DataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _Managed(Structure):
    # `room`: as large as a sigset_t, see _DELETER.
    _fields_ = [("tensor", _Tensor), ("context", c_void_p), ("deleter", c_void_p), ("room", c_uint64 * 8)]


_python = ctypes.pythonapi
_new = _python.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_char_p, c_void_p]
_is_valid = _python.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [py_object, c_char_p]
_pointer = _python.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, [py_object, c_char_p]
_NAME = b"dltensor"

# Consumers give back while an exception is on its way, or on a thread without Python: no
# function in Python can be the deleter. This one of libc takes what it is given for a signal
# set and zeroes its first 8 to 128 bytes: `tensor.data` is null afterwards, which sweep() finds.
_DELETER = ctypes.cast(ctypes.CDLL(None).sigemptyset, c_void_p).value

# What is lent, by the address of its _Managed: owner, sizes, _Managed and capsule. It outlives
# the interpreter, as arrays that look at it may.
_lent: dict[int, Any] = {}
_python.Py_IncRef(py_object(_lent))


def sweep() -> None:
    """Lets go of what consumers have given back, and of capsules that nobody took or will."""
    for place, entry in list(_lent.items()):
        if not entry[2].tensor.data:
            _lent.pop(place, None)
        elif entry[3] is not None:
            # A consumer renames the capsule and then owns what is in it.
            if not _is_valid(entry[3], _NAME):
                entry[3] = None
            elif sys.getrefcount(entry[3]) <= 2:
                _lent.pop(place, None)


def lend(owner: Any, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
    """A capsule over row-major memory of `owner`, which lives until the consumer is done and
    then until the next sweep."""
    sweep()
    code, bits = _CODES[dtype]
    sizes = (c_int64 * max(1, len(shape)))(*shape)
    managed = _Managed()
    managed.tensor = _Tensor(address, _Device(CPU, 0), len(shape), _DataType(code, bits, 1), sizes, None, 0)
    managed.deleter = _DELETER
    place = ctypes.addressof(managed)
    capsule = _new(place, _NAME, None)
    _lent[place] = [owner, sizes, managed, capsule]
    return capsule


class Borrowed:
    """The memory of another library's tensor; holds its capsule for as long as it lives."""

    def __init__(self, tensor: Any) -> None:
        device = tensor.__dlpack_device__()
        if int(device[0]) != CPU:
            raise TypeError(f"a tensor on the CPU is needed, got one on DLPack device {tuple(map(int, device))}: "
                            "copy it to the CPU")
        self._capsule = tensor.__dlpack__()
        if not _is_valid(self._capsule, _NAME):
            raise TypeError(f"{type(tensor).__name__}.__dlpack__() gave no capsule named dltensor")
        view = ctypes.cast(_pointer(self._capsule, _NAME), POINTER(_Managed)).contents.tensor
        self.shape = tuple(view.shape[i] for i in range(view.ndim))
        kind = (view.dtype.code, view.dtype.bits)
        if view.dtype.lanes != 1 or kind not in _NAMES:
            raise TypeError(f"a tensor of DLPack type {kind} is not known here")
        self.dtype = _NAMES[kind]
        if not self._is_packed(view):
            raise TypeError(f"a row-major tensor without gaps is needed, got one of shape {self.shape} "
                            "with other strides: make it contiguous")
        self.address = (view.data or 0) + view.byte_offset
        self.nbytes = view.dtype.bits // 8
        for size in self.shape:
            self.nbytes *= size

    def _is_packed(self, view: _Tensor) -> bool:
        if not view.strides or 0 in self.shape:
            return True
        expected = 1
        for i in reversed(range(view.ndim)):
            if self.shape[i] != 1 and view.strides[i] != expected:
                return False
            expected *= self.shape[i]
        return True
