"""Tensors that go in and come out: numpy, torch and plain Python, without a copy."""

from __future__ import annotations

import ctypes
import sys
from array import array
from ctypes import POINTER, Structure, c_char_p, c_int, c_ssize_t, c_void_p, py_object
from typing import Any, Iterable, Optional, Sequence, Union

from . import _dlpack

# Bytes and the struct module's letter; F16 has one too, BF16 none.
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1}
_LETTERS = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I8": "b", "U8": "B"}
_BY_FORMAT = {letter: dtype for dtype, letter in _LETTERS.items()}
_BY_FORMAT["l"] = "I64" if ctypes.sizeof(ctypes.c_long) == 8 else "I32"
_BY_FORMAT["c"] = "U8"


def count_of(shape: Iterable[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


class Tensor:
    """A row-major tensor in memory of its own.

    `numpy.asarray(t)`, `numpy.from_dlpack(t)`, `torch.from_dlpack(t)` and `memoryview(t.data)`
    look at the same memory; `tolist()` copies it into lists.
    """

    def __init__(self, shape: Sequence[int], dtype: str = "F32") -> None:
        self.shape = tuple(int(size) for size in shape)
        self.dtype = dtype
        self.nbytes = count_of(self.shape) * _SIZES[dtype]
        _dlpack.sweep()
        # Never empty: a pointer to nothing has no address.
        self._memory = (ctypes.c_char * max(1, self.nbytes))()
        self.address = ctypes.addressof(self._memory)

    @property
    def data(self) -> memoryview:
        """The elements, in this shape; of BF16 its bytes."""
        flat = memoryview(self._memory).cast("B")[: self.nbytes]
        letter = _LETTERS.get(self.dtype)
        if letter is None or 0 in self.shape:
            return flat
        return flat.cast(letter, self.shape) if self.shape else flat.cast(letter)

    def tolist(self) -> Any:
        if self.dtype not in _LETTERS:
            raise TypeError(f"Python has no numbers of type {self.dtype}: read them by DLPack")
        if 0 not in self.shape:
            return self.data.tolist() if self.shape else self.data[0]

        def empty(shape: tuple[int, ...]) -> list[Any]:
            return [empty(shape[1:]) for _ in range(shape[0])] if shape else []

        return empty(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without dimensions has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, {list(self.shape)})"

    @property
    def __array_interface__(self) -> dict[str, Any]:
        if self.dtype not in _LETTERS:
            raise AttributeError(f"numpy has no type {self.dtype}")
        kind = {"F": "f", "I": "i", "U": "u"}[self.dtype[0]]
        order = "<" if sys.byteorder == "little" else ">"
        size = _SIZES[self.dtype]
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": f"{'|' if size == 1 else order}{kind}{size}",
            "data": (self.address, False),
        }

    def __dlpack__(self, *, stream: Any = None, max_version: Optional[tuple[int, int]] = None,
                   dl_device: Optional[tuple[int, int]] = None, copy: Optional[bool] = None) -> Any:
        if stream is not None:
            raise TypeError("a tensor on the CPU has no stream")
        if dl_device is not None and tuple(map(int, dl_device)) != self.__dlpack_device__():
            raise BufferError(f"a tensor on the CPU is not on DLPack device {tuple(map(int, dl_device))}")
        lent = self
        if copy:
            lent = Tensor(self.shape, self.dtype)
            ctypes.memmove(lent.address, self.address, self.nbytes)
        versioned = max_version is not None and max_version[0] >= 1
        return _dlpack.lend(lent, lent.address, lent.dtype, lent.shape, versioned, bool(copy))

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_dlpack.CPU, 0)


class _Buffer(Structure):
    _fields_ = [
        ("buf", c_void_p), ("obj", c_void_p), ("len", c_ssize_t), ("itemsize", c_ssize_t),
        ("readonly", c_int), ("ndim", c_int), ("format", c_char_p), ("shape", POINTER(c_ssize_t)),
        ("strides", POINTER(c_ssize_t)), ("suboffsets", POINTER(c_ssize_t)), ("internal", c_void_p)]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes, _get_buffer.restype = [py_object, POINTER(_Buffer), c_int], c_int
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes, _release.restype = [POINTER(_Buffer)], None
_C_CONTIGUOUS_WITH_FORMAT = 0x0004 | 0x0008 | 0x0010 | 0x0020


