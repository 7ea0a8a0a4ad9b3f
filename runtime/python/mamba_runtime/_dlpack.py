"""DLPack capsules, read and made without a compiled module."""

from __future__ import annotations

import ctypes
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
    pass


_Deleter = ctypes.CFUNCTYPE(None, POINTER(_Managed))
_Managed._fields_ = [("tensor", _Tensor), ("context", c_void_p), ("deleter", _Deleter)]

_Destructor = ctypes.PYFUNCTYPE(None, c_void_p)
_python = ctypes.pythonapi
_new = _python.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_char_p, _Destructor]
# Of a capsule by its address, since one that dies must not be held again.
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, c_void_p, c_char_p)(("PyCapsule_IsValid", _python))
_pointer = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", _python))
_NAME = b"dltensor"

# What is lent, by the address of its _Managed.
_lent: dict[int, Any] = {}


@_Deleter
def _delete(managed: Any) -> None:
    _lent.pop(ctypes.addressof(managed.contents), None)


@_Destructor
def _drop(capsule: int) -> None:
    # A consumer renames the capsule and then owns what is in it.
    if _is_valid(capsule, _NAME):
        _lent.pop(_pointer(capsule, _NAME), None)


def lend(owner: Any, address: int, dtype: str, shape: tuple[int, ...]) -> Any:
    """A capsule over row-major memory of `owner`, which lives until the consumer is done."""
    code, bits = _CODES[dtype]
    sizes = (c_int64 * max(1, len(shape)))(*shape)
    managed = _Managed()
    managed.tensor = _Tensor(address, _Device(CPU, 0), len(shape), _DataType(code, bits, 1), sizes, None, 0)
    managed.deleter = _delete
    place = ctypes.addressof(managed)
    _lent[place] = (owner, sizes, managed)
    return _new(place, _NAME, _drop)


class Borrowed:
    """The memory of another library's tensor; holds its capsule for as long as it lives."""

    def __init__(self, tensor: Any) -> None:
        device = tensor.__dlpack_device__()
        if int(device[0]) != CPU:
            raise TypeError(f"a tensor on the CPU is needed, got one on DLPack device {tuple(map(int, device))}: "
                            "copy it to the CPU")
        self._capsule = tensor.__dlpack__()
        place = id(self._capsule)
        if not _is_valid(place, _NAME):
            raise TypeError(f"{type(tensor).__name__}.__dlpack__() gave no capsule named dltensor")
        view = ctypes.cast(_pointer(place, _NAME), POINTER(_Managed)).contents.tensor
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
