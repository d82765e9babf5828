"""Weights files -> arrays by key: NPZ, Keras's `.weights.h5`, `.h5` and `.keras`, `.safetensors`, PyTorch's `.pth`."""

from __future__ import annotations

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.io import arrays, hdf5, keras_archive, safetensors
from convcli.io.files import display_name, read_bytes, suffix
from convcli.io.stored_array import StoredArray


def load(name: str) -> dict[str, Array | StoredArray]:
    """Return the arrays of a weights file by key. Raises `ConvcliError`, naming the file."""
    with located(display_name(name)):
        return decode(read_bytes(name), suffix(name))


def decode(content: bytes, suffix: str = "") -> dict[str, Array | StoredArray]:
    """Return the arrays that the bytes of a weights file hold, by key. Raises `ConvcliError`.

    The content tells the format; only safetensors is told by the suffix. Arrays in HDF5 and PyTorch's files are not
    read yet, so that their shapes can be checked first.
    """
    if content.startswith(hdf5.MAGIC):
        return dict(hdf5.decode(content))
    if keras_archive.is_keras_archive(content):
        return decode(keras_archive.read_member(content, keras_archive.WEIGHTS))
    from convcli.io import torch_files  # imported only where there is a file of weights

    if torch_files.is_checkpoint(content):
        from convcli.io import torch_checkpoint

        return dict(torch_checkpoint.decode(content))
    if suffix == ".safetensors":
        return dict(safetensors.decode(content))
    decoded = arrays.decode(content, suffix)
    if not isinstance(decoded, dict):
        raise ConvcliError("holds a single array without a name", "an .npz file")
    return {key.removesuffix(":0"): array for key, array in decoded.items()}  # Keras 2 ends names with :0
