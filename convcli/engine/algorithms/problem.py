"""What is to be correlated, in whole numbers: all that the choice of an algorithm and its preparation go by."""

from __future__ import annotations

from functools import cached_property
from math import prod

from convcli.core.option_words import BYTES
from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.model.window import Window


class Work(Record):
    """`groups` of `made` filters each, that see `seen` channels each, on samples of `space` cells.

    `tolerance` is how far a result may be off, relative to the largest value; 0 is none but rounding of the sums.
    `samples` is how many there will be, as far as known: preparing weights has to pay off.
    `compiled` says that compiled code may be used.
    """

    windows: tuple[Window, ...]
    groups: int
    seen: int
    made: int
    space: tuple[int, ...]
    dtype: str = "float64"
    tolerance: float = 0.0
    samples: int = 1
    compiled: bool = False

    @property
    def channels(self) -> int:
        """How many channels the input has."""
        return self.groups * self.seen

    @property
    def filters(self) -> int:
        """How many channels the output has."""
        return self.groups * self.made

    @cached_property
    def places(self) -> tuple[int, ...]:
        """How many positions the windows have along each axis."""
        return tuple(known(window.positions(width)) for window, width in zip(self.windows, self.space, strict=True))

    @property
    def taps(self) -> int:
        """How many cells a window has."""
        return prod(window.size for window in self.windows)

    @property
    def macs(self) -> int:
        """Multiplications of one sample, each position by each weight."""
        return prod(self.places) * self.taps * self.seen * self.filters

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return BYTES[self.dtype]

    @property
    def unstretched(self) -> bool:
        """Whether the windows move over the input as it is, not stretched."""
        return all(window.upsample == 1 for window in self.windows)

    @property
    def one_by_one(self) -> bool:
        """Whether each window moves by one cell."""
        return all(window.stride == 1 for window in self.windows)
