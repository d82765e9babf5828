"""Weights files -> arrays by key: NPZ, Keras's `.weights.h5`, `.h5` and `.keras`, and `.safetensors`.

The format is told by the content. An array is read when it is asked for, once its shape is known to be the right one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from math import prod
from struct import unpack_from
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.sandbox import survives
from convcli.core.shapes import product
from convcli.io import arrays, zip_archive
from convcli.io.files import display_name, read_bytes, suffix

HEAP = b"GCOL\x01\0\0\0"  # where an HDF5 file has texts of any length
HDF5 = b"\x89HDF\r\n\x1a\n"
KERAS = ".keras archive"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"  # what a `.keras` archive holds
MOST_CONFIG = 1 << 25  # the largest of Keras's own models have a hundredth of that
BFLOAT16 = "bfloat16"
SAFETENSORS = {
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    "BOOL": "?",
    "BF16": BFLOAT16,
}


class Held(Record):
    """An array that is still in its file."""

    shape: tuple[int, ...]
    read: Callable[[], Array]


def load(name: str) -> dict[str, Array | Held]:
    """The arrays of a weights file by key. Raises `ConvcliError`, naming the file."""
    with located(display_name(name)):
        return read(read_bytes(name), suffix(name))


def read(content: bytes, ending: str = "") -> dict[str, Array | Held]:
    """The same for the bytes of one; the suffix only settles what the content leaves open."""
    if content.startswith(HDF5):
        return dict(_hdf5(content))
    if is_archive(content):
        return read(member(content, WEIGHTS))
    if ending == ".safetensors":
        return dict(_safetensors(content))
    found = arrays.read(content, ending)
    if not isinstance(found, dict):
        raise ConvcliError("holds a single array without a name", "an .npz file")
    return {key.removesuffix(":0"): array for key, array in found.items()}  # as Keras 2 ends its names


def _extra(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise ConvcliError(f"needs {module}", f"pip install 'convcli[{extra}]'") from None


# ---- .keras ----


def is_archive(content: bytes) -> bool:
    """Whether the bytes are a `.keras` archive."""
    if not zip_archive.is_zip(content):
        return False
    try:
        return CONFIG in zip_archive.names(content, KERAS)
    except ConvcliError:  # the reader of arrays will say what is wrong
        return False


def member(content: bytes, name: str) -> bytes:
    """A file in a `.keras` archive. Raises `ConvcliError`."""
    found = zip_archive.read(content, KERAS, only=name, most=MOST_CONFIG if name == CONFIG else None)
    if name not in found:
        raise ConvcliError(f"the archive holds no {name}", "what model.save writes")
    return found[name]


# ---- HDF5 ----


def _hdf5(content: bytes) -> Iterator[tuple[str, Held]]:
    h5py = _extra("h5py", "keras")
    _check_heaps(content)
    if not survives(lambda: _read_all(h5py, content)):
        raise ConvcliError("broken HDF5 file: the library that reads it comes to no end, or to a bad one")
    yield from _arrays(h5py, content)


def _read_all(h5py: Any, content: bytes) -> None:
    """Read what there is, but for arrays that are said to be far larger than the file."""
    for _, each in _arrays(h5py, content):
        if 8 * prod(each.shape) <= zip_archive.bound(content):
            each.read()


def _arrays(h5py: Any, content: bytes) -> Iterator[tuple[str, Held]]:
    try:
        root = h5py.File(io.BytesIO(content), "r")
        root = root.get("model_weights", root)  # the weights in a whole model of Keras 2
        found: dict[str, Any] = {}
        # Links are not followed: they may lead out of the file.
        root.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        named = _by_layer(root) if _names(root, "layer_names") else _by_place(found)
        for key, path in named:
            yield key, _dataset(key, found[path])
    except ConvcliError:
        raise
    except Exception as error:  # h5py has many
        raise ConvcliError(f"broken HDF5 file: {' '.join(str(error).split())}") from None


def _check_heaps(content: bytes) -> None:
    """Raise `ConvcliError` for a list of texts in which the HDF5 library would step by nothing, for ever."""
    start = content.find(HEAP)
    while start >= 0:
        (extent,) = unpack_from("<Q", content[start + 8 : start + 16].ljust(8, b"\0"))
        place, end = start + 16, min(start + extent, len(content))
        while place + 16 <= end:
            number, size = unpack_from("<H6xQ", content, place)
            step = 16 + -(-size // 8) * 8 if number else size
            if step == 0:
                raise ConvcliError("broken HDF5 file: an entry of no size in its global heap")
            place += step
        start = content.find(HEAP, start + 1)


def _by_place(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keras 3: `layers/conv2d/vars/0`. What else is saved, of the optimizer or random states, is not a layer's."""
    for path in found:
        key = path.replace("_layer_checkpoint_dependencies", "layers")  # as the first files of the format have it
        if key.startswith("layers/") and "/seed_generator" not in key:
            yield key, path


def _by_layer(root: Any) -> Iterator[tuple[str, str]]:
    """Keras 2: groups by layer, each with the names of its arrays in order; within a nested model, also its layers."""
    for layer in _names(root, "layer_names"):
        names = _names(root[layer], "weight_names")
        own = all("/" not in name or name.rsplit("/", 1)[0] == layer for name in names)
        for place, name in enumerate(names):
            yield f"{layer}/vars/{place}" if own else f"{layer}/{name.removesuffix(':0')}", f"{layer}/{name}"


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; one too long for HDF5 is split: `weight_names0`, `weight_names1`, …"""
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [_text(each) for part in parts for each in part]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _dataset(key: str, dataset: Any) -> Held:
    if dataset.external or dataset.is_virtual:
        raise ConvcliError(f"{key} is kept in another file", "arrays in the file itself")
    brain = dataset.attrs.get("dtype") == BFLOAT16
    if dataset.shape is None or dataset.dtype.kind not in arrays.REAL or (brain and dataset.dtype.itemsize != 2):
        raise ConvcliError(f"{key}: {dataset.dtype} values", "real numbers")

    def array() -> Array:
        try:
            values = dataset[()]
        except Exception as error:
            raise ConvcliError(f"broken HDF5 file: {' '.join(str(error).split())}") from None
        return _widened(np.asarray(values).view("<u2")) if brain else values

    return Held(dataset.shape, array)


def _widened(bits: Array) -> Array:
    """The numbers whose bfloat16 bits these are, as float32, of which they are the upper half."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


# ---- safetensors ----


def _safetensors(content: bytes) -> Iterator[tuple[str, Array]]:
    library = _extra("safetensors", "safetensors")
    try:
        tensors = library.deserialize(content)
    except Exception as error:
        raise ConvcliError(f"broken safetensors file: {error}") from None
    for name, tensor in tensors:
        with located(name):
            kind = SAFETENSORS.get(tensor["dtype"])
            if kind is None:
                raise ConvcliError(f"{tensor['dtype']} values", f"one of {', '.join(SAFETENSORS)}")
            flat = np.frombuffer(bytes(tensor["data"]), "<u2" if kind == BFLOAT16 else kind)
            if product(tensor["shape"]) != flat.size:
                raise ConvcliError(f"{flat.size} values for shape {tensor['shape']}")
            yield name, (_widened(flat) if kind == BFLOAT16 else flat).reshape(tensor["shape"])
