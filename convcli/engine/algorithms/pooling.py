"""Pooling by passes: the maximum or sum of a window is that of its rows' results, so each axis is taken by itself.

Windows may be far larger than the input. Cells of a window that meet nothing but padding are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import ALL_FILTERS, Region, cut_into_regions, region_shape
from convcli.engine.algorithms.blockwise import Finish
from convcli.engine.algorithms.im2col import padded_input
from convcli.model.steps import Pool
from convcli.model.window import Window

BLOCK_BYTES = 4 << 20
LEAST_REGIONS, LEAST_BYTES = 4, 1 << 20  # so many regions, at least, of an input that is larger than this


def pool(step: Pool, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
    """Write the maximum or the mean of each window to `y`, channel by channel, and finish it block by block.

    x: (samples, *space, channels); y: (samples, *positions, channels). An empty cell is never a maximum. A mean is over
    the input cells of its window, or where the step counts padding, over those in the padded input.
    """
    windows = step.windows
    least = LEAST_REGIONS if x.nbytes > LEAST_BYTES else 1

    def pool_region(region: Region) -> None:
        combine, empty = (np.maximum, -np.inf) if step.kind == "max" else (np.add, 0.0)
        near = windows_on_input(windows, x.shape[1:-1], region)
        values = padded_input(x, near, region, workers, empty)
        *positions, last = zip(near, region_shape(region)[1:], strict=True)
        for axis, (window, count) in enumerate(positions, 1):
            shape = (*values.shape[:axis], count, *values.shape[axis + 1 :])
            values = _pass(values, axis, window, count, combine, workers.scratch.array(f"pass {axis}", shape, x.dtype))
        values = _pass(values, len(windows), *last, combine, y[region])
        if step.kind == "average":
            np.divide(values, divisors(step, x, region), out=values)
        finish(values, ALL_FILTERS)

    workers.run(pool_region, _regions(windows, x.shape, x.itemsize, least))


def scratch_bytes(windows: Sequence[Window], shape: Sequence[int], itemsize: int) -> int:
    """Return the memory that a thread takes at most to pool samples of a shape (*space, channels), in bytes."""
    region = _regions(windows, (1, *shape), itemsize, least=1)[-1]  # none is larger than the last
    spans = _most_spans(windows, shape[:-1], region_shape(region)[1:])
    # The padded input, and for each axis but the last what the pass along it yields, which is not larger.
    return len(windows) * max(BLOCK_BYTES, prod(spans) * shape[-1] * itemsize) if windows else 0


def _regions(windows: Sequence[Window], shape: Sequence[int], itemsize: int, least: int) -> list[Region]:
    """Return the regions in which an input, (samples, *space, channels), is pooled.

    A region reads about `BLOCK_BYTES`. Where windows are larger than that, it reads more, but of one sample alone.
    """
    samples, *space, channels = shape
    positions = [known(window.output_extent(width)) for window, width in zip(windows, space, strict=True)]
    cells_read = -(-prod(_most_spans(windows, space, positions)) // max(1, prod(positions)))
    cell_bytes = max(cells_read, prod(window.stride for window in windows)) * channels * itemsize
    return cut_into_regions((samples, *positions), cell_bytes, least, BLOCK_BYTES)


def _most_spans(windows: Sequence[Window], space: Sequence[int], positions: Sequence[int]) -> list[int]:
    """Return how many cells `windows_on_input` span at most along each axis, at so many positions."""
    spans = []
    for window, width, count in zip(windows, space, positions, strict=True):
        moved = (count - 1) * window.stride
        spans.append(moved + min(window.extent, width + moved))
    return spans


def windows_on_input(windows: Sequence[Window], space: Sequence[int], region: Region) -> tuple[Window, ...]:
    """Return the windows without the cells that meet padding alone at all positions of a region.

    Each window keeps at least one cell. Its positions are counted as before; `after` ends its padding at the last one.
    """
    axes = zip(windows, space, region[1:], strict=True)
    return tuple(_window_on_input(window, width, positions) for window, width, positions in axes)


def _window_on_input(window: Window, width: int, positions: slice) -> Window:
    first = positions.start * window.stride - window.before  # where the window begins at the first position
    last = (positions.stop - 1) * window.stride - window.before
    start = min(window.size - 1, max(0, -(last // window.dilation)))
    stop = max(start + 1, min(window.size, (width - 1 - first) // window.dilation + 1))
    near = replace(window, size=stop - start, before=window.before - start * window.dilation, ceil=False)
    return replace(near, after=(positions.stop - 1) * near.stride + near.extent - near.before - width)


def _pass(x: Array, axis: int, window: Window, count: int, combine: np.ufunc, out: Array) -> Array:
    """Combine the cells under a window along one axis, at `count` positions, into `out`."""
    lead = (slice(None),) * axis
    shifted = [
        x[(*lead, slice(start, start + (count - 1) * window.stride + 1, window.stride))]
        for start in range(0, window.extent, window.dilation)
    ]
    if len(shifted) == 1:
        np.copyto(out, shifted[0])
        return out
    combine(shifted[0], shifted[1], out=out)
    for cells in shifted[2:]:
        combine(out, cells, out=out)
    return out


def divisors(step: Pool, x: Array, region: Region) -> Array:
    """Return what the sum of the window is divided by at each position of a region: (*positions, 1), as `x` is typed.

    That is the step's divisor, or else the number of cells of the window that count.
    """
    if step.divisor is not None:
        return np.full((1,) * (x.ndim - 1), step.divisor, x.dtype)
    divisors = np.ones((), x.dtype)
    for window, width, positions in zip(step.windows, x.shape[1:-1], region[1:], strict=True):
        divisors = divisors[..., None] * counted_cells(window, width, positions, step.count_padding).astype(x.dtype)
    return divisors[..., None]


def counted_cells(window: Window, width: int, positions: slice, count_padding: bool) -> Array:
    """Return how many cells of a window along an axis count at each position: (positions,)."""
    low, high = (-window.before, width + window.after) if count_padding else (0, width)
    first = np.arange(positions.start, positions.stop) * window.stride - window.before
    cells_before_end = np.clip(-((first - high) // window.dilation), 0, window.size)
    cells_before_start = np.clip(-((first - low) // window.dilation), 0, window.size)
    counted: Array = cells_before_end - cells_before_start
    return counted
