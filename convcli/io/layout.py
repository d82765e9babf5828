"""Number type and layout: any array of real numbers <-> `(batch, *spatial, channels)` of a float type."""

from __future__ import annotations

from typing import Any

from convcli.core.dtypes import MAX_EXACT_INTEGER, REAL_KINDS
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import DataFormat, format_shape

COMPUTE_DTYPES = ("float32", "float64")


def check_dtype(dtype: str | None) -> None:
    """Raise `ConvcliError` for a type that nothing is computed in; None leaves it to the array."""
    if dtype is not None and dtype not in COMPUTE_DTYPES:
        raise ConvcliError(f"dtype {dtype!r}", " or ".join(COMPUTE_DTYPES))


def compute_dtype(given: np.dtype[Any], dtype: str | None = None) -> np.dtype[Any]:
    """The type that numbers are computed in: float32 for float32 and float16, else float64, or the one asked for.

    Raises `ConvcliError` for anything but real numbers.
    """
    if given.kind not in REAL_KINDS:
        raise ConvcliError(f"{given} values", "real numbers")
    check_dtype(dtype)
    return np.dtype(dtype or ("float32" if given.kind == "f" and given.itemsize <= 4 else "float64"))


def to_float(array: Array, dtype: str | None = None) -> Array:
    """The array in the type that it is computed in.

    Raises `ConvcliError` for anything but real numbers, and for whole numbers that float64 would round.
    """
    target = compute_dtype(array.dtype, dtype)
    result = np.ascontiguousarray(array, target) if array.ndim else array.astype(target)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and target.itemsize == 8 and array.size:
        for most in (int(array.min()), int(array.max())):
            if abs(most) > MAX_EXACT_INTEGER:
                raise ConvcliError(f"float64 does not hold the whole number {most} exactly", "float64 values")
    return result


def to_batch(array: Array, rank: int | None, data_format: DataFormat) -> Array:
    """An array of a model with `rank` spatial axes -> `(batch, *spatial, channels)`.

    Rank: one sample of one channel; one more: channels too; two more: batch too. With rank None it counts as whole.
    """
    if rank is None:
        if array.ndim < 2:
            raise ConvcliError(
                f"shape {format_shape(array.shape)} has no batch and channel axis",
                "(batch, ..., channels), at least rank 2",
            )
    elif not max(rank, 1) <= array.ndim <= rank + 2:
        raise ConvcliError(
            f"shape {format_shape(array.shape)} has rank {array.ndim}",
            f"rank {rank}: one sample of one channel, {rank + 1}: with channels, {rank + 2}: with a batch too",
        )
    elif array.ndim == rank:
        return array[None, ..., None]
    elif array.ndim == rank + 1:
        array = array[None]
    if data_format is DataFormat.CHANNELS_FIRST and array.ndim > 2:
        return np.moveaxis(array, 1, -1)
    return array


def from_batch(array: Array, data_format: DataFormat) -> Array:
    """`(batch, *spatial, channels)` -> the same in the given data format."""
    if data_format is DataFormat.CHANNELS_FIRST and array.ndim > 2:
        return np.moveaxis(array, -1, 1)
    return array
