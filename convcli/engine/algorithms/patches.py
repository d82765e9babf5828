"""Patches times weights (im2col and one matrix product): the general fast algorithm for an unstretched input.

Patches are copied into a matrix a block at a time. A window of one cell needs no copy, nor does a dense layer.
"""

from __future__ import annotations

from functools import cached_property
from math import gcd, prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Block, cut_into_blocks, region_shape
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish, as_rows
from convcli.engine.algorithms.im2col import contiguous, extract_patches, im2col
from convcli.engine.algorithms.problem import Problem

FEW_ROWS = 128  # of a matrix product that is better cut by its columns
CHANNELS_TOGETHER = 16  # of groups that are copied at once: shorter runs are slow to copy

FOR = "windows over an unstretched input"


def suits(problem: Problem) -> bool:
    """Return whether the windows slide over the input as it is."""
    return problem.unstretched


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the kernel as a matrix, or as one for each few groups."""
    if problem.groups == 1:
        return PatchesCorrelation(kernel, problem)
    return GroupedPatchesCorrelation(kernel, problem, _groups_together(problem))


def _groups_together(problem: Problem) -> int:
    """Return how many groups to take together: a power of two that divides them, for enough channels if there are."""
    return gcd(problem.groups, 1 << max(0, (CHANNELS_TOGETHER // problem.group_channels).bit_length() - 1))


class PatchesCorrelation(BlockwiseCorrelation):
    """One matrix product a block, patches by weights: (cells, width) by (width, filters), width = window · channels."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.matrix = np.ascontiguousarray(kernel.reshape(-1, problem.filters))  # (width, filters)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        problem = self.problem
        # Every block of filters copies the same patches anew: that pays only where there is nothing to copy.
        few = FEW_ROWS if problem.window_cells == 1 else 0
        cell_bytes = max(len(self.matrix), problem.filters) * problem.itemsize
        return cut_into_blocks(shape, cell_bytes, problem.filters, problem.macs * shape[0], few)

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        region, filters = block
        patches = im2col(x, self.problem.windows, region, workers)  # (cells, width)
        weights, out = self.matrix[:, filters], y[(*region, filters)]
        rows = as_rows(out)
        if rows is not None:
            np.matmul(patches, weights, out=rows)
        else:
            product = workers.scratch.array("product", (len(patches), weights.shape[1]), y.dtype)  # (cells, filters)
            np.matmul(patches, weights, out=product)
            out[...] = product.reshape(out.shape)
        finish(out, filters)


class GroupedPatchesCorrelation(BlockwiseCorrelation):
    """A matrix product for each group, or for several groups together, with zeros between their weights."""

    def __init__(self, kernel: Array, problem: Problem, together: int) -> None:
        super().__init__(problem)
        self.kernel, self.together = kernel, together
        bundles, cells = problem.groups // together, problem.window_cells
        channels, filters = problem.group_channels, problem.group_filters
        weights = kernel.reshape(cells, channels, bundles, together, filters)
        matrices = np.zeros((bundles, cells, together, channels, together, filters), kernel.dtype)
        for group in range(together):
            matrices[:, :, group, :, group] = np.moveaxis(weights[:, :, :, group], 2, 0)
        self.matrices = matrices.reshape(bundles, cells * together * channels, together * filters)

    @cached_property
    def group_by_group(self) -> BlockwiseCorrelation:
        """This correlation without zeros between groups."""
        return GroupedPatchesCorrelation(self.kernel, self.problem, 1)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        problem = self.problem
        cell_bytes = max(problem.window_cells * problem.channels, problem.filters) * problem.itemsize
        return cut_into_blocks(shape, cell_bytes, 1, problem.macs * shape[0])

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        region, filters = block
        bundles, width, columns = self.matrices.shape
        cells = prod(region_shape(region))
        patches = extract_patches(x, self.problem.windows, region, workers)  # (samples, *positions, *window, channels)
        patches = np.moveaxis(patches.reshape(*patches.shape[:-1], bundles, -1), -2, 0)
        patches = contiguous(patches, (bundles, cells, width), "grouped patches", workers)
        products = workers.scratch.array("product", (bundles, cells, columns), y.dtype)
        np.matmul(patches, self.matrices, out=products)
        if self.together > 1 and np.isnan(products.max()):
            # Perhaps a zero between groups met infinity, which is undefined. Without these zeros nothing is undefined
            # but what the definition says.
            self.group_by_group.compute_block(x, y, block, workers, finish)
            return
        out = y[region]
        out[...] = np.moveaxis(products, 0, 1).reshape(out.shape)  # (cells, bundles, columns)
        finish(out, filters)
