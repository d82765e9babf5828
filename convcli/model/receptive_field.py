"""Receptive fields: which cells of a model's input each cell of a value sees, in whole numbers only.

Along one axis, a chain of windows follows Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill, 2019: a window of dilated extent D and stride S makes the receptive field r + (D - 1)·j and the jump
j·S, from r = j = 1 at the input. Here the spans that cells see are composed one by one. That gives the same numbers and
holds for transposed convolutions, whose jump is a fraction, for branches, and at the borders of the input too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import gcd, lcm
from typing import TYPE_CHECKING, Any, Literal, Protocol

from convcli.core.records import Record
from convcli.core.shapes import Extent, Shape
from convcli.model.window import Window

if TYPE_CHECKING:
    from convcli.model.padding_modes import PaddingMode

Span = tuple[int, int] | None  # first and last cell of the input; None where no cell is seen
MOST_WORK = 1 << 20  # cells looked at for one window; a field that takes more is left open
MOST_PHASES = 1 << 16  # cells after which a field repeats; a longer one is left open, as behind 17 upsamplings
MOST_SHIFT = 10**30  # a field with a larger shift is left open too


class FieldAlongAxis(Protocol):
    """The input cells that each cell of a value sees along one axis; a result of None leaves that open."""

    def span(self, cell: int) -> Span: ...

    def padded(self, before: int, after: int, mode: PaddingMode) -> FieldAlongAxis | None: ...

    def through(self, window: Window) -> FieldAlongAxis | None: ...

    def through_spans(self, spans: Sequence[tuple[int, int]], shift: int, extent: Extent) -> FieldAlongAxis | None: ...

    def repeated(self, extent: int) -> FieldAlongAxis | None: ...

    def union(self, other: Any) -> FieldAlongAxis | None: ...


class PeriodicField(Record):
    """The input cells that each cell of a value sees along one axis, as if the input had no border.

    Cell `o` sees `spans[o % period]`, moved by `shift` input cells for each whole period before it. A period of several
    spans stands for a fractional jump, where neighbouring cells see windows of different extents. `unplaced` identifies
    the windows on the way whose position depends on an unknown extent: each moves all spans by the same unknown number
    of cells.
    """

    spans: tuple[Span, ...]
    shift: int
    unplaced: tuple[int, ...] = ()

    @classmethod
    def identity(cls) -> PeriodicField:
        """Return the field of the input itself, where each cell sees itself."""
        return cls(((0, 0),), 1)

    @property
    def extent(self) -> int:
        """The receptive field in input cells: the largest extent of a span."""
        return max((last - first + 1 for first, last in filter(None, self.spans)), default=0)

    @property
    def jump(self) -> int | float:
        """The distance in input cells between what neighbouring cells see."""
        whole, rest = divmod(self.shift, len(self.spans))
        return self.shift / len(self.spans) if rest else whole

    def span(self, cell: int) -> Span:
        """Return the input cells that `cell` sees."""
        periods, phase = divmod(cell, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + periods * self.shift, span[1] + periods * self.shift)

    def padded(self, before: int, after: int, mode: PaddingMode) -> PeriodicField | None:
        """Return the field of this value with cells added around it; a negative number removes cells.

        The padding mode is of no account, since it matters at the border only.
        """
        return self.through(Window(1, before=before, after=after))

    def through(self, window: Window) -> PeriodicField | None:
        """Return the field of what `window` makes as it slides over this value.

        None where the field depends on the unknown position of the window, or takes too much work.
        """
        if not window.placed and len(self.spans) > 1:
            return None
        unplaced = self.unplaced if window.placed else (*self.unplaced, id(window))
        block = window.upsample * len(self.spans)  # the stretched value repeats after so many cells
        period = block // gcd(block, window.stride)
        work = period * min(window.size, 2 * len(self.spans) * window.upsample)
        if period > MOST_PHASES or work > MOST_WORK or self.shift > MOST_SHIFT:
            return None
        spans = []
        for cell in range(period):
            start = cell * window.stride - window.before
            taps = _taps_on_cells(start, window, len(self.spans))
            spans.append(_hull(self.span((start + tap * window.dilation) // window.upsample) for tap in taps))
        return PeriodicField(tuple(spans), self.shift * (period * window.stride // block), unplaced)._reduced()

    def through_spans(self, spans: Sequence[tuple[int, int]], shift: int, extent: Extent) -> PeriodicField | None:
        """Return the field of `extent` cells of which each sees a span of this value, first to last cell.

        The spans repeat, moved by `shift` cells each time. None where that takes too much work.
        """
        whole = lcm(shift, len(self.spans))  # cells of this value after which the pattern repeats
        repeats = whole // shift
        if repeats * sum(last - first + 1 for first, last in spans) > MOST_WORK:
            return None
        seen = [
            _hull(self.span(cell) for cell in range(first + repeat * shift, last + repeat * shift + 1))
            for repeat in range(repeats)
            for first, last in spans
        ]
        return PeriodicField(tuple(seen), self.shift * whole // len(self.spans), self.unplaced)._reduced()

    def repeated(self, extent: int) -> None:
        """Return None: cells that repeat one cell do not see windows at a jump."""

    def union(self, other: PeriodicField) -> PeriodicField | None:
        """Return the field of a merge: what a cell sees through either of two branches.

        Where the jumps differ, the larger field; None where windows of unknown position move the two apart.
        """
        if self.shift * len(other.spans) != other.shift * len(self.spans):
            return max(self, other, key=lambda field: field.extent)
        if self.unplaced != other.unplaced:
            return None
        period = lcm(len(self.spans), len(other.spans))
        spans = tuple(_hull((self.span(cell), other.span(cell))) for cell in range(period))
        return PeriodicField(spans, self.shift * period // len(self.spans), self.unplaced)._reduced()

    def _reduced(self) -> PeriodicField:
        """Return the same field with the shortest period."""
        period = len(self.spans)
        for shorter in (n for n in range(1, period) if period % n == 0 and self.shift * n % period == 0):
            candidate = PeriodicField(self.spans[:shorter], self.shift * shorter // period, self.unplaced)
            if all(candidate.span(cell) == span for cell, span in enumerate(self.spans)):
                return candidate
        return self


class TracedAxis(Record):
    """The axis of a value along which an input axis still runs, and what the cells along it see of that input axis."""

    axis: int
    field: FieldAlongAxis


# What the cells of a value see along one spatial axis of a model input. "whole": every cell sees the whole extent.
# None: every cell does so because of global pooling or a reshape, which by convention does not count beside a branch
# with windows. "unknown": unknown extents leave open what is seen.
AxisField = TracedAxis | Literal["unknown", "whole"] | None
ReceptiveField = tuple[AxisField, ...]  # of a value and one model input: an entry for each spatial axis of the input


def identity_field(shape: Shape) -> ReceptiveField:
    """Return the receptive field of a model input on itself: each cell sees itself."""
    return tuple(TracedAxis(axis, PeriodicField.identity()) for axis in range(len(shape) - 1))


def trace_axes(field: ReceptiveField, trace: Callable[[TracedAxis], AxisField]) -> ReceptiveField:
    """Return the receptive field with `trace` applied to each axis that it is traced along."""
    return tuple(trace(seen) if isinstance(seen, TracedAxis) else seen for seen in field)


def mix_axes(axes: Iterable[int], field: ReceptiveField, *, gives_way: bool = False) -> ReceptiveField:
    """Return the receptive field once the cells along each of the axes have all been mixed.

    `gives_way` says that a branch of such cells does not count beside one with windows.
    """
    mixed = set(axes)
    whole: AxisField = None if gives_way else "whole"
    return trace_axes(field, lambda traced: whole if traced.axis in mixed else traced)


def traced_on(axis: int, field: FieldAlongAxis | None) -> AxisField:
    """Return the trace of an input axis along `axis`; None as field means that it is left open."""
    return "unknown" if field is None else TracedAxis(axis, field)


def input_period(field: AxisField) -> int:
    """Return after how many input cells the field repeats; 1 where it follows no axis."""
    return field.field.shift if isinstance(field, TracedAxis) and isinstance(field.field, PeriodicField) else 1


def _taps_on_cells(start: int, window: Window, phases: int) -> Iterable[int]:
    """Return the taps (cell numbers within the window) that meet cells of the value, not the empty ones between them.

    The window starts at `start` on the stretched axis. Where many taps meet cells, only those at both ends are
    returned: every phase of the field occurs among them, and a tap between sees nothing that they do not enclose.
    """
    common = gcd(window.dilation, window.upsample)
    if start % common:
        return ()
    spacing = window.upsample // common
    first = -start // common * pow(window.dilation // common, -1, spacing) % spacing
    taps = range(first, window.size, spacing)
    most = phases * common
    return taps if len(taps) <= 2 * most else (*taps[:most], *taps[-most:])


def _hull(spans: Iterable[Span]) -> Span:
    """Return the smallest span that holds all of the spans."""
    seen = [span for span in spans if span]
    return (min(first for first, _ in seen), max(last for _, last in seen)) if seen else None
