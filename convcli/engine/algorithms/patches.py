"""Patches and a matrix product (im2col): the general fast way for windows over an unstretched input.

Patches are gathered a block at a time. A window of one cell needs no gathering, nor does a dense layer.
"""

from __future__ import annotations

from functools import cached_property
from math import gcd, prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.blocks import Blocks, Finish, Item, as_rows, blocks, extents, gathered, patches_of
from convcli.engine.algorithms.problem import Work

FEW = 128  # rows of a matrix product that is better cut by its columns
TOGETHER = 16  # channels to gather at once: shorter runs are slow to copy

FOR = "windows over an unstretched input"


def suits(work: Work) -> bool:
    """Any window that does not stretch its input."""
    return work.unstretched


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Patches(kernel, work) if work.groups == 1 else GroupedPatches(kernel, work, joined(work))


def joined(work: Work) -> int:
    """How many groups to take together: as many as make up enough channels."""
    return gcd(work.groups, 1 << max(0, (TOGETHER // work.seen).bit_length() - 1))


class Patches(Blocks):
    """One product of patches `(cells, taps·in)` and weights `(taps·in, filters)` a block."""

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.matrix = np.ascontiguousarray(kernel.reshape(-1, work.filters))

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        work = self.work
        # Each share of the filters reads the patches anew: worth it where they need no gathering.
        few = FEW if work.taps == 1 else 0
        cell_bytes = max(work.taps * work.seen, work.filters) * work.itemsize
        return blocks(counts, cell_bytes, work.filters, work.macs * counts[0], few)

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        box, filters = item
        work = self.work
        cells = prod(extents(box))
        shape = (cells, work.taps * work.seen)
        patches = gathered(patches_of(x, work.windows, box, team), "patches", shape, team)
        block, weights = y[(*box, filters)], self.matrix[:, filters]
        rows = as_rows(block)
        if rows is not None:
            np.matmul(patches, weights, out=rows)
        else:
            product = team.scratch("product", (cells, weights.shape[1]), y.dtype)
            np.matmul(patches, weights, out=product)
            block[...] = product.reshape(block.shape)
        finish(block, filters)


class GroupedPatches(Blocks):
    """A product for each group, or several groups together as one with zeros between them."""

    def __init__(self, kernel: Array, work: Work, together: int) -> None:
        super().__init__(work)
        self.kernel, self.together = kernel, together
        count, rows = work.groups // together, work.taps
        split = kernel.reshape(rows, work.seen, count, together, work.made)
        matrices = np.zeros((count, rows, together, work.seen, together, work.made), kernel.dtype)
        for place in range(together):
            matrices[:, :, place, :, place] = np.moveaxis(split[:, :, :, place], 2, 0)
        self.matrices = matrices.reshape(count, rows * together * work.seen, together * work.made)

    @cached_property
    def apart(self) -> Blocks:
        """The same without zeros, for blocks in which zero times infinity would be read as a value."""
        return GroupedPatches(self.kernel, self.work, 1)

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        work = self.work
        cell_bytes = max(work.taps * work.channels, work.filters) * work.itemsize
        return blocks(counts, cell_bytes, 1, work.macs * counts[0])

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        (box, filters), work = item, self.work
        cells, count = prod(extents(box)), len(self.matrices)
        view = patches_of(x, work.windows, box, team)
        split = np.moveaxis(view.reshape(*view.shape[:-1], count, -1), -2, 0)
        patches = gathered(split, "grouped", (count, cells, self.matrices.shape[1]), team)
        product = team.scratch("product", (count, cells, self.matrices.shape[2]), y.dtype)
        np.matmul(patches, self.matrices, out=product)
        if self.together > 1 and np.isnan(product.max()):
            self.apart.fill(x, y, item, team, finish)
            return
        block = y[box]
        block[...] = np.moveaxis(product, 0, 1).reshape(block.shape)
        finish(block, filters)
