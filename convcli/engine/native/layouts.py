"""Lay out weights as the kernels of the core want them: in vectors of filters, filled up with zeros."""

from __future__ import annotations

from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.engine.native.core import NativeCore


class Blocks(Record):
    """Weights of `convolution`: blocks of filters of one group each.

    `group_filters` is how many filters a group has, `block` how many a block holds.
    """

    kind = "convolution"

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


def layout_for(core: NativeCore, dtype: str, kernel: Array, groups: int) -> Blocks | Lanes:
    """Return the layout for a kernel (*window, channels per group, filters)."""
    group_channels, group_filters = kernel.shape[-2], kernel.shape[-1] // groups
    lanes = core.block(dtype) // 2
    # `grouped` leaves out lines of padding, where an infinite weight would make an undefined number.
    if groups > 1 and group_channels <= group_filters <= lanes and np.isfinite(kernel).all():
        return Lanes(group_filters, lanes)
    return Blocks(groups, group_filters, core.block(dtype))
