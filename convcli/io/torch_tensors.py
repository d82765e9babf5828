"""The tensors of PyTorch's pickles: checked views of storages, and the names that such a pickle may use.

Each view is checked against its storage before an array is made. Source: PyTorch's `torch/_utils.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from math import prod
from typing import Any, Literal, TypeAlias

from convcli.core import memory
from convcli.core.errors import ConvcliError, shortened
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io import bfloat16
from convcli.io.inert_pickle import Name, Unpickler, pairs_to_dict
from convcli.io.stored_array import StoredArray

REMEDY = "torch.save(model.state_dict(), FILE)"
MAX_AXES = 32
ByteOrder: TypeAlias = Literal["<", ">"]
BFLOAT16 = bfloat16.NAME  # its bits are read as whole numbers, then widened
DTYPES = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    BFLOAT16: "u2",
    **{f"{sign}int{bits}": f"{sign or 'i'}{bits // 8}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "bool": "?",
}
STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}


class StoredTensor(StoredArray):
    """A tensor of a file: a view of a storage that is not read yet; `dtype` is PyTorch's name."""

    dtype: str


class Dtype(Record):
    """A dtype by PyTorch's name."""

    name: str


class Storage(Record):
    """The raw values that tensors are views of.

    `dtype` is PyTorch's name, None where each tensor tells it. `count` is the number of values (bytes without a
    dtype); `read` returns the bytes, and `byte_count` their number once it is known.
    """

    dtype: str | None
    key: str
    count: int
    read: Callable[[], bytes]
    byte_count: Callable[[], int]
    byte_order: ByteOrder

    def claimed_bytes(self) -> int:
        """Return the size that the pickle claims; the record itself may have another."""
        return self.count * np.dtype(DTYPES[self.dtype or "uint8"]).itemsize


def unpickler(stream: BytesIO, storage: Callable[[str, str | None, int], Storage | None]) -> Unpickler:
    """Return an unpickler of PyTorch's objects; `storage` makes a storage of its key, dtype and number of values."""

    def persistent(identifier: Any) -> Storage | None:
        if type(identifier) is not tuple or len(identifier) < 5 or identifier[0] != "storage":
            kind = identifier[0] if type(identifier) is tuple and identifier else identifier
            raise ConvcliError(
                "is a whole module, which is code" if kind == "module" else "a pickle with an unknown kind of record",
                REMEDY,
            )
        _, kind, key, _, count = identifier[:5]
        if type(kind) is not Dtype or type(key) is not str or type(count) is not int or count < 0:
            raise ConvcliError("a storage whose description is damaged")
        if len(identifier) > 5 and identifier[5] is not None:
            raise ConvcliError("a storage that is a view of another, as PyTorch 0.3 wrote", REMEDY)
        if kind.name and kind.name not in DTYPES:
            raise _no_such_dtype(kind.name)
        return storage(key, kind.name or None, count)

    return Unpickler(stream, _find, persistent)


def _find(name: str) -> Any:
    if name not in NAMES:
        raise ConvcliError(f"holds a {shortened(name)}, whose code is not run", REMEDY)
    return NAMES[name]


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> StoredTensor:
    """Return a tensor as a checked view of its storage."""
    if type(storage) is not Storage or storage.dtype is None:
        raise ConvcliError("a tensor without a storage that has a dtype")
    return _view(storage, storage.dtype, offset, shape, strides)


def _rebuild_with_dtype(
    storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any
) -> StoredTensor:
    """Return a tensor of a dtype that PyTorch has no type of storage for."""
    if type(storage) is not Storage or type(dtype) is not Dtype:
        raise ConvcliError("a tensor without a storage and a dtype")
    return _view(storage, dtype.name, offset, shape, strides)


