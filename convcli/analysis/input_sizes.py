"""The input sizes that a model accepts, and those that give a requested output.

Along one axis, the extent of every layer grows by a fixed amount whenever the input's extent grows by the period: the
least common multiple of all jumps. Once the windows fit, the accepted extents therefore repeat with the period, and a
few periods, tried cell by cell, decide for all sizes. The other axes are left open, unless what fits along one axis
depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import lcm

from convcli.analysis.size_period import period_of, treats_axes_alike
from convcli.analysis.size_probe import MOST_PERIOD, SizeProbe
from convcli.core.errors import ConvcliError
from convcli.core.records import Record
from convcli.core.shapes import Extent, Shape, known
from convcli.model.graph import Model
from convcli.model.plan import Plan

ROUNDS = 3  # so many equal periods in a row count as a pattern
MOST_DELAY = 4  # periods before the pattern begins: small extents may fit by chance
SHOWN = 3

Extents = tuple[int, ...]


def ranges_text(sizes: Sequence[int]) -> str:
    """Return sizes as text, with neighbours as a range: `31–34, 63`."""
    ranges: list[list[int]] = []
    for size in sizes:
        if ranges and ranges[-1][1] == size - 1:
            ranges[-1][1] = size
        else:
            ranges.append([size, size])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


class AcceptedSizes(Record):
    """The extents of the input along one axis that a model accepts.

    With a `step` they are `smallest`, `smallest + step`, and so on, and `sizes` are the first of them. Without one
    (None), `sizes` are all accepted extents below `tried`. Those from `since` on repeat every `period` cells, or both
    are None where no pattern was found.
    """

    smallest: int
    step: int | None
    sizes: Extents
    tried: int
    since: int | None
    period: int | None

    @property
    def text(self) -> str:
        """The extents in words: `multiples of 16 (16, 32, 48, …)`."""
        listed = ", ".join(map(str, self.sizes))
        if self.step == 1:
            return f"{self.smallest} and above"
        if self.step == self.smallest:
            return f"multiples of {self.step} ({listed}, …)"
        if self.step:
            return f"every {self.step} cells from {self.smallest} ({listed}, …)"
        again = f", and so on every {self.period} cells" if self.period else f"; tried below {self.tried}"
        return f"{ranges_text(self.sizes)}{again}"


class MatchingSizes(Record):
    """All extents of the input along one axis that give the requested output.

    Where there are none, `near` has the nearest outputs below and above that are possible, with the extents that give
    each.
    """

    sizes: Extents
    near: Mapping[int, Extents]


class InputSizes(Record):
    """The input sizes of a model: one entry for each spatial axis.

    Where what fits along one axis depends on the others, `others` are the extents that these had; else it is None.
    """

    axes: tuple[AcceptedSizes | MatchingSizes, ...]
    others: Extents | None


def smallest_sizes(model: Model, shapes: Mapping[str, Shape], largest: int = 1 << 8) -> Extents | None:
    """Return the smallest spatial extents that a model accepts.

    The result is None where they are beyond `largest`, where they depend on each other, or where the model accepts no
    size at all.
    """
    try:
        probe = SizeProbe(model, shapes)
        if probe.plan(probe.others) is None:  # not the size is wrong, but something else
            return None
        smallest = probe.smallest(largest)
        return smallest if probe.is_independent(smallest) else None
    except ConvcliError:
        return None


def accepted_sizes(model: Model, shapes: Mapping[str, Shape]) -> InputSizes:
    """Return for each spatial axis the extents that a model accepts.

    `shapes` are those of the inputs, which must have the same size. Their number of axes and their channels matter;
    their extents matter only where the axes depend on each other. Raises `ConvcliError`.
    """
    probe, smallest, periods, plan = _explore(model, shapes)
    if None in probe.others and treats_axes_alike(plan):
        return InputSizes((_accepted(probe, 0, smallest[0], periods[0]),) * probe.rank, None)
    axes = tuple(_accepted(probe, axis, smallest[axis], periods[axis]) for axis in range(probe.rank))
    return InputSizes(axes, None if None in probe.others else tuple(map(known, probe.others)))


def matching_sizes(model: Model, shapes: Mapping[str, Shape], output: Shape) -> InputSizes:
    """Return for each spatial axis the extents of the input that give the requested output. Raises `ConvcliError`."""
    probe, smallest, periods, plan = _explore(model, shapes)
    space = next(iter(plan.output_shapes.values()))[:-1]
    if len(space) != probe.rank:
        raise ConvcliError(
            f"the output has {len(space) or 'no'} spatial axes, the input {probe.rank}",
            "a model whose output keeps the spatial axes",
        )
    if len(space) != len(output):
        raise ConvcliError(
            f"the output has {len(space)} spatial axes, but the requested size has {len(output)}",
            "one extent for each axis",
        )
    if None not in probe.others:
        raise ConvcliError("what fits along one axis depends on the others", "shape -i with one size after another")
    axes = zip(smallest, periods, map(known, output), strict=True)
    return InputSizes(tuple(_matching(probe, axis, *rest) for axis, rest in enumerate(axes)), None)


def _explore(model: Model, shapes: Mapping[str, Shape]) -> tuple[SizeProbe, Extents, Extents, Plan]:
    """Return a probe, for each axis the smallest accepted extent and the period, and a plan that fits."""
    probe = SizeProbe(model, shapes)
    smallest = probe.smallest()
    plan = probe.plan(smallest)
    if plan is None or not probe.is_independent(smallest):
        probe.others = probe.own
        plan = None if None in probe.others else probe.plan(probe.others)
        if plan is None:
            raise ConvcliError("what fits along one axis depends on the others", "-i with sizes that fit together")
        smallest = probe.smallest()
    # Small extents may broadcast, which hides the jumps behind them. Open extents and ample ones do not broadcast.
    plans = [plan, probe.plan((None,) * probe.rank), probe.plan([probe.ample(axis) for axis in range(probe.rank)])]
    periods = (lcm(*(period_of(each, axis) for each in plans if each)) for axis in range(probe.rank))
    return probe, smallest, tuple(periods), plan


def _accepted(probe: SizeProbe, axis: int, start: int, period: int) -> AcceptedSizes:
    """Return the accepted extents along one axis, of which `start` is the smallest."""
    fits = probe.along(axis)
    if period > MOST_PERIOD:
        tried = start + MOST_PERIOD
        return AcceptedSizes(start, None, tuple(filter(fits, range(start, tried))), tried, None, None)
    sizes, tried = [start], start + 1
    for since in range(start, start + MOST_DELAY * period + 1):
        sizes += filter(fits, range(tried, since + ROUNDS * period))
        tried = since + ROUNDS * period
        first_round = [size for size in sizes if since <= size < since + period]
        if first_round and _repeats(sizes, since, period):
            step = _step(first_round, period) if since == start else None
            shown = [start + step * index for index in range(SHOWN)] if step else sizes
            return AcceptedSizes(start, step, tuple(shown), tried, since, period)
    rest = range(tried, (probe.others[axis] or 0) + 1)
    return AcceptedSizes(start, None, (*sizes, *filter(fits, rest)), max(tried, rest.stop), None, None)


def _repeats(sizes: Sequence[int], since: int, period: int) -> bool:
    """Return whether the same extents are accepted in each of the `ROUNDS` periods from `since` on."""
    rounds = [{size - since - index * period for size in sizes} & set(range(period)) for index in range(ROUNDS)]
    return all(accepted == rounds[0] for accepted in rounds)


def _step(sizes: Sequence[int], period: int) -> int | None:
    """Return the distance between the accepted extents, if all neighbours have the same distance."""
    distances = {after - before for before, after in pairwise([*sizes, sizes[0] + period])}
    return distances.pop() if len(distances) == 1 else None


def _matching(probe: SizeProbe, axis: int, start: int, period: int, output: int) -> MatchingSizes:
    """Return the extents along one axis that give the output; `start` is the smallest accepted extent."""
    if period > MOST_PERIOD:
        raise ConvcliError(f"sizes repeat only after {period:,} cells", f"at most {MOST_PERIOD}")

    def output_of(size: int) -> Extent:
        plan = probe.along(axis)(size)
        return next(iter(plan.output_shapes.values()))[axis] if plan else None

    since, first, growth = _regular_growth(output_of, start, period)
    # Outputs never shrink as inputs grow: begin whole periods before the size in question.
    begin = since + max((output - first) // growth - 1, 0) * period
    sizes: dict[int, list[int]] = {}  # by the output that they give
    for size in (*range(start, min(since, begin)), *range(begin, begin + (ROUNDS + 1) * period)):
        extent = output_of(size)
        if extent is not None:
            sizes.setdefault(extent, []).append(size)
    if output in sizes:
        return MatchingSizes(tuple(sizes[output]), {})
    below = max((extent for extent in sizes if extent < output), default=None)
    above = min((extent for extent in sizes if extent > output), default=None)
    return MatchingSizes((), {extent: tuple(sizes[extent]) for extent in (below, above) if extent is not None})


def _regular_growth(output_of: Callable[[int], Extent], start: int, period: int) -> tuple[int, int, int]:
    """Return from which size on the output grows regularly, its output, and by how much it grows in one period.

    Smaller sizes may fit by chance. Raises `ConvcliError` where the output does not grow.
    """
    for size in range(start, start + MOST_DELAY * period + 1):
        first, later = output_of(size), output_of(size + period)
        if first is not None and later is not None and later > first:
            return size, first, later - first
    raise ConvcliError("the output does not grow with the input", "a model whose output keeps its spatial axes")
