"""PyTorch's `.pth` and `.pt` files -> arrays by name, without PyTorch: the zip format, and the older stream.

A state dict is a pickle of names and views, with raw storages beside it. Source: PyTorch's `torch/serialization.py`.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

from convcli.core.errors import ConvcliError, Note, located, short_repr, shortened
from convcli.io import zip_archive
from convcli.io.torch_files import KIND, is_tar, pickle_name
from convcli.io.torch_tensors import REMEDY, ByteOrder, Storage, StoredTensor, unpickler

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # the first pickle of the stream format
PROTOCOL_VERSION = 1001  # the second
COUNT_BYTES = 8  # before the values of each storage in the stream format
NESTED = ("state_dict", "model_state_dict", "model")  # the keys under which training scripts keep a state dict
PARALLEL_PREFIX = "module."  # which `DataParallel` puts in front of every name


def decode(content: bytes) -> dict[str, StoredTensor]:
    """Return the tensors of a state dict by name, in its order; they are not read yet. Raises `ConvcliError`."""
    if is_tar(content):
        raise ConvcliError("is a tar file of an early PyTorch, which may hold code", REMEDY)
    value = _decode_zip(content) if zip_archive.is_zip(content) else _decode_stream(content)
    return _without_prefix(_tensors(value))


# ---- the two formats ----


def _decode_zip(content: bytes) -> Any:
    archive = zip_archive.Archive(content, KIND)
    names = archive.entries
    pickled = pickle_name(names)
    if pickled is None:
        raise ConvcliError("has no data.pkl", REMEDY)
    folder = pickled.removesuffix("data.pkl")
    if f"{folder}constants.pkl" in names or any(name.startswith(f"{folder}code/") for name in names):
        raise ConvcliError("is a TorchScript program, which is code", REMEDY)
    byte_order = _byte_order(archive.read(f"{folder}byteorder") if f"{folder}byteorder" in names else b"little")

    def storage(key: str, dtype: str | None, count: int) -> Storage:
        member = f"{folder}data/{key}"
        if member not in names:
            raise ConvcliError(f"no record {short_repr(member)}")
        return Storage(dtype, key, count, lambda: archive.read(member), lambda: archive.size(member), byte_order)

    return unpickler(BytesIO(archive.read(pickled)), storage).load()


def _decode_stream(content: bytes) -> Any:
    """Return the object of the stream format: five pickles, then each storage as its count and its raw values."""
    stream = BytesIO(content)
    records: dict[str, memoryview] = {}
    storages: dict[str, Storage] = {}
    header = unpickler(stream, lambda *_: None)
    with located("its first pickle"):
        magic = header.load()
    if magic != MAGIC_NUMBER:
        raise ConvcliError("is a pickle that torch.save did not write; pickles may hold code", REMEDY)
    if header.load() != PROTOCOL_VERSION:
        raise ConvcliError("another version of PyTorch's stream format", REMEDY)
    system = header.load()
    is_little = system.get("little_endian", True) if isinstance(system, dict) else True

    def storage(key: str, dtype: str | None, count: int) -> Storage:
        storages[key] = Storage(
            dtype, key, count, lambda: bytes(records[key]), lambda: len(records[key]), "<" if is_little else ">"
        )
        return storages[key]

    body = unpickler(stream, storage)
    value, keys = body.load(), body.load()
    start = stream.tell()
    for key in keys if isinstance(keys, list) else ():
        with located(f"storage {short_repr(key)}"):
            if key not in storages or key in records:
                raise ConvcliError("no tensor uses it" if key not in storages else "is there twice")
            start += COUNT_BYTES  # its number of values, which the pickle tells too
            end = start + storages[key].claimed_bytes()
            if end > len(content):
                raise ConvcliError(f"ends after {end:,} bytes of a file of {len(content):,}", "the whole file")
            records[key] = memoryview(content)[start:end]
            start = end
    missing = [key for key in storages if key not in records]
    if missing:
        raise ConvcliError(f"no values for storage {short_repr(missing[0])}")
    return value


def _byte_order(text: bytes) -> ByteOrder:
    orders: dict[bytes, ByteOrder] = {b"little": "<", b"big": ">"}
    if text not in orders:
        raise ConvcliError(f"byte order {short_repr(text)}", "little or big")
    return orders[text]


# ---- the state dict in what was pickled ----


def _tensors(value: Any) -> dict[str, StoredTensor]:
    """Return the tensors of a state dict, or of the one that a training script has put under a key."""
    if not isinstance(value, dict):
        kind = "single tensor" if isinstance(value, StoredTensor) else type(value).__name__
        raise ConvcliError(f"holds a {kind}, not tensors by name", REMEDY)
    key = next((key for key in NESTED if isinstance(value.get(key), dict)), None)
    if key is not None and not any(isinstance(tensor, StoredTensor) for tensor in value.values()):
        warnings.warn(f"the state dict under {key!r} is read", Note, stacklevel=2)
        value = value[key]
    tensors = {str(name): tensor for name, tensor in value.items() if isinstance(tensor, StoredTensor)}
    if not tensors:
        keys = ", ".join(shortened(str(key)) for key in list(value)[:6]) or "nothing"
        raise ConvcliError(f"holds no tensors by name, but {keys}", REMEDY)
    return tensors


def _without_prefix(tensors: dict[str, StoredTensor]) -> dict[str, StoredTensor]:
    if not all(name.startswith(PARALLEL_PREFIX) for name in tensors):
        return tensors
    warnings.warn(f"{PARALLEL_PREFIX!r} is left out of the names", Note, stacklevel=2)
    return {name.removeprefix(PARALLEL_PREFIX): tensor for name, tensor in tensors.items()}
