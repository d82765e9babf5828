"""Windows that stretch their input (transposed convolutions), without the zeros in between.

Each input cell is multiplied by every cell of the kernel and the products are added where they fall.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli._lazy import Array
from convcli.algorithms.patches import pad_pairs
from convcli.geometry import Window


def suits(windows: Sequence[Window], groups: int, seen: int, made: int) -> bool:
    """Windows that move by one cell over a stretched input."""
    return any(window.upsample > 1 for window in windows) and all(window.stride == 1 for window in windows)


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int) -> Array:
    """See the package."""
    batch, *space, _ = x.shape
    seen, made = kernel.shape[-2], kernel.shape[-1] // groups
    full = [each.stretched(width) + each.extent - 1 for each, width in zip(windows, space, strict=True)]
    y = np.zeros((batch, *full, groups, made), x.dtype)
    cells = x.reshape(-1, groups, seen).swapaxes(0, 1)  # (groups, cells, in/groups)
    weights = kernel.reshape(*kernel.shape[:-1], groups, made)
    for tap in np.ndindex(*kernel.shape[:-2]):
        products = np.matmul(cells, weights[tap].swapaxes(0, 1))  # (groups, cells, filters/groups)
        fall = [
            slice(start, start + each.stretched(width), each.upsample)
            for start, each, width in zip(_starts(tap, windows), windows, space, strict=True)
        ]
        y[(slice(None), *fall)] += products.swapaxes(0, 1).reshape(batch, *space, groups, made)
    # The whole output, to be cut or lengthened to the padding that the window really has.
    amounts = [(each.before - each.extent + 1, each.after - each.extent + 1) for each in windows]
    return pad_pairs(y.reshape(batch, *full, groups * made), amounts)


def _starts(tap: tuple[int, ...], windows: Sequence[Window]) -> list[int]:
    """Where the first input cell falls: the kernel meets the input in order, so its last cell is met first."""
    return [(each.size - 1 - cell) * each.dilation for cell, each in zip(tap, windows, strict=True)]