def _rebuild_from_type(function: Any, _type: Any, arguments: Any, *_: Any) -> Any:
    """Return a tensor that has attributes, or a subclass of Tensor."""
    if type(function) is not Name or type(arguments) is not tuple:
        raise ConvcliError("a tensor that is made by what is not a function")
    return function.call(*arguments)


def _view(storage: Storage, dtype: str, offset: Any, shape: Any, strides: Any) -> StoredTensor:
    if dtype not in DTYPES:
        raise _no_such_dtype(dtype)
    numbers = (offset, *shape, *strides) if type(shape) is type(strides) is tuple else (None,)
    if any(type(number) is not int or number < 0 for number in numbers) or len(shape) != len(strides):
        raise ConvcliError("a tensor whose shape, strides or offset are not whole numbers of at least 0")
    if len(shape) > MAX_AXES:
        raise ConvcliError(f"a tensor of {len(shape)} axes", f"at most {MAX_AXES}")
    memory.check_array_size(prod(shape))
    itemsize = np.dtype(DTYPES[dtype]).itemsize
    end = offset + 1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
    if prod(shape) and end * itemsize > storage.claimed_bytes():
        raise ConvcliError(f"a tensor that ends at value {end:,} of a storage of {storage.count:,}")

    def read() -> Array:
        if storage.byte_count() < storage.claimed_bytes():
            raise ConvcliError(f"its storage has {storage.byte_count():,} bytes", f"{storage.claimed_bytes():,}")
        if not prod(shape):
            return np.empty(shape, DTYPES[dtype])
        memory.require(2 * prod(shape) * max(itemsize, 4), "a smaller model")
        stored_dtype = np.dtype(DTYPES[dtype]).newbyteorder(storage.byte_order)
        byte_strides = tuple(stride * itemsize for stride in strides)
        values: Array = np.ndarray(shape, stored_dtype, storage.read(), offset * itemsize, byte_strides)
        return bfloat16.widen(values) if dtype == BFLOAT16 else values

    return StoredTensor(shape, read, dtype)


def _no_such_dtype(name: str) -> ConvcliError:
    return ConvcliError(f"{name} values", f"one of {', '.join(DTYPES)}")


def _refused(problem: str) -> Name:
    def refuse(*_: Any) -> Any:
        raise ConvcliError(problem, "dense tensors of floats or integers")

    return Name(problem, refuse)


def _names() -> Mapping[str, Any]:
    """Return the allow-list: all that a state dict names."""
    tensor = Name("Tensor", _rebuild)
    names: dict[str, Any] = {
        "collections.OrderedDict": Name("OrderedDict", pairs_to_dict),
        "torch.Size": Name("Size", tuple),
        "torch.device": Name("device", lambda *_: None),
        "torch.Tensor": tensor,
        "torch.nn.parameter.Parameter": tensor,
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor_v3": Name("Tensor", _rebuild_with_dtype),
        "torch._utils._rebuild_parameter": Name("Parameter", lambda data, *_: data),
        "torch._utils._rebuild_parameter_with_state": Name("Parameter", lambda data, *_: data),
        "torch._tensor._rebuild_from_type_v2": Name("Tensor", _rebuild_from_type),
        "torch._utils._rebuild_qtensor": _refused("a quantised tensor"),
        "torch._utils._rebuild_sparse_tensor": _refused("a sparse tensor"),
        "torch.serialization._get_layout": _refused("a sparse tensor"),
    }
    for storage, dtype in STORAGES.items():
        names[f"torch.{storage}Storage"] = names[f"torch.cuda.{storage}Storage"] = Dtype(dtype)
    names["torch.storage.UntypedStorage"] = Dtype("")
    others = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    for dtype in (*DTYPES, *others, "complex32", "complex64", "complex128"):
        names[f"torch.{dtype}"] = Dtype(dtype)
    for kind, dtype in (("ComplexFloat", "complex64"), ("ComplexDouble", "complex128")):
        names[f"torch.{kind}Storage"] = Dtype(dtype)
    return names


NAMES = _names()
