"""HDF5 weights files of Keras -> arrays by key, with h5py (extra `keras`).

A key is `LAYER/vars/INDEX`, or `LAYER/.../NAME` for a weight of a layer within a layer.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from math import prod
from struct import unpack_from
from typing import Any

from convcli.core.dtypes import REAL_KINDS
from convcli.core.errors import ConvcliError
from convcli.core.extras import import_extra
from convcli.core.lazy_imports import Array, np
from convcli.io import bfloat16, zip_archive
from convcli.io.stored_array import StoredArray

MAGIC = b"\x89HDF\r\n\x1a\n"
GLOBAL_HEAP = b"GCOL\x01\0\0\0"  # begins a collection of texts of variable length
HEAP_HEADER_BYTES = ENTRY_HEADER_BYTES = 16
MAX_VALUE_BYTES = 8
DEEPEST = 100  # names of a path; Keras writes two for each model within a model, and a few more


def attributes(content: bytes, names: Iterable[str]) -> dict[str, str]:
    """Return those of the named attributes of a file's root that are there, as texts. Raises `ConvcliError`."""
    from convcli.core.child_process import survives_in_child

    h5py = import_extra("h5py", "keras")
    _check_heaps(content)

    def read() -> dict[str, str]:
        root = h5py.File(io.BytesIO(content), "r")
        return {name: _text(root.attrs[name]) for name in names if name in root.attrs}

    if not survives_in_child(read):
        raise _crashes()
    try:
        return read()
    except Exception as error:  # h5py raises many kinds
        raise _broken(error) from None


def decode(content: bytes) -> Iterator[tuple[str, StoredArray]]:
    """Yield each key and its array, which is not read yet. Raises `ConvcliError`."""
    from convcli.core.child_process import survives_in_child

    h5py = import_extra("h5py", "keras")
    _check_heaps(content)
    if not survives_in_child(lambda: _read_all(h5py, content)):
        raise _crashes()
    yield from _arrays(h5py, content)


def _read_all(h5py: Any, content: bytes) -> None:
    """Read every array, except those whose header claims far more than the file can hold."""
    for _, array in _arrays(h5py, content):
        if MAX_VALUE_BYTES * prod(array.shape) <= zip_archive.max_uncompressed_size(content):
            array.read()


def _check_heaps(content: bytes) -> None:
    """Raise `ConvcliError` for a text of size 0 in a global heap, at which the HDF5 library would loop for ever."""
    start = content.find(GLOBAL_HEAP)
    while start >= 0:
        (extent,) = unpack_from("<Q", content[start + 8 : start + HEAP_HEADER_BYTES].ljust(8, b"\0"))
        offset, end = start + HEAP_HEADER_BYTES, min(start + extent, len(content))
        while offset + ENTRY_HEADER_BYTES <= end:
            index, size = unpack_from("<H6xQ", content, offset)
            step = ENTRY_HEADER_BYTES + -(-size // 8) * 8 if index else size  # index 0: free space, header included
            if step == 0:
                raise ConvcliError("broken HDF5 file: an entry of size 0 in its global heap")
            offset += step
        start = content.find(GLOBAL_HEAP, start + 1)


def _arrays(h5py: Any, content: bytes) -> Iterator[tuple[str, StoredArray]]:
    try:
        root = h5py.File(io.BytesIO(content), "r")
        root = root.get("model_weights", root)  # a whole model of Keras 2 has its weights there
        datasets: dict[str, Any] = {}

        def collect(path: str, item: Any) -> str | None:
            if isinstance(item, h5py.Dataset):
                datasets[path] = item
            return (
                path if path.count("/") >= DEEPEST else None
            )  # a path ends the visit: each is looked up from the root

        # The visit does not follow links: they may lead out of the file.
        if root.visititems(collect):
            raise ConvcliError(f"groups are nested more than {DEEPEST} deep", "a file that Keras writes")
        paths = _keras2_paths(root) if _text_list(root, "layer_names") else _keras3_paths(datasets)
        for key, path in paths:
            yield key, _stored_array(key, datasets[path])
    except ConvcliError:
        raise
    except Exception as error:  # h5py raises many kinds
        raise _broken(error) from None


def _keras3_paths(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the key and the path of each weight, such as `layers/conv2d/vars/0`.

    Left out is what belongs to no layer: the optimizer's variables and the states of random generators.
    """
    for path in paths:
        key = path.replace("_layer_checkpoint_dependencies", "layers")  # the first files of the format have this name
        if key.startswith("layers/") and "/seed_generator" not in key:
            yield key, path


def _keras2_paths(root: Any) -> Iterator[tuple[str, str]]:
    """Yield the key and the path of each weight, by the lists of names that each layer's group holds.

    The group of a nested model lists the weights of its layers, `LAYER/NAME`.
    """
    for layer in _text_list(root, "layer_names"):
        names = _text_list(root[layer], "weight_names")
        is_plain = all("/" not in name or name.rsplit("/", 1)[0] == layer for name in names)
        for index, name in enumerate(names):
            key = f"{layer}/vars/{index}" if is_plain else f"{layer}/{name.removesuffix(':0')}"
            yield key, f"{layer}/{name}"


def _text_list(group: Any, attribute: str) -> list[str]:
    """Return a list of texts; Keras splits one that HDF5 cannot hold: `weight_names0`, `weight_names1`, …"""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [_text(text) for part in parts for text in part]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _stored_array(key: str, dataset: Any) -> StoredArray:
    if dataset.external or dataset.is_virtual:
        raise ConvcliError(f"{key} is stored in another file", "arrays in the file itself")
    is_bfloat16 = dataset.attrs.get("dtype") == bfloat16.NAME
    if (
        dataset.shape is None
        or dataset.dtype.kind not in REAL_KINDS
        or (is_bfloat16 and dataset.dtype.itemsize != np.dtype(bfloat16.BITS_DTYPE).itemsize)
    ):
        raise ConvcliError(f"{key}: {dataset.dtype} values", "real numbers")

    def read() -> Array:
        try:
            values = dataset[()]
        except Exception as error:
            raise _broken(error) from None
        return bfloat16.widen(np.asarray(values).view(bfloat16.BITS_DTYPE)) if is_bfloat16 else values

    return StoredArray(dataset.shape, read)


def _crashes() -> ConvcliError:
    return ConvcliError("broken HDF5 file: the library that reads it crashes or does not end")


def _broken(error: Exception) -> ConvcliError:
    return ConvcliError(f"broken HDF5 file: {' '.join(str(error).split())}")
