"""Which input sizes a model accepts, found from its graph.

Along an axis the extent of every layer grows by a fixed amount whenever the input's grows by the period, the least
common multiple of all jumps. So once its windows fit, what a model accepts repeats with the period: a few periods,
tried one cell after another, decide for all sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import lcm

from convcli.errors import ConvcliError
from convcli.geometry import Extent, Shape
from convcli.model import Model, Plan
from convcli.reach import Reach
from convcli.records import Record
from convcli.steps import Track

LARGEST = 1 << 10  # a model that accepts nothing up to here is taken to accept nothing
MOST_PERIOD = 1 << 9  # a longer pattern is not followed to its end
ROUNDS = 3  # so many periods alike are a pattern
MOST_DELAY = 4  # and it begins within so many: before it, small extents fit by chance
SHOWN = 3

Sizes = tuple[int, ...]


def runs(sizes: Sequence[int]) -> str:
    """Sizes as text, neighbours together: `31–34, 63`."""
    found: list[list[int]] = []
    for size in sizes:
        if found and found[-1][1] == size - 1:
            found[-1][1] = size
        else:
            found.append([size, size])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in found)


class Accepted(Record):
    """The extents of the input along one axis that a model accepts.

    They begin with `smallest` and go on by `step`, None where they have no single one. `sizes` are the first of them;
    without a step, all below `tried`, of which those from `since` on are repeated every `period` cells, if they are.
    """

    smallest: int
    step: int | None
    sizes: Sizes
    tried: int
    since: int | None
    period: int | None

    @property
    def text(self) -> str:
        """The same in words: `multiples of 16 (16, 32, 48, …)`."""
        listed = ", ".join(map(str, self.sizes))
        if self.step == 1:
            return f"{self.smallest} and above"
        if self.step == self.smallest:
            return f"multiples of {self.step} ({listed}, …)"
        if self.step:
            return f"every {self.step} cells from {self.smallest} ({listed}, …)"
        again = f", and so on every {self.period} cells" if self.period else f"; tried below {self.tried}"
        return f"{runs(self.sizes)}{again}"


class Yielding(Record):
    """All extents of the input along one axis that yield the output asked for.

    Where there are none, `near` has the outputs below and above it that can be had, each with the extents that do.
    """

    sizes: Sizes
    near: Mapping[int, Sizes]


class _Probe:
    """Asks a model what it makes of extents along one axis, the others being left open, or as given."""

    def __init__(self, model: Model, shapes: Mapping[str, Shape], rank: int) -> None:
        self.model = model
        self.shapes = shapes
        self.others: tuple[Extent, ...] = (None,) * rank
        self.error: ConvcliError | None = None

    def plan(self, extents: tuple[Extent, ...]) -> Plan | None:
        """The plan for these extents in space, None where the model does not accept them."""
        try:
            return self.model.plan({name: (*extents, shape[-1]) for name, shape in self.shapes.items()})
        except ConvcliError as error:
            self.error = error
            return None

    def along(self, axis: int) -> Callable[[int], Plan | None]:
        """The plan by the extent along one axis."""
        return lambda size: self.plan((*self.others[:axis], size, *self.others[axis + 1 :]))

    def smallest(self, axis: int, most: int = LARGEST) -> int:
        """The least extent along the axis that is accepted. Raises `ConvcliError` where there is none."""
        fits = self.along(axis)
        for size in range(1, most + 1):
            if fits(size):
                return size
        assert self.error
        self.error.remedy = f"no size up to {most:,} is accepted"
        raise self.error


def least(model: Model, shapes: Mapping[str, Shape], most: int = 1 << 8) -> Sizes | None:
    """The least extents in space that the model accepts, None where they are beyond `most` or depend on each other."""
    rank = len(next(iter(shapes.values()))) - 1
    probe = _Probe(model, shapes, rank)
    if probe.plan(probe.others) is None:  # what is wrong is not the size
        return None
    try:
        found = tuple(probe.smallest(axis, most) for axis in range(rank))
    except ConvcliError:
        return None
    return found if probe.plan(found) else None


def accepted(model: Model, shapes: Mapping[str, Shape]) -> list[Accepted]:
    """For each axis in space the extents that the model accepts.

    `shapes` are those of the inputs: their number of axes and their channels matter; where the axes depend on each
    other, their extents too. Raises `ConvcliError`.
    """
    probe, smallest, periods = _explored(model, shapes)
    return [_accepted(probe, axis, *each) for axis, each in enumerate(zip(smallest, periods, strict=True))]


def _accepted(probe: _Probe, axis: int, start: int, period: int) -> Accepted:
    fits = probe.along(axis)
    if period > MOST_PERIOD:
        tried = start + MOST_PERIOD
        return Accepted(start, None, tuple(filter(fits, range(start, tried))), tried, None, None)
    sizes, tried = [start], start + 1
    for since in range(start, start + MOST_DELAY * period + 1):
        sizes += filter(fits, range(tried, since + ROUNDS * period))
        tried = since + ROUNDS * period
        first = [size for size in sizes if since <= size < since + period]
        if first and _repeats(sizes, since, period):
            step = _step(first, period) if since == start else None
            shown = [start + step * place for place in range(SHOWN)] if step else sizes
            return Accepted(start, step, tuple(shown), tried, since, period)
    return Accepted(start, None, tuple(sizes), tried, None, None)


def _repeats(sizes: Sequence[int], since: int, period: int) -> bool:
    """Whether what is accepted in one period is accepted in all that were tried after it."""
    rounds = [{size - since - place * period for size in sizes} & set(range(period)) for place in range(ROUNDS)]
    return all(each == rounds[0] for each in rounds)


def _step(sizes: Sequence[int], period: int) -> int | None:
    """The distance between neighbours, also from one period to the next, if it is the same for all of them."""
    steps = {after - before for before, after in pairwise([*sizes, sizes[0] + period])}
    return steps.pop() if len(steps) == 1 else None


def yielding(model: Model, shapes: Mapping[str, Shape], output: Shape) -> list[Yielding]:
    """For each axis in space the extents that yield the output asked for. Raises `ConvcliError`."""
    probe, smallest, periods = _explored(model, shapes)
    plan = probe.plan(smallest)
    assert plan
    space = next(iter(plan.output_shapes.values()))[:-1]
    if len(space) != len(output) or len(space) != len(smallest):
        raise ConvcliError(
            f"the output has {len(space)} axes in space, the input {len(smallest)}", "as many, and a size for each"
        )
    return [_yielding(probe, axis, *each) for axis, each in enumerate(zip(smallest, periods, output, strict=True))]


def _explored(model: Model, shapes: Mapping[str, Shape]) -> tuple[_Probe, Sizes, Sizes]:
    """For each axis the least extent, and after how many cells what is accepted repeats."""
    ranks = {len(shape) - 1 for shape in shapes.values()}
    if len(ranks) > 1 or 0 in ranks:
        raise ConvcliError("inputs without axes in space, or with different numbers of them", "axes in common")
    (rank,) = ranks
    probe = _Probe(model, shapes, rank)
    smallest = tuple(probe.smallest(axis) for axis in range(rank))
    plan = probe.plan(smallest)
    if plan is None:  # what is accepted along one axis depends on the others
        probe.others = next(iter(shapes.values()))[:-1]
        plan = None if None in probe.others else probe.plan(probe.others)
        if plan is None:
            raise ConvcliError("what fits along one axis depends on the others", "-i with sizes that fit together")
        smallest = tuple(probe.smallest(axis) for axis in range(rank))
    return probe, smallest, tuple(_period(plan, axis) for axis in range(rank))


def _period(plan: Plan, axis: int) -> int:
    tracks = (field[axis] for fields in plan.fields.values() for field in fields.values())
    reaches = (track.reach for track in tracks if isinstance(track, Track))
    return lcm(*(reach.shift for reach in reaches if isinstance(reach, Reach)))


def _yielding(probe: _Probe, axis: int, start: int, period: int, wanted: Extent) -> Yielding:
    def output(size: int) -> Extent:
        plan = probe.along(axis)(size)
        return next(iter(plan.output_shapes.values()))[axis] if plan else None

    assert wanted is not None
    first, later = output(start), output(start + period)
    if first is None or later is None or later <= first:
        raise ConvcliError("the output does not grow with the input", "a model whose output has its input's axes")
    # Whole periods before the one in question; outputs never shrink as inputs grow.
    rounds = max((wanted - first) // (later - first) - 1, 0)
    found: dict[int, list[int]] = {}
    for size in range(start + rounds * period, start + (rounds + ROUNDS + 1) * period):
        made = output(size)
        if made is not None:
            found.setdefault(made, []).append(size)
    if wanted in found:
        return Yielding(tuple(found[wanted]), {})
    below = max((each for each in found if each < wanted), default=None)
    above = min((each for each in found if each > wanted), default=None)
    return Yielding((), {each: tuple(found[each]) for each in (below, above) if each is not None})
