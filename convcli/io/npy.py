"""NPY and NPZ: bytes <-> arrays, and large NPY files as arrays of which only the parts in use are read."""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Mapping
from math import prod
from typing import Any

from convcli.core import memory
from convcli.core.dtypes import REAL_KINDS
from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import format_shape
from convcli.io import zip_archive

MAGIC = b"\x93NUMPY"
VERSIONS = ((1, 0), (2, 0), (3, 0))  # 3.0 differs from 2.0 only in the names of fields, which real numbers lack
MAX_AXES = 32  # every NumPy allows so many
MAX_HEADER_BYTES = 1 << 17  # NumPy refuses longer headers
MIN_MAPPED_BYTES = 1 << 26  # an NPY file of this size is mapped, not read whole
MIN_MAPPED_SHARE = 16  # so is a file that takes more than 1/16 of the available memory


class MappedArray(Record):
    """An array in an open NPY file, read where it is used.

    The file may be replaced meanwhile, but must not be cut short.
    """

    handle: int
    dtype: Any
    shape: tuple[int, ...]
    start: int  # offset of the values, in bytes
    is_fortran: bool

    def array(self) -> Array:
        """Return the array, mapped anew.

        The pages that are read count as memory of this process until the array is released.
        """
        with os.fdopen(os.dup(self.handle), "rb") as stream:
            return np.memmap(stream, self.dtype, "r", self.start, self.shape, "F" if self.is_fortran else "C")


def as_array(array: Array | MappedArray) -> Array:
    """Return the array itself where it is still in its file."""
    return array.array() if isinstance(array, MappedArray) else array


def map_large(name: str) -> MappedArray | None:
    """Return the array of a large NPY file; None for a smaller file, another format, or a file that cannot be read."""
    try:
        if not os.path.isfile(name) or not _is_large(os.path.getsize(name)):
            return None
        with open(name, "rb") as stream:
            content, size = stream.read(MAX_HEADER_BYTES), os.fstat(stream.fileno()).st_size
            if not content.startswith(MAGIC):
                return None
            shape, is_fortran, dtype, start = _parse_header(content, size)
            mapped = MappedArray(os.dup(stream.fileno()), dtype, shape, start, is_fortran)
    except OSError:
        return None  # the caller reads the file then, and reports the error
    weakref.finalize(mapped, os.close, mapped.handle)
    return mapped


def _is_large(size: int) -> bool:
    available = memory.available() if memory.NEGLIGIBLE < size < MIN_MAPPED_BYTES else None
    return size >= MIN_MAPPED_BYTES or (available is not None and MIN_MAPPED_SHARE * size > available)


def decode(content: bytes) -> Array:
    """Return the array of an NPY file. Raises `ConvcliError`."""
    shape, is_fortran, dtype, start = _parse_header(content, len(content))
    flat = np.frombuffer(content, dtype, prod(shape), start)
    try:
        return flat.reshape(shape, order="F" if is_fortran else "C")
    except ValueError as error:  # an extent that NumPy cannot count, beside an extent of 0
        raise ConvcliError(f"broken NPY header: {error}") from None


def _parse_header(content: bytes, size: int) -> tuple[tuple[int, ...], bool, Any, int]:
    """Return shape, Fortran order, dtype, and the offset of the values, of a file of `size` bytes.

    `content` is the beginning of the file. Raises `ConvcliError`.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in VERSIONS:
            raise ValueError(f"version {'.'.join(map(str, version))}")
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = header(stream)
    except Exception as error:  # on a damaged header NumPy passes on whatever Python's own parser raises
        raise ConvcliError(f"broken NPY header: {' '.join(str(error).split())}") from None
    if dtype.hasobject:
        raise ConvcliError("holds Python objects, which are never loaded", "an array of numbers")
    if dtype.kind not in REAL_KINDS:
        raise ConvcliError(f"{dtype} values", "real numbers")
    if len(shape) > MAX_AXES or any(type(extent) is not int or extent < 0 for extent in shape):
        raise ConvcliError(f"broken NPY header: shape {short_repr(shape)}")
    expected, actual = prod(shape) * dtype.itemsize, size - stream.tell()
    if actual != expected:
        raise ConvcliError(
            f"the header promises {expected} bytes ({dtype} of shape {format_shape(shape)}), {actual} follow"
        )
    return shape, is_fortran, dtype, stream.tell()


def decode_npz(content: bytes) -> dict[str, Array]:
    """Return the arrays of an NPZ file by name. Raises `ConvcliError`."""
    arrays: dict[str, Array] = {}
    for filename, member in zip_archive.extract(content, "NPZ archive").items():
        name = filename.removesuffix(".npy")
        with located(name):
            if name in arrays:
                raise ConvcliError("is there twice, with .npy and without", "a name for each")
            if not member.startswith(MAGIC):
                raise ConvcliError("is not an NPY array")
            arrays[name] = decode(member)
    return arrays


def encode_npz(arrays: Mapping[str, Array]) -> bytes:
    """Return an NPZ file that holds the arrays under their names."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # numpy.savez refuses an array named `file`
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return stream.getvalue()
