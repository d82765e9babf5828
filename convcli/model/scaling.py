"""The scaling of an axis by interpolation: its new extent, and where the new cells lie on the old axis."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from convcli.core.records import Record
from convcli.core.shapes import Extent, known

MOST_PERIOD = 1 << 12  # cells after which the positions of a scaled axis repeat; a longer period is not looked for


class Scaling(Record):
    """The scaling of one axis, by a factor or to a size.

    Args:
        factor: the new extent is that of the axis times this, rounded down; None where `size` says it.
        size: the new extent.
        align_corners: whether the centres of the first and last cells stay where they are, instead of the borders.
        recompute: whether positions follow from both extents, although a factor is given.
    """

    factor: float | None = None
    size: int | None = None
    align_corners: bool = False
    recompute: bool = False

    @property
    def whole_factor(self) -> int | None:
        """The factor if it is a whole number and borders stay where they are, else None."""
        if self.factor is None or self.align_corners or self.factor != int(self.factor):
            return None
        return int(self.factor)

    def output_extent(self, extent: Extent) -> Extent:
        """Return the new extent of an axis of so many cells."""
        if self.size is not None:
            return self.size
        assert self.factor is not None
        return None if extent is None else floor(extent * self.factor)

    def step(self, extent: Extent) -> Fraction | None:
        """Return how far apart new cells lie, in cells of an axis of this extent; None where that is unknown."""
        if self.factor is not None and not self.align_corners and not self.recompute:
            return 1 / Fraction(self.factor)
        if extent is None:
            return None
        count = known(self.output_extent(extent))
        return Fraction(extent - 1, max(1, count - 1)) if self.align_corners else Fraction(extent, count)

    def start(self, step: Fraction) -> Fraction:
        """Return where the centre of the first new cell lies, counted from the centre of the first cell."""
        return Fraction(0) if self.align_corners else (step - 1) / 2

    def pattern(self, extent: Extent) -> tuple[int, int] | None:
        """Return after how many new cells, and how many old ones, positions repeat; None where that is unknown.

        Where the period of the positions is long, it is taken to be the whole axis.
        """
        step = self.step(extent)
        if step is None:
            return None
        if step and step.denominator <= MOST_PERIOD:
            return step.denominator, step.numerator
        count = self.output_extent(extent)
        return None if extent is None or count is None or count > MOST_PERIOD else (count, extent)
