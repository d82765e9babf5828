"""Long windows along one axis that move by several cells: every n-th window is a row of a matrix, without any copy.

Windows next to each other overlap, and BLAS takes no matrix whose rows overlap. Windows n apart, n = ⌈size / stride⌉,
do not overlap: so there are n matrix products.
"""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Block, cut_into_blocks
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.im2col import padded_input, window_view
from convcli.engine.algorithms.problem import Problem

FOR = "windows along one axis without holes or groups, over an unstretched input"


def suits(problem: Problem) -> bool:
    """Return whether there is one axis, no groups, no dilation and no stretching."""
    one_axis = len(problem.windows) == 1 and problem.groups == 1
    return one_axis and problem.unstretched and problem.windows[0].dilation == 1


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the kernel as a matrix."""
    return InterleavedCorrelation(kernel, problem)


class InterleavedCorrelation(BlockwiseCorrelation):
    """n matrix products a block, each of every n-th patch: (cells / n, width) by (width, filters)."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.matrix = np.ascontiguousarray(kernel.reshape(-1, problem.filters))
        (window,) = problem.windows
        self.interval = -(-window.size // window.stride)
        self.sparse_window = replace(window, stride=window.stride * self.interval)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        problem = self.problem
        cell_bytes = problem.windows[0].stride * problem.channels * problem.itemsize
        along = cut_into_blocks(shape[1:], cell_bytes, 1, problem.macs)
        samples = [slice(number, number + 1) for number in range(shape[0])]
        return [Block((sample, *region), filters) for sample in samples for region, filters in along]

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        region, filters = block
        (window,) = self.problem.windows
        padded = padded_input(x, self.problem.windows, region, workers)  # (1, width, channels)
        (out,) = y[region]  # (positions, filters)
        for first in range(min(self.interval, len(out))):
            rows = out[first :: self.interval]
            patches = window_view(padded[:, first * window.stride :], [self.sparse_window], [len(rows)])
            np.matmul(patches.reshape(len(rows), -1), self.matrix, out=rows)
        finish(out, filters)
