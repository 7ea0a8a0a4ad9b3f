"""DLPack capsules, read and made without a compiled module."""

from __future__ import annotations

import ctypes
import sys
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
    py_object,
)
from typing import Any

from ._library import lib

CPU = 1
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
    _fields_ = [("tensor", _Tensor), ("context", c_void_p), ("deleter", c_void_p)]


class _ManagedVersioned(Structure):
    _fields_ = [("major", c_uint32), ("minor", c_uint32), ("context", c_void_p), ("deleter", c_void_p),
                ("flags", c_uint64), ("tensor", _Tensor)]


_READ_ONLY, _IS_COPIED = 1, 2
_VERSION = (1, 0)
# The capsule's name while nobody has taken what is in it, and what that is.
_NAMES_OF_CAPSULES = {b"dltensor": _Managed, b"dltensor_versioned": _ManagedVersioned}

_python = ctypes.pythonapi
_new = _python.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_char_p, c_void_p]
_is_valid = _python.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, [py_object, c_char_p]
_pointer = _python.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, [py_object, c_char_p]

# Consumers give back while an exception is on its way, or on a thread without Python: no
# function in Python can be the deleter. This one zeroes the first 8 bytes, which sweep() finds.
_DELETER = ctypes.cast(lib.mamba_dlpack_delete, c_void_p).value

# What is lent, by its address: owner, sizes, struct, name of the capsule and the capsule. It
# outlives the interpreter, as arrays that look at it may.
_lent: dict[int, Any] = {}
_python.Py_IncRef(py_object(_lent))


def sweep() -> None:
    """Lets go of what consumers have given back, and of capsules that nobody took or will."""
    for place, entry in list(_lent.items()):
        if not c_uint64.from_address(place).value:
            _lent.pop(place, None)
        elif entry[4] is not None:
            # A consumer renames the capsule and then owns what is in it.
            if not _is_valid(entry[4], entry[3]):
                entry[4] = None
            elif sys.getrefcount(entry[4]) <= 2:
                _lent.pop(place, None)


def lend(owner: Any, address: int, dtype: str, shape: tuple[int, ...], versioned: bool = False,
         is_copied: bool = False) -> Any:
    """A capsule over row-major memory of `owner`, which lives until the consumer is done and
    then until the next sweep. `versioned`: as consumers want it that know DLPack 1.0."""
    sweep()
    code, bits = _CODES[dtype]
    sizes = (c_int64 * max(1, len(shape)))(*shape)
    tensor = _Tensor(address, _Device(CPU, 0), len(shape), _DataType(code, bits, 1), sizes, None, 0)
    managed: Any
    if versioned:
        name, managed = b"dltensor_versioned", _ManagedVersioned(
            *_VERSION, None, _DELETER, _IS_COPIED if is_copied else 0, tensor)
    else:
        name, managed = b"dltensor", _Managed(tensor, None, _DELETER)
    place = ctypes.addressof(managed)
    capsule = _new(place, name, None)
    _lent[place] = [owner, sizes, managed, name, capsule]
    return capsule


class Borrowed:
    """The memory of another library's tensor; holds its capsule for as long as it lives."""

    def __init__(self, tensor: Any) -> None:
        device = tensor.__dlpack_device__()
        if int(device[0]) != CPU:
            raise TypeError(f"a tensor on the CPU is needed, got one on DLPack device {tuple(map(int, device))}: "
                            "copy it to the CPU")
        try:
            self._capsule = tensor.__dlpack__(max_version=_VERSION)
        except TypeError:  # A library that knows no versions.
            self._capsule = tensor.__dlpack__()
        for name, kind_of_struct in _NAMES_OF_CAPSULES.items():
            if _is_valid(self._capsule, name):
                break
        else:
            raise TypeError(f"{type(tensor).__name__}.__dlpack__() gave no capsule named dltensor")
        managed = ctypes.cast(_pointer(self._capsule, name), POINTER(kind_of_struct)).contents
        self.readonly = False
        if kind_of_struct is _ManagedVersioned:
            if managed.major != _VERSION[0]:
                raise TypeError(f"{type(tensor).__name__}.__dlpack__() gave a tensor of DLPack "
                                f"{managed.major}.{managed.minor}, {_VERSION[0]}.x is read")
            self.readonly = bool(managed.flags & _READ_ONLY)
        view = managed.tensor
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
