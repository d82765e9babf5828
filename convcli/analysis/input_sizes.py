"""Which input sizes a model accepts, found from its graph.

Along an axis the extent of every layer grows by a fixed amount whenever the input's grows by the period, the least
common multiple of all jumps. So once its windows fit, what a model accepts repeats with the period: a few periods,
tried one cell after another, decide for all sizes. The other axes are left open, unless what fits along one depends on
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, pairwise, product
from math import lcm

from convcli.core.errors import ConvcliError
from convcli.core.records import Record
from convcli.core.shapes import Extent, Shape, known, shape_text
from convcli.model import steps
from convcli.model.graph import Model
from convcli.model.layers.reshaping import Reshape
from convcli.model.plan import Plan, make_plan
from convcli.model.receptive_field import input_period
from convcli.model.steps import Activate, Merge, MoveAxes

LARGEST = 1 << 12  # a model that accepts nothing up to here is taken to accept nothing
MOST_PERIOD = 1 << 9  # a longer pattern is not followed to its end
AMPLE = 1 << 7
ROUNDS = 3  # so many periods alike are a pattern
MOST_DELAY = 4  # and it begins within so many: before it, small extents fit by chance
SHOWN = 3
MOST_AXES = 6  # every combination of a few extents is tried

Extents = tuple[int, ...]


def ranges_text(sizes: Sequence[int]) -> str:
    """Sizes as text, neighbours together: `31–34, 63`."""
    found: list[list[int]] = []
    for size in sizes:
        if found and found[-1][1] == size - 1:
            found[-1][1] = size
        else:
            found.append([size, size])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in found)


class AcceptedSizes(Record):
    """The extents of the input along one axis that a model accepts.

    They begin with `smallest` and go on by `step`, None where they have no single one. `sizes` are the first of them;
    without a step, all below `tried`, of which those from `since` on are repeated every `period` cells, if they are.
    """

    smallest: int
    step: int | None
    sizes: Extents
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
        return f"{ranges_text(self.sizes)}{again}"


class MatchingSizes(Record):
    """All extents of the input along one axis that yield the output asked for.

    Where there are none, `near` has the outputs below and above it that can be had, each with the extents that do.
    """

    sizes: Extents
    near: Mapping[int, Extents]


class NoSizeFitsError(ConvcliError):
    """No size is accepted, for the reason given."""

    def __init__(self, reason: ConvcliError, most: int) -> None:
        super().__init__(reason.problem, f"no size up to {most:,} is accepted")
        self.where = reason.where


class InputSizes(Record):
    """The answer for a model: one entry for each axis in space.

    Where what fits along one axis depends on the others, `others` are the extents that these had.
    """

    axes: tuple[AcceptedSizes | MatchingSizes, ...]
    others: tuple[int, ...] | None


class _Probe:
    """Asks a model what it makes of extents along one axis, the others being left open, or as given."""

    def __init__(self, model: Model, shapes: Mapping[str, Shape]) -> None:
        spaces = {shape[:-1] for shape in shapes.values()}
        self.rank = len(next(iter(spaces)))
        if len(spaces) > 1 or self.rank == 0:
            raise ConvcliError("inputs of different sizes, or without axes in space", "inputs of one size")
        if self.rank > MOST_AXES:
            raise ConvcliError(f"{self.rank} axes in space", f"at most {MOST_AXES}")
        self.model = model
        self.shapes = shapes
        self.own: tuple[Extent, ...] = next(iter(spaces))
        self.others: tuple[Extent, ...] = (None,) * self.rank
        self.error: ConvcliError | None = None

    def plan(self, extents: Sequence[Extent]) -> Plan | None:
        """The plan for these extents in space, None where the model does not accept them."""
        try:
            return make_plan(self.model, {name: (*extents, shape[-1]) for name, shape in self.shapes.items()})
        except ConvcliError as error:
            self.error = error
            return None

    def along(self, axis: int) -> Callable[[int], Plan | None]:
        """The plan by the extent along one axis."""
        return lambda size: self.plan((*self.others[:axis], size, *self.others[axis + 1 :]))

    def smallest(self, most: int = LARGEST) -> tuple[int, ...]:
        """The least extent along each axis that is accepted. Raises `ConvcliError` where there is none."""
        return tuple(self._smallest(axis, most) for axis in range(self.rank))

    def _smallest(self, axis: int, most: int) -> int:
        fits = self.along(axis)
        for size in range(1, most + 1):
            if fits(size):
                return size
        assert self.error
        raise NoSizeFitsError(self.error, most)

    def ample(self, axis: int) -> int:
        """An extent along the axis that is accepted and not small, if there is any."""
        fits = self.along(axis)
        return next(filter(fits, range(AMPLE, 2 * AMPLE)), 1)

    def independent(self, smallest: tuple[int, ...]) -> bool:
        """Whether the least few extents of each axis fit in every combination; a few, as those of 1 cell broadcast."""
        few = []
        for axis, start in enumerate(smallest):
            few.append(list(islice(filter(self.along(axis), range(start, start + MOST_PERIOD)), SHOWN)))
        return all(self.plan(extents) for extents in product(*few))


def smallest_sizes(model: Model, shapes: Mapping[str, Shape], most: int = 1 << 8) -> tuple[int, ...] | None:
    """The least extents in space that the model accepts, None where they are beyond `most` or depend on each other."""
    try:
        probe = _Probe(model, shapes)
        if probe.plan(probe.others) is None:  # what is wrong is not the size
            return None
        found = probe.smallest(most)
        return found if probe.independent(found) else None
    except ConvcliError:
        return None


def accepted_sizes(model: Model, shapes: Mapping[str, Shape]) -> InputSizes:
    """For each axis in space the extents that the model accepts.

    `shapes` are those of the inputs, all of one size: their number of axes and their channels matter; where the axes
    depend on each other, their extents too. Raises `ConvcliError`.
    """
    probe, smallest, periods, plan = _explored(model, shapes)
    if None in probe.others and _alike(plan):  # what holds for one axis holds for all
        return InputSizes((_accepted(probe, 0, smallest[0], periods[0]),) * probe.rank, None)
    axes = tuple(_accepted(probe, axis, *each) for axis, each in enumerate(zip(smallest, periods, strict=True)))
    return InputSizes(axes, _given(probe))


def _alike(plan: Plan) -> bool:
    """Whether every layer surely treats all axes in space alike."""
    for step, shapes in (each for layer in plan.layers for each in layer.steps_with_shapes):
        if isinstance(step, MoveAxes) or (isinstance(step, steps.ChangeShape) and len(shapes[0]) > 1 < len(step.shape)):
            return False
        if isinstance(step, Merge) and step.kind == "concatenate" and step.axis not in (-1, len(shapes[0]) - 1):
            return False
        space = set(range(len(shapes[0]) - 1))
        if space & set(getattr(step, "axes", ())) not in (set(), space):
            return False
        each_axis = [getattr(step, name, ()) for name in ("windows", "amounts", "factors")]
        if any(len(set(settings)) > 1 for settings in each_axis):
            return False
    return True


def matching_sizes(model: Model, shapes: Mapping[str, Shape], output: Shape) -> InputSizes:
    """For each axis in space the extents that yield the output asked for. Raises `ConvcliError`."""
    probe, smallest, periods, plan = _explored(model, shapes)
    space = next(iter(plan.output_shapes.values()))[:-1]
    if len(space) != probe.rank:
        raise ConvcliError(
            f"the output {shape_text(space)} has not the input's {probe.rank} axes in space",
            "a model whose output has its input's axes",
        )
    if len(space) != len(output):
        raise ConvcliError(f"{len(output)} extents for an output of {len(space)} axes in space", "one for each")
    if None not in probe.others:
        raise ConvcliError("what fits along one axis depends on the others", "shape -i with one size after another")
    found = zip(smallest, periods, output, strict=True)
    return InputSizes(tuple(_yielding(probe, axis, *each) for axis, each in enumerate(found)), None)


def _given(probe: _Probe) -> tuple[int, ...] | None:
    return None if None in probe.others else tuple(map(known, probe.others))


def _explored(model: Model, shapes: Mapping[str, Shape]) -> tuple[_Probe, tuple[int, ...], tuple[int, ...], Plan]:
    """For each axis the least extent, and after how many cells what is accepted repeats; and a plan that fits."""
    probe = _Probe(model, shapes)
    smallest = probe.smallest()
    plan = probe.plan(smallest)
    if plan is None or not probe.independent(smallest):
        probe.others = probe.own
        plan = None if None in probe.others else probe.plan(probe.others)
        if plan is None:
            raise ConvcliError("what fits along one axis depends on the others", "-i with sizes that fit together")
        smallest = probe.smallest()
    # Small extents may broadcast, which hides the jumps behind them: extents left open, and ample ones, do not.
    plans = [plan, probe.plan((None,) * probe.rank), probe.plan([probe.ample(axis) for axis in range(probe.rank)])]
    periods = (lcm(*(_period(each, axis) for each in plans if each)) for axis in range(probe.rank))
    return probe, smallest, tuple(periods), plan


def _period(plan: Plan, axis: int) -> int:
    """The least common multiple of all jumps along the axis, and of what reshaped values must be a multiple of."""
    shifts = [input_period(field[axis]) for fields in plan.receptive_fields.values() for field in fields.values()]
    reshaped = (layer for layer in plan.layers if isinstance(layer.node.layer, Reshape))
    following = [
        layer.node.layer.multiple * input_period(field[axis])
        for layer in reshaped
        for field in plan.receptive_fields[layer.input_names[0]].values()
        if field[axis] is not None and isinstance(layer.node.layer, Reshape)
    ]
    halved = any(isinstance(step, Activate) and step.function == "glu" for layer in plan.layers for step in layer.steps)
    return lcm(*shifts, *following) * (2 if halved else 1)


def _accepted(probe: _Probe, axis: int, start: int, period: int) -> AcceptedSizes:
    fits = probe.along(axis)
    if period > MOST_PERIOD:
        tried = start + MOST_PERIOD
        return AcceptedSizes(start, None, tuple(filter(fits, range(start, tried))), tried, None, None)
    sizes, tried = [start], start + 1
    for since in range(start, start + MOST_DELAY * period + 1):
        sizes += filter(fits, range(tried, since + ROUNDS * period))
        tried = since + ROUNDS * period
        first = [size for size in sizes if since <= size < since + period]
        if first and _repeats(sizes, since, period):
            step = _step(first, period) if since == start else None
            shown = [start + step * place for place in range(SHOWN)] if step else sizes
            return AcceptedSizes(start, step, tuple(shown), tried, since, period)
    more = range(tried, (probe.others[axis] or 0) + 1)
    return AcceptedSizes(start, None, (*sizes, *filter(fits, more)), max(tried, more.stop), None, None)


def _repeats(sizes: Sequence[int], since: int, period: int) -> bool:
    """Whether what is accepted in one period is accepted in all that were tried after it."""
    rounds = [{size - since - place * period for size in sizes} & set(range(period)) for place in range(ROUNDS)]
    return all(each == rounds[0] for each in rounds)


def _step(sizes: Sequence[int], period: int) -> int | None:
    """The distance between neighbours, also from one period to the next, if it is the same for all of them."""
    steps = {after - before for before, after in pairwise([*sizes, sizes[0] + period])}
    return steps.pop() if len(steps) == 1 else None


def _yielding(probe: _Probe, axis: int, start: int, period: int, wanted: Extent) -> MatchingSizes:
    def output(size: int) -> Extent:
        plan = probe.along(axis)(size)
        return next(iter(plan.output_shapes.values()))[axis] if plan else None

    assert wanted is not None
    if period > MOST_PERIOD:
        raise ConvcliError(f"sizes repeat only after {period:,} cells", f"at most {MOST_PERIOD}")
    regular = None
    for size in range(start, start + MOST_DELAY * period + 1):  # before it, small extents may fit by chance
        first, later = output(size), output(size + period)
        if first is not None and later is not None and later > first:
            regular = (size, first, later - first)
            break
    if regular is None:
        raise ConvcliError("the output does not grow with the input", "a model whose output has its input's axes")
    since, first, growth = regular
    # Whole periods before the one in question; outputs never shrink as inputs grow.
    begin = since + max((wanted - first) // growth - 1, 0) * period
    found: dict[int, list[int]] = {}
    for size in (*range(start, min(since, begin)), *range(begin, begin + (ROUNDS + 1) * period)):
        made = output(size)
        if made is not None:
            found.setdefault(made, []).append(size)
    if wanted in found:
        return MatchingSizes(tuple(found[wanted]), {})
    below = max((each for each in found if each < wanted), default=None)
    above = min((each for each in found if each > wanted), default=None)
    return MatchingSizes((), {each: tuple(found[each]) for each in (below, above) if each is not None})
