"""The input of a step as its windows meet it: stretched and padded, with the origin of every cell."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from convcli.core import memory
from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.algorithms.plain import patch_at, stretch_and_pad
from convcli.engine.explain.stages import Cell, Patch
from convcli.model.window import Window

BYTES_PER_CELL = 32  # of each channel and each axis, while an input is laid out: a number and copies of it


class LaidOut(NamedTuple):
    """An input of one sample as windows meet it; each array is `(1, *laid, …)`.

    `values` has the input's channels. `inside`, with one channel, is true for cells of the input. `origins`, with a
    channel for each spatial axis, is the position of each cell in the input, -1 where it is none; or None as a whole.
    """

    values: Array
    inside: Array
    origins: Array | None

    def patch(self, windows: Sequence[Window], position: Cell) -> Patch:
        """Return the cells under the windows at a position, with all channels."""
        origins = None if self.origins is None else patch_at(self.origins, windows, position)
        inside = patch_at(self.inside, windows, position)[..., 0]
        return Patch(patch_at(self.values, windows, position), inside, origins)


def lay_out_for(windows: Sequence[Window], values: Array, inside: Array, numbering: Array | None) -> LaidOut:
    """Return values as windows meet them, with what is known of each cell: all are `(1, *spatial, …)`.

    `inside` says which are cells of the layer's input, and `numbering` where they are there, as `number_cells` does.
    """
    origins = None if numbering is None else _lay_out(numbering, windows, values.shape) - 1
    return LaidOut(_lay_out(values, windows, values.shape), _lay_out(inside, windows, values.shape), origins)


def patch_of_input(x: Array, windows: Sequence[Window], position: Cell) -> Patch:
    """Return the cells of an input `(1, *spatial, channels)` under windows at a position.

    Only the part of the input that the windows span is laid out, because a whole image would take far longer.
    """
    spans, moved = _nearby(windows, x.shape[1:], position)
    cells = prod(window.before + window.extent + window.after for window in moved)
    memory.require(cells * (x.shape[-1] + len(position)) * BYTES_PER_CELL, "a smaller window")
    part = x[(slice(None), *spans)]
    numbering = number_cells(part.shape[1:-1]) + [span.start for span in spans]
    laid_out = lay_out_for(moved, part, np.ones((*part.shape[:-1], 1), bool), numbering)
    return laid_out.patch(moved, (0,) * len(position))


def _nearby(
    windows: Sequence[Window], space: Sequence[int], position: Cell
) -> tuple[tuple[slice, ...], tuple[Window, ...]]:
    """Return the span of the input that the windows at a position meet, and windows that lie so over this span alone.

    Where they meet no cell along an axis, the span is a cell that follows them.
    """
    spans, moved = [], []
    for window, width, index in zip(windows, space, position, strict=False):
        first = index * window.stride - window.before  # in cells of the stretched input
        last = first + window.extent - 1
        span = slice(max(0, -(-first // window.upsample)), min(width, last // window.upsample + 1))
        before, after = span.start * window.upsample - first, last - (span.stop - 1) * window.upsample
        if span.start >= span.stop:
            span, before, after = slice(0, 1), window.extent, 0
        spans.append(span)
        moved.append(replace(window, stride=1, before=before, after=after, ceil=False))
    return tuple(spans), tuple(moved)


def number_cells(space: Sequence[int]) -> Array:
    """Return the position of each cell along each axis plus 1, as 0 is what padding will hold: `(1, *space, axes)`."""
    return np.moveaxis(np.indices(space), 0, -1)[None] + 1


def _lay_out(x: Array, windows: Sequence[Window], shape: Sequence[int]) -> Array:
    """Return an array stretched and padded as windows over an input of a shape `(1, *spatial, …)` meet it.

    Empty cells are added where a last window hangs over the end.
    """
    laid = stretch_and_pad(x, windows)
    ends = [
        (known(window.output_extent(width)) - 1) * window.stride + window.extent
        for window, width in zip(windows, shape[1:], strict=False)
    ]
    missing = [(0, max(0, end - width)) for end, width in zip(ends, laid.shape[1:], strict=False)]
    return np.pad(laid, [(0, 0), *missing, (0, 0)]) if any(map(any, missing)) else laid
