"""Pooling by passes: a window's maximum or sum is that of its rows, so each axis is taken by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from convcli._lazy import Array
from convcli.geometry import Window


def max_pool(x: Array, windows: Sequence[Window]) -> Array:
    """(batch, *spatial, channels) -> (batch, *positions, channels); empty cells never win."""
    return _passes(x, windows, np.maximum, -np.inf)


def average_pool(x: Array, windows: Sequence[Window], count_padding: bool) -> Array:
    """The sum of each window divided by its number of input cells, or of cells within the padded input."""
    divisors = np.ones((), x.dtype)
    for window, width in zip(windows, x.shape[1:-1], strict=True):
        divisors = divisors[..., None] * _counts(window, width, count_padding).astype(x.dtype)
    return _passes(x, windows, np.add, 0.0) / divisors[..., None]


def _passes(x: Array, windows: Sequence[Window], combine: np.ufunc, empty: float) -> Array:
    for axis, window in enumerate(windows, 1):
        count = window.positions(x.shape[axis]) or 0
        length = (count - 1) * window.stride + window.extent
        tail = max(0, length - window.before - x.shape[axis])  # with ceil the last window may hang over the padding
        around = [(0, 0)] * x.ndim
        around[axis] = (window.before, tail)
        laid = np.pad(x, around, constant_values=empty) if window.before or tail else x
        lead = (slice(None),) * axis
        starts = range(0, window.extent, window.dilation)
        reach = (count - 1) * window.stride + 1
        rows = (laid[(*lead, slice(start, start + reach, window.stride))] for start in starts)
        x = reduce(combine, rows)
    return x


def _counts(window: Window, width: int, count_padding: bool) -> Array:
    """How many cells of the window count, at each of its positions."""
    first = np.arange(window.positions(width) or 0)[:, None] * window.stride - window.before
    cells = first + np.arange(window.size) * window.dilation  # (positions, k)
    low, high = (-window.before, width + window.after) if count_padding else (0, width)
    return np.sum((cells >= low) & (cells < high), axis=1)
