"""The padding modes: which cell of an axis each cell of its padding repeats.

The cells 1 2 3 with two cells of padding on either side:

    zeros      0 0 | 1 2 3 | 0 0
    reflect    3 2 | 1 2 3 | 2 1    the mirror stands in the last cell: SciPy's `mirror`
    symmetric  2 1 | 1 2 3 | 3 2    the mirror stands behind the last cell: SciPy's `reflect`
    replicate  1 1 | 1 2 3 | 3 3    SciPy's `nearest`
    circular   2 3 | 1 2 3 | 1 2    SciPy's `grid-wrap`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from convcli.model.cell_sets import MOST_RANGES, TooManyRangesError, count, within

PaddingMode = Literal["zeros", "reflect", "symmetric", "replicate", "circular"]
PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)

# The first cell that padding with a mirror repeats, counted from the border.
MIRRORED_FROM = {"reflect": 1, "symmetric": 0}


def most_padding(mode: PaddingMode, extent: int) -> int | None:
    """Return how many cells a mode can add on one side of `extent` cells, None for any number.

    The limits are PyTorch's. PyTorch has no `symmetric`, which mirrors as often as it takes, as SciPy's does.
    """
    return {"reflect": extent - 1, "circular": extent}.get(mode)


def repeated_cells(mode: PaddingMode, cells: range, extent: int) -> Iterator[range]:
    """Yield the cells of an axis of `extent` cells that cells of the padded axis hold; empty cells hold none.

    `cells` count from the first cell of the axis; those of the padding before it are negative.

    Raises `TooManyRangesError`.
    """
    yield within(cells, 0, extent)
    before, after = within(cells, cells.start, 0), within(cells, extent, cells.stop)
    if mode == "replicate":
        yield range(1 if before else 0)
        yield range(extent - 1, extent if after else extent - 1)
    elif mode != "zeros":
        yield from (piece for part in (before, after) if part for piece in _wrapped(mode, part, extent))


def _wrapped(mode: PaddingMode, cells: range, extent: int) -> Iterator[range]:
    """Yield the cells that padding repeats with a mirror or around the circle, from one turn after another."""
    period = extent if mode == "circular" else 2 * (extent - MIRRORED_FROM[mode])  # there, and with a mirror back again
    if cells.step == 1 and count(cells) >= period:
        yield range(extent)
        return
    first, last = cells[0] // period, cells[-1] // period
    if last - first > MOST_RANGES:
        raise TooManyRangesError
    for turn in range(first, last + 1):
        there = within(cells, turn * period, turn * period + extent)
        yield _moved(there, -turn * period)
        back = _moved(within(cells, turn * period + extent, (turn + 1) * period), -turn * period)
        if back:
            end = period - (mode == "symmetric")  # position p on the way back is cell `end - p`
            yield range(end - back[-1], end - back[0] + 1, back.step)


def _moved(cells: range, by: int) -> range:
    return range(cells.start + by, cells.stop + by, cells.step)
