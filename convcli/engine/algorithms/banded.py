"""Several neighbouring outputs at once: patches as wide as all of them see, times a banded matrix.

With few channels and filters a matrix product has too few columns to be fast. Here `count` outputs along the last axis
are the columns, each with the kernel shifted by its place among zeros.
"""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.threads import Team
from convcli.engine.algorithms import patches
from convcli.engine.algorithms.blocks import (
    EVERY,
    Blocks,
    Box,
    Finish,
    Item,
    blocks,
    extents,
    gathered,
    slab,
    window_view,
)
from convcli.engine.algorithms.problem import Work

COLUMNS = 24  # of the banded matrix, or a few more
FEW_FILTERS = 8

FOR = "up to 8 filters without groups, over an unstretched input"


def suits(work: Work) -> bool:
    """Few filters without groups, over an unstretched input."""
    return work.unstretched and bool(work.windows) and work.groups == 1 and work.filters <= FEW_FILTERS


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Banded(kernel, work)


class Banded(Blocks):
    """One product of patches `(cells, *k, wide·in)` and the banded matrix a block, `count` outputs a cell."""

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.kernel, self.count = kernel, max(1, min(-(-COLUMNS // work.filters), work.places[-1]))
        *outer, last = work.windows
        wide = (self.count - 1) * last.stride + last.extent
        self.windows = (*outer, replace(last, size=wide, stride=self.count * last.stride, dilation=1))
        rows = prod(window.size for window in outer)
        matrix = np.zeros((rows, wide, work.seen, self.count, work.filters), kernel.dtype)
        split = kernel.reshape(rows, last.size, work.seen, work.filters)
        for place in range(self.count):
            start = place * last.stride
            matrix[:, start : start + last.extent : last.dilation, :, place] = split
        self.matrix = matrix.reshape(-1, self.count * work.filters)

    @cached_property
    def apart(self) -> Blocks:
        """The same without zeros, for blocks in which zero times infinity would be read as a value."""
        return patches.prepare(self.kernel, self.work)

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        wide = (*counts[:-1], -(-counts[-1] // self.count))
        return blocks(wide, len(self.matrix) * self.work.itemsize, 1, prod(wide) * self.matrix.size)

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        box, _ = item
        view = window_view(slab(x, self.windows, box, team), self.windows, extents(box)[1:])
        cells = prod(extents(box))
        met = gathered(view, "patches", (cells, len(self.matrix)), team)
        product = team.scratch("product", (cells, self.matrix.shape[1]), y.dtype)
        np.matmul(met, self.matrix, out=product)
        covered: Box = (*box[:-1], slice(box[-1].start * self.count, min(y.shape[-2], box[-1].stop * self.count)))
        if np.isnan(product.max()):
            for part, filters in self.apart.within(covered):
                self.apart.fill(x, y, (part, filters), team, finish)
            return
        block = y[covered]
        laid = product.reshape(*block.shape[:-2], -1, block.shape[-1])
        block[...] = laid[..., : block.shape[-2], :]
        finish(block, EVERY)
