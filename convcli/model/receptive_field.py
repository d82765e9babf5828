"""What each cell of a value sees of a model's input along one axis: receptive fields, in whole numbers only."""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, lcm

from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.model.window import Window

Span = tuple[int, int] | None
MOST_WORK = 1 << 20  # cells looked at for one window; what takes more is left open
MOST_SHIFT = 10**30  # beyond it jumps are left open too


class Reach(Record):
    """Which cells of one input axis each cell of a value sees, as if the input had no border.

    Cell `o` sees the input cells `spans[o % period]`, first and last, moved on by `shift` for every whole period. A
    span is `None` where a cell sees nothing. Exact for fractional jumps, where neighbouring cells see windows of
    different extents. `loose` are the windows on the way, by identity, whose place an unknown width leaves open: they
    move all spans alike by an unknown number of cells.
    """

    spans: tuple[Span, ...]
    shift: int
    loose: tuple[int, ...] = ()

    @classmethod
    def identity(cls) -> Reach:
        """Each cell sees itself."""
        return cls(((0, 0),), 1)

    @property
    def extent(self) -> int:
        """The receptive field: the largest extent of a span, in input cells."""
        return max((last - first + 1 for first, last in filter(None, self.spans)), default=0)

    @property
    def jump(self) -> int | float:
        """The distance between the windows of neighbouring cells, in input cells."""
        whole, rest = divmod(self.shift, len(self.spans))
        return self.shift / len(self.spans) if rest else whole

    def span(self, cell: int) -> Span:
        """The input cells that `cell` sees."""
        rounds, phase = divmod(cell, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + rounds * self.shift, span[1] + rounds * self.shift)

    def padded(self, before: int, after: int, mode: str) -> Reach | None:
        """What a cell sees after so many cells were put around this value, or removed; modes differ only there."""
        return self.through(Window(1, before=before, after=after))

    def through(self, window: Window) -> Reach | None:
        """What a cell sees after `window` has slid over this value.

        None where that depends on its unknown place, or on more cells than are looked at.
        """
        if not window.placed and len(self.spans) > 1:
            return None
        loose = self.loose if window.placed else (*self.loose, id(window))
        block = window.upsample * len(self.spans)  # the stretched pattern repeats after so many cells
        period = block // gcd(block, window.stride)
        if period * min(window.size, 2 * len(self.spans) * window.upsample) > MOST_WORK or self.shift > MOST_SHIFT:
            return None
        spans = []
        for cell in range(period):
            first = cell * window.stride - window.before
            met = (first + tap * window.dilation for tap in _hits(first, window, len(self.spans)))
            spans.append(_hull(self.span(place // window.upsample) for place in met))
        return Reach(tuple(spans), self.shift * (period * window.stride // block), loose)._reduced()

    def union(self, other: Reach) -> Reach | None:
        """What a cell sees through either of two branches; of branches that do not keep step, the larger.

        None where unknown places move the two apart.
        """
        if self.shift * len(other.spans) != other.shift * len(self.spans):
            return max(self, other, key=lambda reach: reach.extent)
        if self.loose != other.loose:
            return None
        period = lcm(len(self.spans), len(other.spans))
        spans = tuple(_hull((self.span(cell), other.span(cell))) for cell in range(period))
        return Reach(spans, self.shift * period // len(self.spans), self.loose)._reduced()

    def _reduced(self) -> Reach:
        """The same with the shortest period."""
        period = len(self.spans)
        for shorter in (n for n in range(1, period) if period % n == 0 and self.shift * n % period == 0):
            candidate = Reach(self.spans[:shorter], self.shift * shorter // period, self.loose)
            if all(candidate.span(cell) == span for cell, span in enumerate(self.spans)):
                return candidate
        return self


class Sight(Record):
    """The same within the borders of an input: the cells, first and last, that each cell of a value sees."""

    spans: tuple[Span, ...]

    @classmethod
    def identity(cls, width: int) -> Sight:
        """Each cell sees itself."""
        return cls(tuple((cell, cell) for cell in range(width)))

    def span(self, cell: int) -> Span:
        """The input cells that `cell` sees."""
        return self.spans[cell]

    def padded(self, before: int, after: int, mode: str) -> Sight:
        """What a cell sees after so many cells were put around this value; a negative number removes cells."""
        width = len(self.spans)
        order = [*range(width), *range(width - 2, 0, -1)] if mode == "reflect" else list(range(width))
        spans = []
        for cell in range(-before, width + after):
            place = min(max(cell, 0), width - 1) if mode == "replicate" else order[cell % len(order)]
            spans.append(self.spans[place] if mode != "zeros" or 0 <= cell < width else None)
        return Sight(tuple(spans))

    def through(self, window: Window) -> Sight:
        """What a cell sees after `window` has slid over this value."""
        spans = []
        for cell in range(known(window.positions(len(self.spans)))):
            first = cell * window.stride - window.before
            met = (first + tap * window.dilation for tap in range(window.size))
            cells = (place // window.upsample for place in met if place % window.upsample == 0)
            spans.append(_hull(self.spans[each] for each in cells if 0 <= each < len(self.spans)))
        return Sight(tuple(spans))

    def union(self, other: Sight) -> Sight:
        """What a cell sees through either of two branches."""
        return Sight(tuple(map(_hull, zip(self.spans, other.spans, strict=True))))


def _hits(first: int, window: Window, phases: int) -> Iterable[int]:
    """The cells of a window that begins at `first` of the stretched axis which meet a cell of the axis itself.

    Of many, those at either end: a cell further on meets the same phase later, so only they can be extreme.
    """
    common = gcd(window.dilation, window.upsample)
    if first % common:
        return ()
    every = window.upsample // common
    start = -first // common * pow(window.dilation // common, -1, every) % every
    hits = range(start, window.size, every)
    most = phases * common
    return hits if len(hits) <= 2 * most else (*hits[:most], *hits[-most:])


def _hull(spans: Iterable[Span]) -> Span:
    seen = [span for span in spans if span]
    return (min(first for first, _ in seen), max(last for _, last in seen)) if seen else None
