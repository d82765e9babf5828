"""Cutting the output into blocks, and the part of the input that a block sees.

Blocks depend on the work alone, never on how many threads there are, so that results do not either. They are a
megabyte or two: longer calls to NumPy gain nothing more, and shorter ones lose time as threads take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.problem import Work
from convcli.model.window import Window

BLOCK_BYTES = 2 << 20
LARGEST_SLAB = 8 << 20
ENOUGH_MACS = 1 << 24  # a quarter of a millisecond: worth a thread's attention
MOST_SHARES = 8
FEWEST_FILTERS = 256  # of a share: each reads, and may transform, the same input anew

Box = tuple[slice, ...]
# What is done to a block of the output as soon as it is there, in place: `finish(block, filters)`. The last axis of the
# block are the channels that `filters` picks.
Finish = Callable[[Array, slice], None]
EVERY = slice(None)
Item = tuple[Box, slice]  # a block: the cells of the output and the filters


class Blocks:
    """A correlation that is ready to run block by block: what `prepare` of an algorithm returns.

    `multiplies` says that it is matrix products which take the time, of which BLAS may have threads of its own.
    """

    multiplies = True

    def __init__(self, work: Work) -> None:
        self.work = work

    def ran(self, way: str) -> tuple[str, ...]:
        """What the last run was done by: the way whose blocks these are, unless it left some to another."""
        return (way,)

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        """The blocks that cover `(batch, *positions)` cells of the output."""
        raise NotImplementedError

    def within(self, box: Box) -> list[Item]:
        """The blocks that cover a box of cells of the output."""
        moved = []
        for cells, filters in self.items(extents(box)):
            at = (slice(part.start + each.start, part.stop + each.start) for part, each in zip(cells, box, strict=True))
            moved.append((tuple(at), filters))
        return moved

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> Any:
        """Compute one block of `y`, `(batch, *positions, filters)`, from `x`, `(batch, *spatial, in)`."""
        raise NotImplementedError

    def run(self, x: Array, y: Array, team: Team, finish: Finish) -> None:
        """Compute all of `y`."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinite and undefined results are results
            team.run(lambda item: self.fill(x, y, item, team, finish), self.items(y.shape[:-1]))


