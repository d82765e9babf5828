"""Pooling by passes: the maximum or sum of a window is that of its rows' results, so each axis is taken by itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.blocks import ALL_FILTERS, Region, cut_into_regions, region_shape
from convcli.engine.algorithms.blockwise import Finish
from convcli.engine.algorithms.im2col import padded_input
from convcli.model.steps import Pool
from convcli.model.window import Window

BLOCK_BYTES = 4 << 20
LEAST_REGIONS, LEAST_BYTES = 4, 1 << 20  # so many regions, at least, of an input that is larger than this


def pool(step: Pool, x: Array, y: Array, workers: ThreadPool, finish: Finish, native: bool = False) -> None:
    """Write the maximum or the mean of each window to `y`, channel by channel, and finish it block by block.

    x: (samples, *space, channels); y: (samples, *positions, channels). An empty cell is never a maximum. A mean is over
    the input cells of its window, or where the step counts padding, over those in the padded input. `native`: by
    compiled code, where there are one or two axes.
    """
    windows = step.windows
    least = LEAST_REGIONS if x.nbytes > LEAST_BYTES else 1
    if native and len(windows) <= 2:

        def pool_rows(region: Region) -> None:
            compiled.pool_rows(x, y, windows, step.kind == "max", step.count_padding, region)
            finish(y[region], ALL_FILTERS)

        workers.run(pool_rows, compiled.whole_rows(y.shape[:-1], x[0, 0].nbytes, least))
        return

    def pool_region(region: Region) -> None:
        combine, empty = (np.maximum, -np.inf) if step.kind == "max" else (np.add, 0.0)
        values = padded_input(x, windows, region, workers, empty)
        *positions, last = zip(windows, region_shape(region)[1:], strict=True)
        for axis, (window, count) in enumerate(positions, 1):
            shape = (*values.shape[:axis], count, *values.shape[axis + 1 :])
            values = _pass(values, axis, window, count, combine, workers.scratch.array(f"pass {axis}", shape, x.dtype))
        values = _pass(values, len(windows), *last, combine, y[region])
        if step.kind == "average":
            np.divide(values, divisors(windows, x, region, step.count_padding), out=values)
        finish(values, ALL_FILTERS)

    cell_bytes = prod(window.stride for window in windows) * x.shape[-1] * x.itemsize
    workers.run(pool_region, cut_into_regions(y.shape[:-1], cell_bytes, least, BLOCK_BYTES))


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


def divisors(windows: Sequence[Window], x: Array, region: Region, count_padding: bool) -> Array:
    """Return how many cells of the window count at each position of a region: (*positions, 1), of the type of `x`."""
    divisors = np.ones((), x.dtype)
    for window, width, positions in zip(windows, x.shape[1:-1], region[1:], strict=True):
        low, high = (-window.before, width + window.after) if count_padding else (0, width)
        first = np.arange(positions.start, positions.stop) * window.stride - window.before
        cells_before_end = np.clip(-((first - high) // window.dilation), 0, window.size)
        cells_before_start = np.clip(-((first - low) // window.dilation), 0, window.size)
        divisors = divisors[..., None] * (cells_before_end - cells_before_start).astype(x.dtype)
    return divisors[..., None]
