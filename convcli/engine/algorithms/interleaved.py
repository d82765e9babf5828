"""Long windows along one axis that move by several cells: every n-th window is a row of a matrix without any copy.

Neighbouring windows overlap, so that they are no matrix that BLAS takes. Windows n apart, n = ⌈k / stride⌉, do not.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.blocks import Blocks, Finish, Item, blocks, extents, slab
from convcli.engine.algorithms.problem import Work

FOR = "windows along one axis without holes or groups, over an unstretched input"


def suits(work: Work) -> bool:
    """One axis, no groups, no holes."""
    one = len(work.windows) == 1 and work.groups == 1
    return one and work.unstretched and work.windows[0].dilation == 1


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Interleaved(kernel, work)


class Interleaved(Blocks):
    """n products of windows `(cells/n, k·in)` and weights `(k·in, filters)` a block."""

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.matrix = np.ascontiguousarray(kernel.reshape(-1, work.filters))
        (window,) = work.windows
        self.apart = -(-window.size // window.stride)

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        work = self.work
        bytes_each = work.windows[0].stride * work.seen * work.itemsize
        along = blocks(counts[1:], bytes_each, 1, work.macs)
        samples = [slice(place, place + 1) for place in range(counts[0])]
        return [((sample, *box), filters) for sample in samples for box, filters in along]

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        box, filters = item
        (window,) = self.work.windows
        (met,) = slab(x, self.work.windows, box, team)
        (block,) = y[box]
        step, cell = met.strides[0], met.itemsize
        for first in range(min(self.apart, extents(box)[1])):
            into = block[first :: self.apart]
            shape, strides = (len(into), len(self.matrix)), (step * window.stride * self.apart, cell)
            np.matmul(as_strided(met[first * window.stride :], shape, strides, writeable=False), self.matrix, out=into)
        finish(block, filters)