def blocks(
    counts: Sequence[int], cell_bytes: int, filters: int, macs: int, few: int = 0, limit: int | None = None
) -> list[Item]:
    """Blocks of at most `limit` bytes (or a single cell) that cover `counts` cells and all filters.

    Work of many multiplications is cut in as many as threads could share: in runs of cells, or where a block would have
    no more than `few` of them, of filters, as short matrix products are slow.
    """
    shares = 1 << max(0, min(MOST_SHARES, macs // ENOUGH_MACS).bit_length() - 1)  # a power of two, to come out even
    if prod(counts) > few or not 1 < shares <= filters:
        return [(box, EVERY) for box in boxes(counts, cell_bytes, shares, limit)]
    found = boxes(counts, cell_bytes, 1, limit)
    parts = max(1, min(-(-shares // len(found)), filters // FEWEST_FILTERS))
    return [(box, part) for box in found for part in _shares(filters, parts)]


def boxes(counts: Sequence[int], cell_bytes: int, least: int = 1, limit: int | None = None) -> list[Box]:
    """At least `least` boxes that cover `counts` cells, where there are so many, each of at most `limit` bytes."""
    cells = max(1, (limit or BLOCK_BYTES) // max(1, cell_bytes))
    axis, inner = len(counts), 1
    while axis > 0 and inner * counts[axis - 1] <= cells:  # the axes that fit whole
        axis -= 1
        inner *= counts[axis]
    if axis == 0:
        # Everything fits in one block: cut the first axis that can be shared.
        axis = next((place + 1 for place, count in enumerate(counts) if count > 1), 0)
        if axis == 0 or least == 1:
            return [tuple(slice(0, count) for count in counts)]
        inner = prod(counts[axis:])
    outer = prod(counts[: axis - 1])
    run = max(1, cells // max(1, inner))
    pieces = max(-(-counts[axis - 1] // run), min(counts[axis - 1], -(-least // outer)))
    runs = _shares(counts[axis - 1], pieces + (pieces % 2 if 1 < pieces < min(MOST_SHARES, counts[axis - 1]) else 0))
    whole = [slice(0, count) for count in counts[axis:]]
    leading = [[slice(place, place + 1) for place in range(count)] for count in counts[: axis - 1]]
    return [(*lead, each, *whole) for *lead, each in product(*leading, runs)]


def _shares(count: int, pieces: int) -> list[slice]:
    """`count` cells cut in so many runs, as equal as can be."""
    edges = [count * place // pieces for place in range(pieces + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def slab(x: Array, windows: Sequence[Window], box: Box, team: Team, empty: float = 0.0) -> Array:
    """The part of the input that the windows of a box see, padding included: a view where there is none.

    Windows must not stretch their input.
    """
    starts = [place.start * each.stride - each.before for place, each in zip(box[1:], windows, strict=True)]
    return region(x[box[0]], starts, _spans(windows, box), (1,) * len(starts), team, empty)


def _spans(windows: Sequence[Window], box: Box) -> list[int]:
    """How many cells along each axis the windows of a box span."""
    places = zip(extents(box)[1:], windows, strict=True)
    return [(count - 1) * each.stride + each.extent for count, each in places]


def region(
    x: Array, starts: Sequence[int], counts: Sequence[int], steps: Sequence[int], team: Team, empty: float = 0.0
) -> Array:
    """Cells `start + step·i` along each spatial axis, `empty` where there is none: (batch, *counts, channels).

    A view where all cells are there, else this thread's own array until the next call.
    """
    there, inside = [], []
    for start, count, step, width in zip(starts, counts, steps, x.shape[1:-1], strict=True):
        low = min(count, max(0, -(start // step)))  # the first i with start + step·i >= 0
        high = max(low, min(count, -((start - width) // step)))
        there.append(
            slice(start + step * low, start + step * (high - 1) + 1 if high > low else start + step * low, step)
        )
        inside.append(slice(low, high))
    found = x[(slice(None), *there)]
    if found.shape[1:-1] == tuple(counts):
        return found
    # The empty cells around are often still there from the block before.
    use = tuple((each.start, each.stop) for each in inside)
    laid = team.filled("slab", (x.shape[0], *counts, x.shape[-1]), x.dtype, empty, use)
    laid[(slice(None), *inside)] = found
    return laid


def window_view(x: Array, windows: Sequence[Window], places: Sequence[int]) -> Array:
    """All windows of a slab without a copy: (batch, *cells, in) -> (batch, *places, *k, in)."""
    steps = x.strides[1:-1]
    shape = (x.shape[0], *places, *(each.size for each in windows), x.shape[-1])
    moves = [step * each.stride for step, each in zip(steps, windows, strict=True)]
    inner = [step * each.dilation for step, each in zip(steps, windows, strict=True)]
    return as_strided(x, shape, (x.strides[0], *moves, *inner, x.strides[-1]), writeable=False)


def patches_of(x: Array, windows: Sequence[Window], box: Box, team: Team) -> Array:
    """The cells under the windows of a box, where it can be without a copy: (batch, *places, *k, in).

    Where the windows leave out most of what they span, the slab would be large for nothing: then it is cell by cell of
    the window that the input is gathered.
    """
    batch, *places = extents(box)
    if batch * prod(_spans(windows, box)) * x.shape[-1] * x.itemsize <= LARGEST_SLAB:
        return window_view(slab(x, windows, box, team), windows, places)
    sizes = [window.size for window in windows]
    laid = team.scratch("patches", (batch, *places, *sizes, x.shape[-1]), x.dtype)
    every = (slice(None),) * (1 + len(windows))
    steps = [window.stride for window in windows]
    for tap in np.ndindex(*sizes):
        starts = [
            place.start * each.stride - each.before + cell * each.dilation
            for place, each, cell in zip(box[1:], windows, tap, strict=True)
        ]
        laid[(*every, *tap)] = region(x[box[0]], starts, places, steps, team)
    return laid


def extents(box: Box) -> tuple[int, ...]:
    """How many cells a box has along each axis."""
    return tuple(each.stop - each.start for each in box)


def gathered(view: Array, name: str, shape: tuple[int, ...], team: Team) -> Array:
    """A view as an array of this shape in one piece: the view itself where it is, else a copy of this thread's own."""
    if view.flags.c_contiguous:
        return view.reshape(shape)
    copy = team.scratch(name, view.shape, view.dtype)
    np.copyto(copy, view)
    return copy.reshape(shape)


def as_rows(block: Array) -> Array | None:
    """A block of the output as a matrix `(cells, channels)` in the same memory, where its cells lie evenly there."""
    axes = [(count, step) for count, step in zip(block.shape[:-1], block.strides, strict=False) if count > 1]
    even = all(outer == count * step for (_, outer), (count, step) in pairwise(axes))
    return block.reshape(-1, block.shape[-1]) if even else None