class BufferView:
    """Memory of an object with the buffer protocol, read-only or not."""

    def __init__(self, source: Any) -> None:
        self._buffer = _Buffer()
        self._held = False
        view = memoryview(source)
        if not view.c_contiguous:
            raise TypeError(f"a row-major tensor without gaps is needed, got one of shape {view.shape} "
                            "with other strides: make it contiguous")
        letter = view.format.lstrip("@=<" if sys.byteorder == "little" else "@=>")
        if letter not in _BY_FORMAT or _SIZES[_BY_FORMAT[letter]] != view.itemsize:
            raise TypeError(f"a tensor of format {view.format!r} is not known here")
        self.dtype = _BY_FORMAT[letter]
        self.shape = tuple(view.shape)
        self.nbytes = view.nbytes
        self.readonly = view.readonly
        _get_buffer(view, ctypes.byref(self._buffer), _C_CONTIGUOUS_WITH_FORMAT)
        self._held = True
        self.address = self._buffer.buf or 0

    def __del__(self) -> None:
        if self._held:
            _release(ctypes.byref(self._buffer))


View = Union[Tensor, BufferView, _dlpack.Borrowed]


def view_of(value: Any) -> View:
    """The memory of a tensor of any library; TypeError if it is none on the CPU."""
    if isinstance(value, Tensor):
        return value
    # Before DLPack: numpy lends read-only arrays by this way only.
    try:
        memoryview(value)
    except TypeError:
        pass
    else:
        return BufferView(value)
    if hasattr(value, "__dlpack__"):
        return _dlpack.Borrowed(value)
    if isinstance(value, (list, tuple)):
        return BufferView(array("f", value))
    raise TypeError(f"a tensor is needed (numpy, torch, a buffer or a list of numbers), "
                    f"got {type(value).__name__}")


def exact_view(value: Any, what: str, dtype: str, shape: Sequence[int], writable: bool = False) -> View:
    """As view_of, of exactly this type and shape (or of as many elements in one row)."""
    if writable and isinstance(value, (list, tuple)):
        raise TypeError(f"{what} must be a tensor that is written to, got {type(value).__name__}")
    view = view_of(value)
    if writable and getattr(view, "readonly", False):
        raise ValueError(f"{what} must be writable, got a read-only {type(value).__name__}")
    wanted = tuple(shape)
    if view.dtype != dtype or view.shape not in (wanted, (count_of(wanted),)):
        raise ValueError(f"{what} must be {dtype} {list(wanted)}, got {view.dtype} {list(view.shape)}")
    return view


class Tokens:
    """Token ids as the library takes them; `int32` tensors are not copied."""

    def __init__(self, ids: Any) -> None:
        self._kept: Any = None
        view = None if isinstance(ids, (list, tuple, range)) else self._view(ids)
        if view is not None and view.dtype == "I32":
            self._kept, self.count = view, count_of(view.shape)
            self.pointer = ctypes.cast(view.address, POINTER(ctypes.c_int32))
            return
        values = ids if view is None else self._numbers(view)
        try:
            self._kept = array("i", values)
        except OverflowError:
            raise ValueError("a token id does not fit 32 bits") from None
        self.count = len(self._kept)
        self.pointer = ctypes.cast(self._kept.buffer_info()[0], POINTER(ctypes.c_int32))

    @staticmethod
    def _view(ids: Any) -> Optional[View]:
        if isinstance(ids, (bytes, bytearray, str)):
            raise TypeError(f"token ids are needed, got {type(ids).__name__}: encode the text")
        try:
            view = view_of(ids)
        except TypeError:
            if hasattr(ids, "__dlpack__") or not isinstance(ids, Iterable):
                raise
            return None
        if view.dtype not in ("I32", "I64") or len(view.shape) != 1:
            raise ValueError(f"token ids must be a row of I32 or I64, got {view.dtype} {list(view.shape)}")
        return view

    @staticmethod
    def _numbers(view: View) -> Iterable[int]:
        memory = (ctypes.c_int64 * count_of(view.shape)).from_address(view.address) if view.nbytes else ()
        return list(memory)
