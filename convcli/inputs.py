"""What is done to an input array before a model has it: one channel made of its colours, its values scaled."""

from __future__ import annotations

from math import isfinite

from convcli import batches
from convcli._lazy import Array, np
from convcli.errors import ConvcliError
from convcli.geometry import DataFormat, shape_text
from convcli.records import Record

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


class Quotient(Record):
    """A factor as it is written: `1/255` divides by 255, which its nearest float would do less exactly."""

    above: float
    below: float = 1.0


def quotient(text: str) -> Quotient:
    """`0.5` or `1/255`. Raises `ConvcliError` for anything else."""
    above, slash, below = text.partition("/")
    try:
        if "_" in text:  # which Python allows in numbers
            raise ValueError
        found = Quotient(float(above), float(below) if slash else 1.0)
    except ValueError:
        found = Quotient(float("nan"))
    if not isfinite(found.above) or not isfinite(found.below) or found.below == 0:
        raise ConvcliError(f"{text!r} is not a factor", "a number or quotient, such as 1/255")
    return found


def scaled(array: Array, factor: Quotient) -> Array:
    """The array times a factor, in the type that it is computed in."""
    return batches.to_float(array) * factor.above / factor.below


def gray(array: Array, rank: int | None, data_format: DataFormat) -> Array:
    """The luma of an array's colours, not rounded, as its one channel; alpha is left out.

    `rank` is how many spatial axes it has: without more there is one channel already. With rank None it is whole. An
    array of a rank that the model does not take is left as it is, for what checks that.
    """
    if not (rank or 0) < array.ndim <= (array.ndim if rank is None else rank + 2):
        return array
    axis = array.ndim - 1
    if data_format is DataFormat.CHANNELS_FIRST and (axis == rank or axis > 1):
        axis = 0 if axis == rank else 1
    channels = array.shape[axis]
    if channels == 1:
        return array
    if channels == 2:  # grey and alpha
        return np.take(array, [0], axis)
    if channels not in (3, 4):
        raise ConvcliError(
            f"--gray: {channels} channels in shape {shape_text(array.shape)}", "3 or 4: red, green, blue, alpha"
        )
    colours = np.moveaxis(batches.to_float(array), axis, -1)
    weights = np.asarray(LUMA, colours.dtype)
    luma = colours[..., 0] * weights[0] + colours[..., 1] * weights[1] + colours[..., 2] * weights[2]
    return np.expand_dims(luma, axis)
