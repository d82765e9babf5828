"""From any array of real numbers to `(batch, *spatial, channels)` in a float type, and back."""

from __future__ import annotations

from typing import Any

from convcli.core.dtypes import COMPUTE_DTYPES, MAX_EXACT_INTEGER, REAL_KINDS
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import DataFormat, format_shape


def check_dtype(dtype: str | None) -> None:
    """Raise `ConvcliError` for a dtype that nothing is computed in; None leaves the choice to the array."""
    if dtype is not None and dtype not in COMPUTE_DTYPES:
        raise ConvcliError(f"dtype {dtype!r}", " or ".join(COMPUTE_DTYPES))


def compute_dtype(stored: np.dtype[Any], requested: str | None = None) -> np.dtype[Any]:
    """Return the dtype that an array stored as `stored` is computed in.

    It is the requested one; by default float32 for float32 and float16, and float64 for all other real numbers.
    Raises `ConvcliError` for anything but real numbers.
    """
    if stored.kind not in REAL_KINDS:
        raise ConvcliError(f"{stored} values", "real numbers")
    check_dtype(requested)
    return np.dtype(requested or ("float32" if stored.kind == "f" and stored.itemsize <= 4 else "float64"))


def to_float(array: Array, dtype: str | None = None) -> Array:
    """Return the array in its `compute_dtype`, in C order; without a copy where that is how it is.

    Raises `ConvcliError` for anything but real numbers, and for whole numbers that float64 would round.
    """
    target = compute_dtype(array.dtype, dtype)
    result = np.ascontiguousarray(array, target) if array.ndim else array.astype(target)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and target.itemsize == 8 and array.size:
        for extreme in (int(array.min()), int(array.max())):
            if abs(extreme) > MAX_EXACT_INTEGER:
                raise ConvcliError(f"float64 does not hold the whole number {extreme} exactly", "float64 values")
    return result


def to_batch(array: Array, rank: int | None, data_format: DataFormat) -> Array:
    """Return the array as `(batch, *spatial, channels)`, for a model with `rank` spatial axes.

    An array of `rank` axes is one sample of one channel; one more axis is the channels; two more are batch and
    channels. With rank None the array has all its axes. Raises `ConvcliError` for any other number of axes.
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
    """Return `(batch, *spatial, channels)` in the data format."""
    if data_format is DataFormat.CHANNELS_FIRST and array.ndim > 2:
        return np.moveaxis(array, -1, 1)
    return array
