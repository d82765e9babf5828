"""Shifted passes: the input times each weight in turn, added up where the window meets it.

Where a filter takes one channel to one map (a single image, a depthwise layer) a matrix product has nothing to gain. It
goes by blocks of rows, so that what is added to stays near the processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli._lazy import Array
from convcli.algorithms.patches import pad
from convcli.geometry import Window

BLOCK_BYTES = 1 << 20
MANY = 16  # with fewer channels NumPy's inner loops are too short


def suits(windows: Sequence[Window], groups: int, seen: int, made: int) -> bool:
    """Windows that do not stretch, and filters that take one channel to one map: of one image, or of many channels."""
    unstretched = bool(windows) and all(window.upsample == 1 for window in windows)
    return unstretched and seen == made == 1 and (groups == 1 or groups >= MANY)


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int) -> Array:
    """See the package."""
    x = pad(x, windows)
    places = [(width - each.extent) // each.stride + 1 for width, each in zip(x.shape[1:-1], windows, strict=True)]
    weights = kernel[..., 0, :]  # (*k, groups)
    y = np.empty((x.shape[0], *places, groups), x.dtype)
    rows = max(1, BLOCK_BYTES // (prod(y.shape[2:]) * y.itemsize))
    for sample, maps in zip(x, y, strict=True):
        for start in range(0, places[0], rows):
            _accumulate(maps[start : start + rows], sample, weights, windows, start)
    return y


def _accumulate(block: Array, sample: Array, weights: Array, windows: Sequence[Window], start: int) -> None:
    """Fill a block of output rows, the first of which is row `start`."""
    starts = (start, *(0 for _ in windows[1:]))
    product = np.empty_like(block)
    for count, tap in enumerate(np.ndindex(*weights.shape[:-1])):
        met = tuple(
            slice(first * each.stride + cell * each.dilation, None, each.stride)
            for first, cell, each in zip(starts, tap, windows, strict=True)
        )
        inputs = sample[met][tuple(slice(0, extent) for extent in block.shape[:-1])]
        if count == 0:
            np.multiply(inputs, weights[tap], out=block)
        else:
            block += np.multiply(inputs, weights[tap], out=product)
