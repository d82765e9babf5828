"""Receptive fields within the borders of an input: which of its cells each cell of a value really depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import lcm

from convcli.core.shapes import Extent, known
from convcli.model.cell_sets import MOST_RANGES, Cells, TooManyRangesError, as_cells, count, quotients, sums, within
from convcli.model.padding_modes import MIRRORED_FROM, PaddingMode
from convcli.model.receptive_field import Span
from convcli.model.window import Window

CellFunction = Callable[[Cells], Iterable[range]]


class BoundedField:
    """The input cells that each cell of a value sees along one axis of known extent, within its borders.

    No cell is listed: a field knows the fields before it, and which of their cells some of its own cells see. It is
    made of `sources`: a field, and the function from cells of this field to cells of that one. The field of the input
    itself has none.
    """

    def __init__(self, extent: int, sources: Sequence[tuple[BoundedField, CellFunction]] = ()) -> None:
        self.extent = extent
        self._sources = sources
        self._level: int = 1 + max((field._level for field, _ in sources), default=0)  # above all fields before it
        self._spans: dict[int, Span] = {}

    def span(self, cell: int) -> Span:
        """Return the first and the last input cell that `cell` sees. Raises `TooManyRangesError`."""
        if cell not in self._spans:
            self._spans[cell] = self._span(cell)
        return self._spans[cell]

    def _span(self, cell: int) -> Span:
        """Go back level by level, so that each field is asked once for all cells that are seen through any branch."""
        seen: dict[BoundedField, Cells] = {self: (range(cell, cell + 1),)}
        while len(seen) > 1 or next(iter(seen))._sources:
            field = max(seen, key=lambda field: field._level)
            cells = seen.pop(field)
            for source, seen_cells in field._sources:
                seen[source] = as_cells((*seen.get(source, ()), *seen_cells(cells)))
        (cells,) = seen.values()
        return (min(part[0] for part in cells), max(part[-1] for part in cells)) if cells else None

    def padded(self, before: int, after: int, mode: PaddingMode) -> BoundedField:
        """Return the field of this value with cells added around it; a negative number removes cells."""

        def seen_cells(cells: Cells) -> Iterator[range]:
            for part in cells:
                moved = range(part.start - before, part.stop - before, part.step)
                yield from repeated_cells(mode, moved, self.extent)

        return BoundedField(before + self.extent + after, [(self, seen_cells)])

    def through(self, window: Window) -> BoundedField:
        """Return the field of what `window` makes as it slides over this value."""
        if window == Window(1):
            return self
        taps = range(0, window.extent, window.dilation)

        def seen_cells(cells: Cells) -> Iterator[range]:
            for part in cells:
                starts = range(
                    part[0] * window.stride - window.before,
                    part[-1] * window.stride - window.before + 1,
                    part.step * window.stride,
                )
                for positions in sums(starts, taps):
                    yield within(quotients(positions, window.upsample), 0, self.extent)

        return BoundedField(known(window.output_extent(self.extent)), [(self, seen_cells)])

    def repeated(self, extent: int) -> BoundedField:
        """Return the field of this value, which has one cell, broadcast to `extent` cells."""
        return BoundedField(extent, [(self, lambda cells: (range(1),))])

    def through_spans(self, spans: Sequence[tuple[int, int]], shift: int, extent: Extent) -> BoundedField:
        """Return the field of `extent` cells of which each sees a span of this value, first to last cell.

        The spans repeat, moved by `shift` cells each time.
        """
        following = (*spans[1:], (spans[0][0] + shift, spans[0][1] + shift))
        without_gaps = all(first <= last + 1 for (_, last), (first, _) in zip(spans, following, strict=True))

        def span_of(cell: int) -> range:
            repeat, index = divmod(cell, len(spans))
            first, last = spans[index]
            return range(first + repeat * shift, last + repeat * shift + 1)

        def seen_cells(cells: Cells) -> Iterator[range]:
            for part in cells:
                yield from (within(seen, 0, self.extent) for seen in spans_seen(part))

        def spans_seen(part: range) -> Iterator[range]:
            if part.step == 1 and without_gaps:
                yield range(span_of(part[0])[0], span_of(part[-1])[-1] + 1)
            elif count(part) <= MOST_RANGES:
                yield from map(span_of, part)
            else:  # every so many cells see the same span, moved by the same number of cells
                every = lcm(part.step, len(spans))
                for cell in part[: every // part.step]:
                    repeats = (part[-1] - cell) // every
                    starts = range(0, repeats * every // len(spans) * shift + 1, max(1, every // len(spans) * shift))
                    yield from sums(starts, span_of(cell))

        return BoundedField(known(extent), [(self, seen_cells)])

    def union(self, other: BoundedField) -> BoundedField:
        """Return the field of a merge: what a cell sees through either of two branches."""
        return BoundedField(self.extent, [(self, _same_cells), (other, _same_cells)])


def _same_cells(cells: Cells) -> Cells:
    return cells


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
