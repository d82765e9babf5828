"""Patches and a matrix product (im2col): the general fast way for ordinary windows.

Patches are gathered in blocks of output rows, so that the matrix of patches stays within a few megabytes whatever the
size of the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli._lazy import Array
from convcli.geometry import Window

BLOCK_BYTES = 2 << 20


def suits(windows: Sequence[Window], groups: int, seen: int, made: int) -> bool:
    """Any window that does not stretch its input."""
    return all(window.upsample == 1 for window in windows)


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int) -> Array:
    """See the package."""
    view = window_view(pad(x, windows), windows)  # (batch, *positions, *k, in)
    rank, filters = len(windows), kernel.shape[-1]
    batch, *places = view.shape[: 1 + rank]
    seen, made = kernel.shape[-2], filters // groups
    taps = prod(kernel.shape[:rank])
    matrix = kernel.reshape(taps, seen, groups, made)
    matrices = np.ascontiguousarray(matrix.transpose(2, 0, 1, 3)).reshape(groups, taps * seen, made)
    y = np.empty((batch, *places, filters), x.dtype)
    for block in _blocks(view.shape[: 1 + rank], taps * seen * groups * x.itemsize):
        patches = view[block]
        rows = prod(patches.shape[: 1 + rank])
        if groups == 1:
            product = patches.reshape(rows, -1) @ matrices[0]  # (rows, filters)
        else:
            grouped = patches.reshape(rows, taps, groups, seen).transpose(2, 0, 1, 3)
            product = np.matmul(grouped.reshape(groups, rows, -1), matrices).transpose(1, 0, 2)
        y[block] = product.reshape(*patches.shape[: 1 + rank], filters)
    return y


def pad(x: Array, windows: Sequence[Window]) -> Array:
    """The input with the cells that the windows ask for; a negative amount removes cells."""
    return pad_pairs(x, [(window.before, window.after) for window in windows])


def pad_pairs(x: Array, amounts: Sequence[tuple[int, int]]) -> Array:
    """`x` with zeros before and after each spatial axis; a negative amount removes cells."""
    added = [(max(0, before), max(0, after)) for before, after in amounts]
    if any(map(any, added)):
        x = np.pad(x, [(0, 0), *added, (0, 0)])
    # Cropped after padding: one side may remove more than the axis held before the other side was padded.
    kept = (
        slice(max(0, -pair[0]), width - max(0, -pair[1])) for pair, width in zip(amounts, x.shape[1:], strict=False)
    )
    return x[(slice(None), *kept)]


def window_view(x: Array, windows: Sequence[Window]) -> Array:
    """All windows of a padded input without a copy: (batch, *padded, in) -> (batch, *positions, *k, in)."""
    steps = x.strides[1:-1]
    positions = [(width - each.extent) // each.stride + 1 for width, each in zip(x.shape[1:-1], windows, strict=True)]
    shape = (x.shape[0], *positions, *(each.size for each in windows), x.shape[-1])
    moves = [step * each.stride for step, each in zip(steps, windows, strict=True)]
    inner = [step * each.dilation for step, each in zip(steps, windows, strict=True)]
    return as_strided(x, shape, (x.strides[0], *moves, *inner, x.strides[-1]), writeable=False)


def _blocks(shape: Sequence[int], cell_bytes: int) -> Iterator[tuple[slice, ...]]:
    """Slices that cut (batch, *positions) into runs of at most BLOCK_BYTES of patches, or single cells."""
    cells = max(1, BLOCK_BYTES // max(1, cell_bytes))
    axis, inner = len(shape), 1
    while axis > 0 and inner * shape[axis - 1] <= cells:  # the axes that fit in a block whole
        axis -= 1
        inner *= shape[axis]
    if axis == 0:
        yield ()
        return
    run = max(1, cells // max(1, inner))
    for outer in np.ndindex(*shape[: axis - 1]):
        for start in range(0, shape[axis - 1], run):
            yield (*(slice(place, place + 1) for place in outer), slice(start, start + run))
