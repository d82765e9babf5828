"""From an image to the patches under its windows, as a matrix with a row for each patch: im2col.

Nothing is copied where the patches already lie in the input as the matrix needs them. Everything else is copied a block
at a time, into memory that each thread keeps for its next block.

These functions are for windows that do not stretch their input.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Region, region_shape
from convcli.model.window import Window

LARGEST_PADDED_INPUT = 8 << 20  # bytes


def im2col(x: Array, windows: Sequence[Window], region: Region, workers: ThreadPool, out: Array | None = None) -> Array:
    """Return the patches under the windows of a region as a matrix (cells of the region, window cells · channels).

    It is written to `out` if that is given. Else it is a view of the input where that is possible, or memory of this
    thread that holds until its next call.
    """
    patches = extract_patches(x, windows, region, workers)  # (samples, *positions, *window, channels)
    shape = (prod(region_shape(region)), -1)
    if out is None:
        return contiguous(patches, shape, "patches", workers)
    np.copyto(out.reshape(patches.shape), patches)
    return out


def extract_patches(x: Array, windows: Sequence[Window], region: Region, workers: ThreadPool) -> Array:
    """Return the cells under the windows of a region, (samples, *positions, *window, channels), mostly as a view.

    Where the windows skip most of what they span, the padded input would be large for nothing: then the input is copied
    for one cell of the window after the other.
    """
    samples, *positions = region_shape(region)
    starts, spans = _starts(windows, region), _spans(windows, positions)
    x = x[region[0]]
    if samples * prod(spans) * x.shape[-1] * x.itemsize <= LARGEST_PADDED_INPUT:
        return window_view(read_cells(x, starts, spans, (1,) * len(spans), workers), windows, positions)
    sizes, strides = [window.size for window in windows], [window.stride for window in windows]
    patches = workers.scratch.array("patches", (samples, *positions, *sizes, x.shape[-1]), x.dtype)
    everywhere = (slice(None),) * (1 + len(windows))
    for cell in np.ndindex(*sizes):
        offsets = [index * window.dilation for index, window in zip(cell, windows, strict=True)]
        firsts = [start + offset for start, offset in zip(starts, offsets, strict=True)]
        patches[(*everywhere, *cell)] = read_cells(x, firsts, positions, strides, workers)
    return patches


def window_view(x: Array, windows: Sequence[Window], positions: Sequence[int]) -> Array:
    """Return all windows over an input that is padded already, without a copy.

    (samples, *space, channels) -> (samples, *positions, *window, channels)
    """
    steps = x.strides[1:-1]
    moves = [step * window.stride for step, window in zip(steps, windows, strict=True)]
    inner = [step * window.dilation for step, window in zip(steps, windows, strict=True)]
    shape = (x.shape[0], *positions, *(window.size for window in windows), x.shape[-1])
    return as_strided(x, shape, (x.strides[0], *moves, *inner, x.strides[-1]), writeable=False)


def padded_input(x: Array, windows: Sequence[Window], region: Region, workers: ThreadPool, empty: float = 0.0) -> Array:
    """Return the part of the input that the windows of a region cover, padding included: (samples, *space, channels).

    A view where there is no padding, else memory of this thread that holds until its next call. Padding holds `empty`.
    """
    starts, spans = _starts(windows, region), _spans(windows, region_shape(region)[1:])
    return read_cells(x[region[0]], starts, spans, (1,) * len(starts), workers, empty)


def read_cells(
    x: Array,
    starts: Sequence[int],
    counts: Sequence[int],
    steps: Sequence[int],
    workers: ThreadPool,
    empty: float = 0.0,
) -> Array:
    """Return the cells start + step·i, i < count, along each spatial axis: (samples, *counts, channels).

    Cells outside `x` hold `empty`. A view where all cells are inside, else memory of this thread that holds until its
    next call.
    """
    source, inside = [], []
    for start, count, step, width in zip(starts, counts, steps, x.shape[1:-1], strict=True):
        low = min(count, max(0, -(start // step)))  # the first i with start + step·i >= 0
        high = max(low, min(count, -((start - width) // step)))  # the first i after it with start + step·i >= width
        first = start + step * low
        source.append(slice(first, first + step * (high - low - 1) + 1 if high > low else first, step))
        inside.append(slice(low, high))
    cells = x[(slice(None), *source)]
    if cells.shape[1:-1] == tuple(counts):
        return cells
    # The padding is often still there from the block before: then only the cells inside are written.
    use = tuple((axis.start, axis.stop) for axis in inside)
    padded = workers.scratch.filled("padded input", (x.shape[0], *counts, x.shape[-1]), x.dtype, empty, use)
    padded[(slice(None), *inside)] = cells
    return padded


def contiguous(view: Array, shape: tuple[int, ...], name: str, workers: ThreadPool) -> Array:
    """Return a view in another shape and in one piece: the view itself where it is, else a copy.

    The copy is memory of this thread that holds until its next call with this name.
    """
    if view.flags.c_contiguous:
        return view.reshape(shape)
    copy = workers.scratch.array(name, view.shape, view.dtype)
    np.copyto(copy, view)
    return copy.reshape(shape)


def _starts(windows: Sequence[Window], region: Region) -> list[int]:
    """Return the index of the first cell under the windows of a region, along each axis; negative in the padding."""
    return [axis.start * window.stride - window.before for axis, window in zip(region[1:], windows, strict=True)]


def _spans(windows: Sequence[Window], positions: Sequence[int]) -> list[int]:
    """Return how many cells the windows span along each axis, at so many positions."""
    return [(count - 1) * window.stride + window.extent for count, window in zip(positions, windows, strict=True)]
