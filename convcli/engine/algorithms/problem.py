"""The problem that an algorithm is to solve, in whole numbers: one correlation, before any array is there."""

from __future__ import annotations

from functools import cached_property
from math import prod

from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.model.window import Window


class Problem(Record):
    """A correlation of samples of `space` cells: all that the choice and the preparation of an algorithm depend on.

    Each of `groups` groups has `group_channels` channels of the input and `group_filters` filters that see only these.
    `tolerance` is how far a result may be off, relative to the largest one; 0 allows only for the rounding of sums of
    products. `samples` is the number of samples to come, as far as known: with many of them, costly preparation pays.
    `finite_kernel` says that no weight is infinite or undefined.
    """

    windows: tuple[Window, ...]
    groups: int
    group_channels: int
    group_filters: int
    space: tuple[int, ...]
    dtype: str = "float64"
    tolerance: float = 0.0
    samples: int = 1
    native: bool = False
    finite_kernel: bool = True

    @property
    def channels(self) -> int:
        """The number of channels of the input."""
        return self.groups * self.group_channels

    @property
    def filters(self) -> int:
        """The number of filters, and so of channels of the output."""
        return self.groups * self.group_filters

    @cached_property
    def positions(self) -> tuple[int, ...]:
        """The number of positions of the window along each axis: the shape of the output in space."""
        return tuple(known(window.output_extent(width)) for window, width in zip(self.windows, self.space, strict=True))

    @property
    def window_cells(self) -> int:
        """The number of cells of the window; 1 where there are no spatial axes."""
        return prod(window.size for window in self.windows)

    @property
    def macs(self) -> int:
        """The number of multiplications for one sample: each position times each weight."""
        return prod(self.positions) * self.window_cells * self.group_channels * self.filters

    @property
    def itemsize(self) -> int:
        """The bytes of one number."""
        return BYTES_PER_VALUE[self.dtype]

    @property
    def unstretched(self) -> bool:
        """True if the windows slide over the input as it is; False under a transposed convolution."""
        return all(window.upsample == 1 for window in self.windows)

    @property
    def unit_stride(self) -> bool:
        """True if the windows move by one cell along each axis."""
        return all(window.stride == 1 for window in self.windows)
