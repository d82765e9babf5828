"""The plain reference: for each cell of the kernel, its weight times the input that it meets, all summed up.

It is written to be read, and to be right: it lays out the whole input as the definition says, stretched and padded, and
shares no code with the fast algorithms, which the tests compare with it. The worked examples of `explain` are computed
here too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import ALL_FILTERS, Block
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

FOR = "everything"


def suits(problem: Problem) -> bool:
    """Return True: every problem can be solved this way."""
    return True


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Take the kernel as it is."""
    return PlainCorrelation(kernel, problem)


class PlainCorrelation(BlockwiseCorrelation):
    """The sum over all cells of the kernel, with the whole output as one block."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.kernel = kernel  # (*window, channels per group, filters)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        return [Block(tuple(slice(0, extent) for extent in shape))]

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        problem = self.problem
        padded = stretch_and_pad(x, problem.windows)  # (samples, *padded space, channels)
        y[...] = 0
        for cell in np.ndindex(*self.kernel.shape[:-2]):
            under = _cells_under(cell, problem.windows, problem.positions)
            inputs = padded[(slice(None), *under)]  # (samples, *positions, channels)
            add_products(y, inputs, self.kernel[cell], problem.groups)
        finish(y, ALL_FILTERS)


def stretch_and_pad(x: Array, windows: Sequence[Window]) -> Array:
    """Return the input as the windows slide over it: stretched, then padded with zeros.

    Negative padding crops. (samples, *space, channels) -> (samples, *padded space, channels)
    """
    for axis, window in enumerate(windows, 1):
        lead = (slice(None),) * axis
        before, after = max(0, window.before), max(0, window.after)
        stretched = window.stretched_extent(x.shape[axis])
        padded = np.zeros((*x.shape[:axis], before + stretched + after, *x.shape[axis + 1 :]), x.dtype)
        padded[(*lead, slice(before, before + stretched, window.upsample))] = x
        crop_before, crop_after = max(0, -window.before), max(0, -window.after)
        x = padded[(*lead, slice(crop_before, padded.shape[axis] - crop_after))]
    return x


def _cells_under(cell: Sequence[int], windows: Sequence[Window], positions: Sequence[int]) -> tuple[slice, ...]:
    """Return, along each axis, the padded input under one cell of the window, at every position of the window.

    At position p, cell c of the window lies on cell p · stride + c · dilation of the padded input.
    """
    return tuple(
        slice(index * window.dilation, index * window.dilation + (count - 1) * window.stride + 1, window.stride)
        for index, window, count in zip(cell, windows, positions, strict=True)
    )


def add_products(y: Array, inputs: Array, weights: Array, groups: int) -> None:
    """Add to each filter's sum the products for one cell of the kernel.

    y: (..., filters); inputs, under that cell: (..., channels); weights: (channels per group, filters). A filter sees
    the channels of its own group alone.
    """
    group_channels, group_filters = weights.shape[0], weights.shape[1] // groups
    for group in range(groups):
        channels = slice(group * group_channels, (group + 1) * group_channels)
        filters = slice(group * group_filters, (group + 1) * group_filters)
        y[..., filters] += np.einsum("...c,cf->...f", inputs[..., channels], weights[:, filters])


def patch_at(padded: Array, windows: Sequence[Window], position: Sequence[int]) -> Array:
    """Return the cells under the windows at one position, all within the padded input of one sample.

    (1, *padded space, channels) -> (*window, channels)
    """
    cells = [
        slice(index * window.stride, index * window.stride + window.extent, window.dilation)
        for window, index in zip(windows, position, strict=True)
    ]
    return padded[0][tuple(cells)]


def sums_of_products(patch: Array, kernel: Array, groups: int) -> Array:
    """Return the sum of products of each filter with one patch, added up in the order of the plain reference.

    patch: (*window, channels); kernel: (*window, channels per group, filters) -> (filters,)
    """
    sums = np.zeros(kernel.shape[-1], patch.dtype)
    for cell in np.ndindex(*kernel.shape[:-2]):
        add_products(sums, patch[cell], kernel[cell], groups)
    return sums
