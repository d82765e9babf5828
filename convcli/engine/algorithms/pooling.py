"""Pooling by passes: a window's maximum or sum is that of its rows, so each axis is taken by itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.blocks import EVERY, Box, Finish, boxes, extents, slab
from convcli.model.window import Window

BLOCK_BYTES = 4 << 20
LEAST, LEAST_BYTES = 4, 1 << 20  # blocks, where there is so much to read


def pool(
    x: Array,
    y: Array,
    windows: Sequence[Window],
    kind: str,
    count_padding: bool,
    team: Team,
    finish: Finish,
    native: bool = False,
) -> None:
    """(batch, *spatial, channels) -> (batch, *positions, channels): the maximum or the mean of each window.

    Empty cells never win; the mean is over the input cells of a window, or with `count_padding` over those within the
    padded input. `native`: by compiled code, where there are one or two axes.
    """
    least = LEAST if x.nbytes > LEAST_BYTES else 1
    if native and len(windows) <= 2:

        def rows(box: Box) -> None:
            compiled.pool_rows(x, y, windows, kind == "max", count_padding, box)
            finish(y[box], EVERY)

        team.run(rows, compiled.whole_rows(y.shape[:-1], x[0, 0].nbytes, least))
        return
    combine: np.ufunc
    if kind == "max":
        combine, empty = np.maximum, -np.inf
    else:
        combine, empty = np.add, 0.0
    cell_bytes = prod(window.stride for window in windows) * x.shape[-1] * x.itemsize

    def fill(box: tuple[slice, ...]) -> None:
        block = slab(x, windows, box, team, empty)
        for axis, (window, count) in enumerate(zip(windows, extents(box)[1:], strict=True), 1):
            last = axis == len(windows)
            into = (
                y[box]
                if last
                else team.scratch(f"pass {axis}", (*block.shape[:axis], count, *block.shape[axis + 1 :]), x.dtype)
            )
            block = _pass(block, axis, window, count, combine, into)
        if kind == "average":
            np.divide(block, divisors(windows, x, box, count_padding), out=block)
        finish(block, EVERY)

    team.run(fill, boxes(y.shape[:-1], cell_bytes, least, BLOCK_BYTES))


def _pass(x: Array, axis: int, window: Window, count: int, combine: np.ufunc, into: Array) -> Array:
    """Combine the cells of the windows along one axis."""
    lead = (slice(None),) * axis
    rows = [
        x[(*lead, slice(start, start + (count - 1) * window.stride + 1, window.stride))]
        for start in range(0, window.extent, window.dilation)
    ]
    if len(rows) == 1:
        np.copyto(into, rows[0])
        return into
    combine(rows[0], rows[1], out=into)
    for row in rows[2:]:
        combine(into, row, out=into)
    return into


def divisors(windows: Sequence[Window], x: Array, box: Box, count_padding: bool) -> Array:
    """How many cells of the window count, at each position of a box: (*positions, 1)."""
    divisors = np.ones((), x.dtype)
    for window, width, place in zip(windows, x.shape[1:-1], box[1:], strict=True):
        low, high = (-window.before, width + window.after) if count_padding else (0, width)
        first = np.arange(place.start, place.stop) * window.stride - window.before
        until = np.clip(-((first - high) // window.dilation), 0, window.size)  # cells before the end
        since = np.clip(-((first - low) // window.dilation), 0, window.size)  # of them, cells before the beginning
        divisors = divisors[..., None] * (until - since).astype(x.dtype)
    return divisors[..., None]
