"""Shapes and extents: their arithmetic, how they are written, and where the channel axis stands.

An unknown extent is `None`, and what follows from it is `None` too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any

from convcli.core.errors import ConvcliError

Extent = int | None
Shape = tuple[Extent, ...]

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def axis_names(rank: int) -> tuple[str, ...]:
    """What the spatial axes are called in messages, first axis first."""
    return AXIS_NAMES.get(rank) or tuple(f"axis {axis}" for axis in range(rank))


def product(extents: Iterable[Extent]) -> Extent:
    """The product of extents, unknown as soon as one is."""
    result = 1
    for extent in extents:
        if extent is None:
            return None
        result *= extent
    return result


def known(extent: Extent) -> int:
    """An extent of something that runs on arrays, where none is unknown."""
    assert extent is not None
    return extent


def total(numbers: Iterable[Extent]) -> Extent:
    """The sum of numbers, unknown as soon as one is."""
    result = 0
    for number in numbers:
        if number is None:
            return None
        result += number
    return result


def quotient(number: Extent, by: Extent) -> Extent:
    """The whole quotient, unknown as soon as either is."""
    return None if number is None or by is None else number // by


def format_number(number: float) -> str:
    """A number in full: a jump may be a fraction, with as many digits as tell it."""
    return str(number) if isinstance(number, int) else f"{number:.12g}"


def format_extents(
    extents: Iterable[float | None], unknown: str = "?", show: Callable[[Any], str] = format_number
) -> str:
    """Return extents as `28×28×1`; `show` writes each that is known."""
    return "×".join(unknown if extent is None else show(extent) for extent in extents)


def format_shape(shape: Sequence[Extent]) -> str:
    """A shape as Keras prints it: `(None, 26, 26, 40)`."""
    inner = ", ".join(str(extent) for extent in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


class DataFormat(StrEnum):
    """Where the channel axis stands in what the user gives and gets; inside it is always last."""

    CHANNELS_LAST = "channels_last"
    CHANNELS_FIRST = "channels_first"

    @classmethod
    def parse(cls, value: DataFormat | str) -> DataFormat:
        """The data format of that name. Raises `ConvcliError`."""
        if value not in [each.value for each in cls]:
            raise ConvcliError(f"data_format: {value!r}", " or ".join(each.value for each in cls))
        return cls(value)

    @property
    def other(self) -> DataFormat:
        """The other one."""
        return next(each for each in DataFormat if each is not self)

    def reinterpret(self, shape: Shape) -> Shape:
        """A shape (channels last) that was read in this format, read in the other."""
        return self.other.to_channels_last(self.from_channels_last(shape))

    def axis_order(self, rank: int) -> tuple[int, ...]:
        """For each axis of a sample of `rank` axes in this format, its place with channels last."""
        if self is DataFormat.CHANNELS_LAST or rank < 2:
            return tuple(range(rank))
        return (rank - 1, *range(rank - 1))

    def to_channels_last(self, shape: Shape) -> Shape:
        """A sample's shape in this format -> with channels last."""
        if self is DataFormat.CHANNELS_LAST or len(shape) < 2:
            return shape
        return (*shape[1:], shape[0])

    def from_channels_last(self, shape: Shape) -> Shape:
        """A sample's shape with channels last -> in this format."""
        return tuple(shape[axis] for axis in self.axis_order(len(shape)))

    def resolve_axis(self, axis: int, rank: int) -> int:
        """A Keras axis number (0 is the batch, negative from the end) -> its place in a sample with channels last."""
        place = axis - 1 if axis >= 0 else rank + axis
        if axis == 0 or not 0 <= place < rank:
            raise ConvcliError(
                f"axis {axis} is not one of the input's {rank + 1} axes",
                f"1 to {rank}, or -{rank} to -1; 0 is the batch",
            )
        return self.axis_order(rank)[place]
