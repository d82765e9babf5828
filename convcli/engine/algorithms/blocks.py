"""Cutting the output of a correlation into blocks, which threads compute one at a time.

Blocks follow from the problem alone, never from the number of threads, so that results do not depend on it either.
A block is one or two megabytes: longer calls to NumPy gain nothing more, and with shorter ones threads lose time as
they take turns at Python's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

BLOCK_BYTES = 2 << 20
ENOUGH_MACS = 1 << 24  # a quarter of a millisecond: worth a thread's attention
MOST_SHARES = 8
FEWEST_FILTERS = 256  # of a block: each block of filters reads, and may transform, the same input anew

Region = tuple[slice, ...]  # some samples, and along each spatial axis some positions of the output
ALL_FILTERS = slice(None)


class Block(NamedTuple):
    """The work that a thread does at once: a region of the output, and some of its filters there."""

    region: Region
    filters: slice = ALL_FILTERS


def cut_into_blocks(
    shape: Sequence[int], cell_bytes: int, filters: int, macs: int, few: int = 0, limit: int | None = None
) -> list[Block]:
    """Return blocks that cover `shape`, (samples, *positions), and all filters.

    A block takes at most `limit` bytes [`BLOCK_BYTES`], at `cell_bytes` a cell, or is a single cell. Where there are
    many multiplications (`macs`), there are at least as many blocks as threads could share: regions of cells, or, where
    a region would have no more than `few` cells, ranges of filters, as matrix products of few rows are slow.
    """
    shares = 1 << max(0, min(MOST_SHARES, macs // ENOUGH_MACS).bit_length() - 1)  # a power of two, to come out even
    if prod(shape) > few or not 1 < shares <= filters:
        return [Block(region) for region in cut_into_regions(shape, cell_bytes, shares, limit)]
    regions = cut_into_regions(shape, cell_bytes, 1, limit)
    ranges = max(1, min(-(-shares // len(regions)), filters // FEWEST_FILTERS))
    return [Block(region, some) for region in regions for some in _cut_evenly(filters, ranges)]


def cut_into_regions(
    shape: Sequence[int], cell_bytes: int, at_least: int = 1, limit: int | None = None
) -> list[Region]:
    """Return regions that cover `shape`: at least so many, where there are cells enough, of at most `limit` bytes.

    Each region spans some axis in part, the axes after it whole, and one index of each axis before it, so that its
    cells follow each other in memory.
    """
    cells = max(1, (limit or BLOCK_BYTES) // max(1, cell_bytes))
    axis, inner = len(shape), 1
    while axis > 0 and inner * shape[axis - 1] <= cells:  # the axes that fit whole
        axis -= 1
        inner *= shape[axis]
    if axis == 0:
        # Everything fits in one region: cut the first axis that can be shared.
        axis = next((number for number, count in enumerate(shape, 1) if count > 1), 0)
        if axis == 0 or at_least == 1:
            return [tuple(slice(0, count) for count in shape)]
        inner = prod(shape[axis:])
    count, outer = shape[axis - 1], prod(shape[: axis - 1])
    length = max(1, cells // max(1, inner))
    pieces = max(-(-count // length), min(count, -(-at_least // outer)))
    if 1 < pieces < min(MOST_SHARES, count):
        pieces += pieces % 2  # an even number, for two threads to share
    leading = [[slice(index, index + 1) for index in range(extent)] for extent in shape[: axis - 1]]
    whole = [slice(0, extent) for extent in shape[axis:]]
    return [(*lead, piece, *whole) for *lead, piece in product(*leading, _cut_evenly(count, pieces))]


def region_shape(region: Region) -> tuple[int, ...]:
    """Return how many cells a region has along each axis."""
    return tuple(axis.stop - axis.start for axis in region)


def _cut_evenly(count: int, pieces: int) -> list[slice]:
    """Return so many slices that cover `count`, as equal as can be."""
    edges = [count * number // pieces for number in range(pieces + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
