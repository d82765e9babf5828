"""Lay out weights as the kernels of the core want them: in vectors of filters, filled up with zeros."""

from __future__ import annotations

from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.core import NativeCore

FEW = 4  # channels and filters of an image


class Blocks(Record):
    """Weights of `convolution`: blocks of filters of one group each.

    `group_filters` is how many filters a group has, `block` how many a block holds.
    """

    kind = "convolution"
    takes_residual = True

    groups: int
    group_filters: int
    block: int

    def pack_weights(self, kernel: Array) -> Array:
        """Return (groups, blocks, cells of the window, channels per group, block) of (*window, channels, filters)."""
        *window, channels, _ = kernel.shape
        count, cells = -(-self.group_filters // self.block), prod(window)
        packed = np.zeros((self.groups, count, cells, channels, self.block), kernel.dtype)
        grouped = kernel.reshape(cells, channels, self.groups, self.group_filters)
        for number in range(count):
            part = grouped[..., number * self.block : (number + 1) * self.block]
            packed[:, number, :, :, : part.shape[-1]] = part.transpose(2, 0, 1, 3)
        return packed

    def pack_filters(self, numbers: Array) -> Array:
        """Return a number for each filter, (filters,), as the filters lie in the blocks."""
        return self.pack_weights(numbers.reshape(1, -1)).reshape(self.groups, -1)


class Lanes(Record):
    """Weights of `grouped`: vectors of the filters of some whole groups.

    `group_filters` is how many filters a group has, `lanes` how many numbers a vector.
    """

    kind = "grouped"
    takes_residual = True

    group_filters: int
    lanes: int

    def pack_weights(self, kernel: Array) -> Array:
        """Return (vectors, cells of the window, channels per group, lanes) of (*window, channels, filters)."""
        *window, channels, filters = kernel.shape
        in_vector = self.lanes // self.group_filters * self.group_filters
        packed = np.zeros((-(-filters // in_vector), prod(window), channels, self.lanes), kernel.dtype)
        for number, vector in enumerate(packed):
            part = kernel[..., number * in_vector : (number + 1) * in_vector]
            vector[..., : part.shape[-1]] = part.reshape(-1, channels, part.shape[-1])
        return packed

    def pack_filters(self, numbers: Array) -> Array:
        """Return a number for each filter, (filters,), as the filters lie in the vectors."""
        return self.pack_weights(numbers.reshape(1, -1)).reshape(-1, self.lanes)


class Planes(Record):
    """Weights of `image`: filter by filter, channel by channel. `lanes` is how many numbers a vector holds."""

    kind = "image"
    takes_residual = False

    lanes: int

    def pack_weights(self, kernel: Array) -> Array:
        """Return (filters, channels, cells of the window) of (*window, channels, filters)."""
        *_, channels, filters = kernel.shape
        return np.ascontiguousarray(kernel.reshape(-1, channels, filters).transpose(2, 1, 0))

    def pack_filters(self, numbers: Array) -> Array:
        """Return a number for each filter, (filters,), repeated for all lanes."""
        return np.repeat(numbers[:, None], self.lanes, axis=1)


def layout_for(core: NativeCore, kernel: Array, problem: Problem) -> Blocks | Lanes | Planes:
    """Return the layout for a kernel (*window, channels per group, filters)."""
    lanes = core.block(problem.dtype) // 2
    # `grouped` leaves out lines of padding, where an infinite weight would make an undefined number.
    # It reads whole vectors from any cell but the last, so that a cell and the next must be as long as a vector.
    few_filters = problem.group_channels <= problem.group_filters <= lanes <= problem.channels
    if problem.groups > 1 and few_filters and np.isfinite(kernel).all():
        return Lanes(problem.group_filters, lanes)
    if suits_planes(problem):
        return Planes(lanes)
    return Blocks(problem.groups, problem.group_filters, core.block(problem.dtype))


def suits_planes(problem: Problem) -> bool:
    """Return whether there are few channels and filters, and the windows are those of the kernel `image`."""
    few = problem.groups == 1 and max(problem.channels, problem.filters) <= FEW
    sliding = problem.unit_stride and all(window.dilation == 1 for window in problem.windows)
    return few and sliding and 1 <= len(problem.windows) <= 2 and problem.window_cells > 1
