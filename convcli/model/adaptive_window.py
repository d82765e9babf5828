"""Windows whose size follows from how many of them there are: those of adaptive pooling, along one axis.

Window o of O over W cells begins at floor(o·W / O) and ends before ceil((o + 1)·W / O), as in PyTorch and Keras. All
have the same size where O divides W; elsewhere sizes differ by at most one cell, and neighbours share cells.
"""

from __future__ import annotations

from collections.abc import Iterator

from convcli.core.records import Record
from convcli.core.shapes import Extent, known
from convcli.model.window import Window

AxisSpan = tuple[int, int]  # the first cell, and the one after the last


class AdaptiveWindow(Record):
    """The windows along one axis.

    Args:
        cells: the cells of the axis, W.
        count: the number of windows, O; None is one for each cell of an axis of unknown extent.
        part: the windows that are computed, the first and the one after the last; None is all. The axis then begins at
            the first cell of the first of them.
    """

    cells: Extent
    count: Extent
    part: AxisSpan | None = None

    @property
    def output_extent(self) -> Extent:
        """The number of windows that are computed."""
        return self.count if self.part is None else self.part[1] - self.part[0]

    @property
    def uniform(self) -> Window | None:
        """The window that slides over the whole axis just so, None where sizes differ or are unknown."""
        if self.cells is None or self.count is None or self.cells % self.count:
            return None
        return Window(self.cells // self.count, self.cells // self.count)

    def span(self, index: int) -> AxisSpan:
        """Return the cells of the whole axis that a window covers; its extent is known."""
        cells, count = known(self.cells), known(self.count)
        return index * cells // count, -(-(index + 1) * cells // count)

    def spans(self) -> Iterator[AxisSpan]:
        """Yield the cells of each window that is computed, counted from where the axis begins."""
        first, stop = self.part or (0, known(self.count))
        start, _ = self.span(first)
        for index in range(first, stop):
            begin, end = self.span(index)
            yield begin - start, end - start
