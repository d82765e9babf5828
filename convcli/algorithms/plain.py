"""The plain reference: for each cell of the kernel, the input it meets, times the weight, summed.

It lays the input out as the geometry says it (stretched, then padded) and shares no indexing with the fast ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli._lazy import Array
from convcli.geometry import Window


def suits(windows: Sequence[Window], groups: int, seen: int, made: int) -> bool:
    """Everything."""
    return True


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int) -> Array:
    """See the package."""
    places = [window.positions(width) or 0 for window, width in zip(windows, x.shape[1:-1], strict=True)]
    laid = lay_out(x, windows)  # (batch, *laid, in)
    filters = kernel.shape[-1]
    seen, made = kernel.shape[-2], filters // groups
    y = np.zeros((x.shape[0], *places, filters), x.dtype)
    for tap in np.ndindex(*kernel.shape[:-2]):
        met = laid[(slice(None), *_met(tap, windows, places))]  # (batch, *positions, in)
        for group in range(groups):
            inputs = met[..., group * seen : (group + 1) * seen]
            maps = slice(group * made, (group + 1) * made)
            y[..., maps] += np.einsum("...i,if->...f", inputs, kernel[tap][:, maps])
    return y


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
