"""Each channel by filters of its own (depthwise): one sum of products for all channels, without copying patches."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Block, cut_into_blocks, region_shape
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.im2col import padded_input, window_view
from convcli.engine.algorithms.problem import Problem

MANY_CHANNELS = 8  # with fewer channels the inner loops are too short
COST = 8  # of a multiplication here, in multiplications of a matrix product

FOR = "filters of one channel each, on 8 channels or more"


def suits(problem: Problem) -> bool:
    """Return whether each filter sees one of many channels, along some axis without stretching."""
    depthwise = problem.group_channels == 1 and problem.groups >= MANY_CHANNELS
    return depthwise and problem.unstretched and bool(problem.windows)


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the weights by filter of a channel."""
    return ChannelwiseCorrelation(kernel, problem)


class ChannelwiseCorrelation(BlockwiseCorrelation):
    """One call of `einsum` a block for each filter of a channel."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        rank = len(problem.windows)
        weights = kernel.reshape(*kernel.shape[:rank], problem.groups, -1)  # (*window, channels, filters of a channel)
        self.weights = np.ascontiguousarray(np.moveaxis(weights, -1, 0))  # (filters of a channel, *window, channels)
        positions, cells = ascii_lowercase[: rank + 1], ascii_lowercase[rank + 1 : 2 * rank + 1]
        self.subscripts = f"{positions}{cells}z,{cells}z->{positions}z"  # on two axes: abcdez,dez->abcz

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        problem = self.problem
        return cut_into_blocks(shape, 2 * problem.filters * problem.itemsize, 1, problem.macs * shape[0] * COST)

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        region, filters = block
        windows = self.problem.windows
        patches = window_view(padded_input(x, windows, region, workers), windows, region_shape(region)[1:])
        out = y[region]  # (samples, *positions, filters), the filters of a channel next to each other
        for number, weights in enumerate(self.weights):
            np.einsum(self.subscripts, patches, weights, out=out[..., number :: self.problem.group_filters])
        finish(out, filters)
