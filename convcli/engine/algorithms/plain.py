"""The plain reference: for each cell of the kernel, the input it meets, times the weight, summed.

It lays the whole input out as the geometry says it (stretched, then padded) and shares no indexing with the fast ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.blocks import EVERY, Blocks, Finish, Item
from convcli.engine.algorithms.problem import Work
from convcli.model.window import Window

FOR = "everything"


def suits(work: Work) -> bool:
    """Everything."""
    return True


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Plain(kernel, work)


class Plain(Blocks):
    """All of the output as one block."""

    multiplies = False

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(work)
        self.kernel = kernel

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        return [(tuple(slice(0, count) for count in counts), EVERY)]

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> None:
        work = self.work
        laid = lay_out(x, work.windows)  # (batch, *laid, in)
        y[...] = 0
        for tap in np.ndindex(*self.kernel.shape[:-2]):
            met = laid[(slice(None), *_met(tap, work.windows, work.places))]  # (batch, *positions, in)
            add_products(y, met, self.kernel[tap], work.groups)
        finish(y, EVERY)


def add_products(y: Array, met: Array, weights: Array, groups: int) -> None:
    """Add to each filter's sum what one cell of the kernel, `(in/groups, filters)`, makes of the inputs it meets."""
    seen, made = weights.shape[0], weights.shape[1] // groups
    for group in range(groups):
        inputs, maps = met[..., group * seen : (group + 1) * seen], slice(group * made, (group + 1) * made)
        y[..., maps] += np.einsum("...i,if->...f", inputs, weights[:, maps])


def window_at(laid: Array, windows: Sequence[Window], place: Sequence[int]) -> Array:
    """The cells under the windows at one place, `(*size, channels)`, of one sample laid out; none is beyond its end."""
    cells = [
        slice(at * window.stride, at * window.stride + window.extent, window.dilation)
        for window, at in zip(windows, place, strict=True)
    ]
    return laid[0][tuple(cells)]


def sums_at(patch: Array, kernel: Array, groups: int) -> Array:
    """The sum of products of every filter on the cells under a window, in the order of the reference: (filters,)."""
    sums = np.zeros(kernel.shape[-1], patch.dtype)
    for tap in np.ndindex(*kernel.shape[:-2]):
        add_products(sums, patch[tap], kernel[tap], groups)
    return sums


def lay_out(x: Array, windows: Sequence[Window]) -> Array:
    """The input stretched and padded with zeros, or cropped where the padding is negative: (batch, *laid, in)."""
    for axis, window in enumerate(windows, 1):
        width = window.stretched(x.shape[axis])
        laid = np.zeros(
            (*x.shape[:axis], max(0, window.before) + width + max(0, window.after), *x.shape[axis + 1 :]), x.dtype
        )
        start = max(0, window.before)
        lead = (slice(None),) * axis
        laid[(*lead, slice(start, start + width, window.upsample))] = x
        x = laid[(*lead, slice(max(0, -window.before), laid.shape[axis] - max(0, -window.after)))]
    return x


def _met(tap: tuple[int, ...], windows: Sequence[Window], places: Sequence[int]) -> tuple[slice, ...]:
    """Along each axis, the cells that a kernel cell meets, one for each position of the window."""
    return tuple(
        slice(cell * window.dilation, cell * window.dilation + window.stride * (count - 1) + 1, window.stride)
        for cell, window, count in zip(tap, windows, places, strict=True)
    )
