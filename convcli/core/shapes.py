"""Shapes and extents: their arithmetic, how they are written, and where the channel axis stands.

An unknown extent is None. Whatever is computed from an unknown extent is None, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

from convcli.core.errors import ConvcliError

Extent = int | None
Shape = tuple[Extent, ...]

UNKNOWN_SHAPE: Shape = ()  # of which not even the rank is known: any sample has at least an axis of channels

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(rank: int) -> tuple[str, ...]:
    """Return the names of the spatial axes for messages, first axis first."""
    return AXIS_NAMES.get(rank) or tuple(f"axis {axis}" for axis in range(rank))


def known(extent: Extent) -> int:
    """Return an extent that cannot be unknown, as on the way of arrays through a model."""
    assert extent is not None
    return extent


# ---- arithmetic ----


def product(extents: Iterable[Extent]) -> Extent:
    """Return the product of extents."""
    result = 1
    for extent in extents:
        if extent is None:
            return None
        result *= extent
    return result


def total(extents: Iterable[Extent]) -> Extent:
    """Return the sum of extents."""
    result = 0
    for extent in extents:
        if extent is None:
            return None
        result += extent
    return result


def quotient(extent: Extent, divisor: Extent) -> Extent:
    """Return the whole quotient, rounded down."""
    return None if extent is None or divisor is None else extent // divisor


# ---- how they are written ----


def format_number(number: float) -> str:
    """Return a number with at most 12 significant digits, as a jump may be a fraction; whole numbers in full."""
    return str(number) if isinstance(number, int) else f"{number:.12g}"


def format_extents(
    extents: Iterable[float | None], unknown: str = "?", show: Callable[[Any], str] = format_number
) -> str:
    """Return extents as `28×28×1`; `show` writes each of them that is known."""
    return "×".join(unknown if extent is None else show(extent) for extent in extents)


def format_shape(shape: Sequence[Extent] | None) -> str:
    """Return a shape as Keras prints it: `(None, 26, 26, 40)`; `?` for None, a shape that is not known."""
    if shape is None:
        return "?"
    inner = ", ".join(str(extent) for extent in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


# ---- the channel axis ----


class DataFormat(StrEnum):
    """Where the channel axis stands in arrays of the user. In all our computations it is the last axis."""

    CHANNELS_LAST = "channels_last"
    CHANNELS_FIRST = "channels_first"

    @classmethod
    def parse(cls, value: DataFormat | str) -> DataFormat:
        """Return the data format of that name. Raises `ConvcliError`."""
        names = [data_format.value for data_format in cls]
        if value not in names:
            raise ConvcliError(f"data_format: {value!r}", " or ".join(names))
        return cls(value)

    @property
    def other(self) -> DataFormat:
        """The other data format."""
        return next(data_format for data_format in DataFormat if data_format is not self)

    def axis_order(self, rank: int) -> tuple[int, ...]:
        """Return, for each axis of a sample in this format, its index in the sample with channels last.

        `rank` counts the axes of the sample: those in space and the channels.
        """
        if self is DataFormat.CHANNELS_LAST or rank < 2:
            return tuple(range(rank))
        return (rank - 1, *range(rank - 1))

    def to_channels_last(self, shape: Shape) -> Shape:
        """Return a sample's shape in this format as `(*spatial, channels)`."""
        if self is DataFormat.CHANNELS_LAST or len(shape) < 2:
            return shape
        return (*shape[1:], shape[0])

    def from_channels_last(self, shape: Shape) -> Shape:
        """Return a sample's shape `(*spatial, channels)` in this format."""
        return tuple(shape[axis] for axis in self.axis_order(len(shape)))

    def reinterpret(self, shape: Shape) -> Shape:
        """Return the shape `(*spatial, channels)` of a sample that was read in this format but is in the other."""
        return self.other.to_channels_last(self.from_channels_last(shape))

    def resolve_axis(self, axis: int, rank: int) -> int:
        """Return the index, in a sample with channels last, of an axis that Keras numbers.

        Keras counts the batch as axis 0, and from the end with negative numbers. Raises `ConvcliError`.
        """
        index = axis - 1 if axis >= 0 else rank + axis
        if axis == 0 or not 0 <= index < rank:
            raise ConvcliError(
                f"axis {axis} is not one of the input's {rank + 1} axes",
                f"1 to {rank}, or -{rank} to -1; 0 is the batch",
            )
        return self.axis_order(rank)[index]


def is_compatible(shape: Shape, other: Shape) -> bool:
    """Return whether two shapes agree in rank and in every extent that both know."""
    return len(shape) == len(other) and all(a is None or b is None or a == b for a, b in zip(shape, other, strict=True))


def matches(shape: Shape, own: Shape) -> bool:
    """Return whether a shape has the rank of another, `own`, and every extent that it knows."""
    return len(own) == len(shape) and all(a in (None, b) for a, b in zip(own, shape, strict=True))
