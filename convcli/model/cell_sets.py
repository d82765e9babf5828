"""Sets of cells along an axis as ranges, so that billions of cells take no more work than a few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from math import gcd

Cells = tuple[range, ...]  # none of them empty, each with a positive step; a cell may be in several
MOST_RANGES = 1 << 12  # of one set
MOST_PIECES = 4 * MOST_RANGES  # that are put together to make one set


class TooManyRangesError(Exception):
    """A set of cells is so irregular that it takes more than `MOST_RANGES` ranges."""


def as_cells(ranges: Iterable[range]) -> Cells:
    """Return ranges as a set: sorted, without empty ones, and with those joined that follow each other.

    Raises `TooManyRangesError`.
    """
    joined: list[range] = []
    pieces = list(islice(filter(None, ranges), MOST_PIECES + 1))
    if len(pieces) > MOST_PIECES:
        raise TooManyRangesError
    for cells in sorted(pieces, key=lambda cells: (cells[0], -cells[-1])):
        last = joined[-1] if joined else None
        if last is not None and last.step == 1 and cells[-1] <= last[-1]:
            continue
        if last is not None and _follows(last, cells):
            joined[-1] = range(last.start, max(last[-1], cells[-1]) + 1, last.step)
        else:
            joined.append(cells)
    if len(joined) > MOST_RANGES:
        raise TooManyRangesError
    return tuple(joined)


def count(cells: range) -> int:
    """Return how many cells a range has; `len` takes ranges of less than 2⁶³ cells only."""
    return max(0, -((cells.start - cells.stop) // cells.step))


def _follows(cells: range, others: range) -> bool:
    """Return whether both ranges together are one; `others` begins no earlier."""
    on_beat = others.step == cells.step and (others.start - cells.start) % cells.step == 0
    return on_beat and others.start <= cells[-1] + cells.step


def sums(cells: range, others: range) -> Iterator[range]:
    """Yield ranges that hold every sum of a number in one range and a number in the other.

    Raises `TooManyRangesError`.
    """
    few, many = sorted((cells, others), key=count)
    dense, sparse = sorted((cells, others), key=lambda numbers: numbers.step)
    first, last = cells[0] + others[0], cells[-1] + others[-1]
    if count(few) == 1:
        yield range(first, last + 1, many.step)
    elif sparse.step % dense.step == 0 and sparse.step // dense.step <= count(dense):  # no gap between the copies of it
        yield range(first, last + 1, dense.step)
    else:
        if count(few) > MOST_RANGES:
            raise TooManyRangesError
        yield from (range(number + many[0], number + many[-1] + 1, many.step) for number in few)


def quotients(cells: range, divisor: int) -> range:
    """Return the quotients of the numbers that a divisor divides."""
    if divisor == 1:
        return cells
    common = gcd(cells.step, divisor)
    if cells.start % common:
        return range(0)
    every = divisor // common  # of the numbers from the first on
    first = -cells.start // common * pow(cells.step // common, -1, every) % every
    divided = cells[first::every]
    return range(divided[0] // divisor, divided[-1] // divisor + 1, divided.step // divisor) if divided else range(0)


def within(cells: range, start: int, stop: int) -> range:
    """Return the cells from `start` on and before `stop`."""
    first = max(0, -((cells.start - start) // cells.step))
    return cells[first : max(first, -((cells.start - stop) // cells.step))]
