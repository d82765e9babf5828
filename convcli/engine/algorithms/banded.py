"""Several neighbouring outputs at once: patches as wide as all of them cover, times a banded matrix.

With few channels and filters, the weights are a matrix of too few columns for a product to be fast. Here `count`
outputs along the last axis are the columns; each holds the kernel, shifted by the output's position, among zeros.
"""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import patches
from convcli.engine.algorithms.blocks import ALL_FILTERS, Block, Region, cut_into_blocks
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.im2col import im2col
from convcli.engine.algorithms.problem import Problem

COLUMNS = 24  # of the banded matrix, or a few more
FEW_FILTERS = 8

FOR = "up to 8 filters without groups, over an unstretched input"


def suits(problem: Problem) -> bool:
    """Return whether there are few filters, no groups, and some axis to slide along without stretching."""
    few = problem.groups == 1 and problem.filters <= FEW_FILTERS
    return few and problem.unstretched and bool(problem.windows)


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the kernel as a banded matrix."""
    return BandedCorrelation(kernel, problem)


class BandedCorrelation(BlockwiseCorrelation):
    """One matrix product a block: wide patches (cells, *window, width · channels) by the banded matrix.

    A row of the product holds `count` neighbouring outputs.
    """

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.kernel, self.count = kernel, max(1, min(-(-COLUMNS // problem.filters), problem.positions[-1]))
        *outer, last = problem.windows
        width = (self.count - 1) * last.stride + last.extent
        self.wide_windows = (*outer, replace(last, size=width, stride=self.count * last.stride, dilation=1))
        rows = prod(window.size for window in outer)
        weights = kernel.reshape(rows, last.size, problem.channels, problem.filters)
        matrix = np.zeros((rows, width, problem.channels, self.count, problem.filters), kernel.dtype)
        for output in range(self.count):
            start = output * last.stride
            matrix[:, start : start + last.extent : last.dilation, :, output] = weights
        self.matrix = matrix.reshape(-1, self.count * problem.filters)

    @cached_property
    def one_by_one(self) -> BlockwiseCorrelation:
        """This correlation with one output a row, without zeros."""
        return patches.prepare(self.kernel, self.problem)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        wide = (*shape[:-1], -(-shape[-1] // self.count))
        return cut_into_blocks(wide, len(self.matrix) * self.problem.itemsize, 1, prod(wide) * self.matrix.size)

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        region, _ = block
        wide_patches = im2col(x, self.wide_windows, region, workers)  # (cells, *window, width · channels)
        product = workers.scratch.array("product", (len(wide_patches), self.matrix.shape[1]), y.dtype)
        np.matmul(wide_patches, self.matrix, out=product)
        last = slice(region[-1].start * self.count, min(y.shape[-2], region[-1].stop * self.count))
        outputs: Region = (*region[:-1], last)
        if np.isnan(product.max()):
            # Perhaps a zero of the matrix met infinity, which is undefined. Without these zeros nothing is undefined
            # but what the definition says.
            for inner in self.one_by_one.blocks_within(outputs):
                self.one_by_one.compute_block(x, y, inner, workers, finish)
            return
        out = y[outputs]
        rows = product.reshape(*out.shape[:-2], -1, out.shape[-1])
        out[...] = rows[..., : out.shape[-2], :]  # the last row may hold outputs beyond the end
        finish(out, ALL_FILTERS)
