"""Arguments of layers, and their readers: a reader turns every spelling of an argument into one canonical form.

A reader takes a value and the layer's number of spatial axes, and returns the canonical form. It raises `ConvcliError`
for a value that is not allowed; the caller says which argument it was.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from convcli.core.errors import ConvcliError, short_repr, suggestion
from convcli.core.records import MISSING, Field
from convcli.core.shapes import DataFormat, Shape
from convcli.model.activations import ACTIVATIONS
from convcli.model.window import Padding, Pair

LARGEST = 2**31 - 1  # of counts of cells or channels
ArgumentReader = Callable[[Any, int], Any]


class Argument(Field):
    """A field of a layer, with its reader. A `derived` one is not the user's: it follows from weights in the model."""

    __slots__ = ("derived", "reader")

    def __init__(self, reader: ArgumentReader, default: Any, kw_only: bool, derived: bool) -> None:
        super().__init__(default, kw_only=kw_only or derived or None)  # None leaves it to the class
        self.reader = reader
        self.derived = derived


def argument(
    reader: ArgumentReader, default: Any = MISSING, *, kw_only: bool = False, derived: bool = False
) -> Any:  # a type checker takes it for the value
    """Return a field of a layer; without a default it is required."""
    return Argument(reader, default, kw_only, derived)


# ---- numbers and words ----


def whole_number(least: int = 1) -> ArgumentReader:
    """Return a reader of a whole number, at least `least`."""

    def read(value: Any, rank: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConvcliError(short_repr(value), f"a whole number, at least {least}")
        if value > LARGEST:
            raise ConvcliError(short_repr(value), f"at most {LARGEST}")
        return value

    return read


def boolean(value: Any, rank: int) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ConvcliError(short_repr(value), "true or false")
    return value


def real_number(value: Any, rank: int) -> float:
    """Read a real number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConvcliError(short_repr(value), "a number")
    try:
        float(value)
    except OverflowError:
        raise ConvcliError(short_repr(value), "a number that float64 holds") from None
    return value


def positive_number(value: Any, rank: int) -> float:
    """Read a finite number above 0."""
    if not 0 < real_number(value, rank) < inf:
        raise ConvcliError(short_repr(value), "a finite number above 0")
    return float(value)


def real_numbers(value: Any, rank: int) -> float | tuple[float, ...]:
    """Read a real number, or a list of them."""
    if isinstance(value, list | tuple):
        return tuple(real_number(item, rank) for item in value)
    return real_number(value, rank)


def numbers(reader: ArgumentReader) -> ArgumentReader:
    """Return a reader of a list of what `reader` reads, or of one of them."""

    def read(value: Any, rank: int) -> tuple[Any, ...]:
        return tuple(reader(item, rank) for item in (value if isinstance(value, list | tuple) and value else [value]))

    return read


def choice(*words: str) -> ArgumentReader:
    """Return a reader of one of the words."""

    def read(value: Any, rank: int) -> str:
        if value not in words or not isinstance(value, str):
            raise ConvcliError(short_repr(value), f"one of {', '.join(words)}")
        return value

    return read


def optional(reader: ArgumentReader) -> ArgumentReader:
    """Return a reader of None, or of what `reader` reads."""
    return lambda value, rank: None if value is None else reader(value, rank)


def activation_name(value: Any, rank: int) -> str | None:
    """Read the name of an activation, or None."""
    if value is None:
        return None
    name = str(value).lower()
    if name not in ACTIVATIONS:
        raise ConvcliError(f"{short_repr(value)} is not an activation", suggestion(name, ACTIVATIONS))
    return name


data_format_name = optional(choice(*(data_format.value for data_format in DataFormat)))


# ---- numbers for each spatial axis ----


def per_axis(least: int = 1) -> ArgumentReader:
    """Return a reader of whole numbers for each spatial axis; one number stands for all axes."""

    def read(value: Any, rank: int) -> tuple[int, ...]:
        numbers = list(value) if isinstance(value, list | tuple) else [value] * rank
        if len(numbers) != rank:
            raise ConvcliError(short_repr(value), f"one whole number, or one for each of the {rank} spatial axes")
        return tuple(whole_number(least)(number, rank) for number in numbers)

    return read


def extents_or_none(value: Any, rank: int) -> tuple[int | None, ...]:
    """Read an extent for each spatial axis, or one for all; None keeps that of the input."""
    extents = list(value) if isinstance(value, list | tuple) else [value] * rank
    if len(extents) != rank:
        raise ConvcliError(short_repr(value), f"one whole number, or one for each of the {rank} spatial axes")
    return tuple(optional(whole_number())(extent, rank) for extent in extents)


def _pairs_per_axis(least: int) -> ArgumentReader:
    """Return a reader of cells before and after each axis: a number, one for each axis (in 1-D a pair), or pairs."""

    def read_pair(value: Any, rank: int) -> Pair:
        before, after = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
        return whole_number(least)(before, rank), whole_number(least)(after, rank)

    def read(value: Any, rank: int) -> tuple[Pair, ...]:
        if not isinstance(value, list | tuple):
            return (read_pair(value, rank),) * rank
        if rank == 1 and len(value) == 2 and all(isinstance(number, int) for number in value):
            return (read_pair(value, rank),)
        if len(value) != rank:
            raise ConvcliError(
                short_repr(value), f"a number, one for each of the {rank} spatial axes, or [[before, after], ...]"
            )
        return tuple(read_pair(item, rank) for item in value)

    return read


pairs_per_axis = _pairs_per_axis(0)
signed_pairs_per_axis = _pairs_per_axis(-LARGEST)  # negative numbers remove cells


def word_or_pairs(*words: str) -> ArgumentReader:
    """Return a reader of padding: one of the words, or the cells before and after each axis."""

    def read(value: Any, rank: int) -> Padding:
        if isinstance(value, str):
            allowed = [word for word in words if word != "causal" or rank == 1]
            if value.lower() not in allowed:
                raise ConvcliError(short_repr(value), f"{', '.join(allowed)}, or numbers of cells")
            return value.lower()
        return pairs_per_axis(value, rank)

    return read


# ---- Keras's axis numbers: 0 is the batch, negative numbers count from the end ----


def axis_number(value: Any, rank: int) -> int:
    """Read an axis number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConvcliError(short_repr(value), "an axis number")
    return value


def axis_numbers(value: Any, rank: int) -> tuple[int, ...]:
    """Read an axis number, or a list of them."""
    return tuple(axis_number(item, rank) for item in (value if isinstance(value, list | tuple) else [value]))


def channel_axis(axis: int | None, shape: Shape, data_format: DataFormat) -> int:
    """Return the axis of a sample (channels last) that Keras's number means; None means the channel axis."""
    return len(shape) - 1 if axis is None else data_format.resolve_axis(axis, len(shape))


def channel_axes(axes: tuple[int, ...] | None, shape: Shape, data_format: DataFormat) -> tuple[int, ...]:
    """Return the axes of a sample (channels last) that Keras's numbers mean, in the order of the model's axes.

    That is the order of the axes of a weight that spans them. None means the channel axis.
    """
    resolved = [channel_axis(axis, shape, data_format) for axis in axes or (None,)]
    if len(set(resolved)) < len(resolved):
        raise ConvcliError(f"axis {list(axes or ())} names one axis twice", "each once")
    return tuple(sorted(resolved, key=data_format.axis_order(len(shape)).index))
