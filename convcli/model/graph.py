"""The graph of named layers, and its plan: what each layer yields and costs on inputs of known shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import lcm, prod
from typing import Any, Protocol

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record, field, replace
from convcli.core.shapes import DataFormat, Extent, Shape, shape_text, total
from convcli.model.layers import Layer
from convcli.model.receptive_field import Reach
from convcli.model.steps import Correlate, Field, Merge, Seen, Step, Track, Weight, repeats_after


class Given(Protocol):
    """The value of a weight as the model file holds it: its shape is known, the array is made when asked for."""

    @property
    def shape(self) -> Shape:
        """The shape; None is an extent along which the value is repeated, `()` one number for all."""

    def fill(self, shape: tuple[int, ...]) -> Any:
        """The array in the shape that the layer needs."""


class Node(Record):
    """A layer in the graph: its name, what it takes (names of values, or numbers), and weights given with it.

    A layer that is called again is a node for each call: later ones name in `shares` the first, whose weights they use.
    `stored_as` is the path under which a Keras weights file holds the layer, where the model knows it; `left_out` names
    what else its model says of its training, which is not done here.
    """

    name: str
    layer: Layer
    inputs: tuple[str | float, ...]
    given: Mapping[str, Given] = field(factory=dict)
    filter_names: tuple[str, ...] = ()
    trainable: bool = True
    shares: str | None = None
    stored_as: str | None = None
    left_out: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """The name of the node that holds its weights."""
        return self.shares or self.name

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"layer {self.name}"


class PlannedLayer(Record):
    """One layer of a plan. Shapes are of one sample, channels last."""

    node: Node
    steps: tuple[Step, ...]
    input_shapes: tuple[Shape, ...]
    step_shapes: tuple[Shape, ...]  # what each step makes

    @property
    def name(self) -> str:
        """The layer's name, which is also its output's."""
        return self.node.name

    @property
    def where(self) -> str:
        """What messages call the layer."""
        return self.node.where

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of the values it takes."""
        return tuple(each for each in self.node.inputs if isinstance(each, str))

    @property
    def output_shape(self) -> Shape:
        """The shape that comes out."""
        return self.step_shapes[-1] if self.steps else self.input_shapes[0]

    @property
    def flow(self) -> Iterator[tuple[Step, tuple[Shape, ...]]]:
        """Its steps, each with the shapes that go into it."""
        yield from zip(self.steps, (self.input_shapes, *((shape,) for shape in self.step_shapes)), strict=False)

    @property
    def macs(self) -> Extent:
        """Its multiplications by kernel weights, for one sample."""
        return total(step.macs(shapes[0]) for step, shapes in self.flow)

    def trace(self, fields: Sequence[Mapping[str, Field]]) -> Mapping[str, Field]:
        """What its cells see of each model input, given what those of its operands see."""
        for step, shapes in self.flow:
            names = dict.fromkeys(name for each in fields for name in each)
            fields = [{name: step.trace([each.get(name) for each in fields], shapes) for name in names}]
        return fields[0]

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """All its variables, in Keras's order."""
        return tuple(weight for step in self.steps for weight in step.weights)

    @property
    def params(self) -> Extent:
        """How many parameters it has; those of a layer that is called again count once."""
        return 0 if self.node.shares else total(weight.size for weight in self.weights)

    @property
    def trainable_params(self) -> Extent:
        """How many of them training changes."""
        if self.node.shares or not self.node.trainable:
            return 0
        return total(weight.size for weight in self.weights if weight.trainable)

    @property
    def correlation(self) -> Correlate | None:
        """Its first step that has a kernel."""
        return next((step for step in self.steps if isinstance(step, Correlate)), None)


MOST_COUNTED = 10**100
AMPLE, FEW = 1 << 8, 1 << 5  # widths that no window is too large for, and how many of them are tried


class Plan(Record):
    """A model on inputs of known shape. All shapes are of one sample, channels last."""

    model: Model
    input_shapes: Mapping[str, Shape]
    layers: tuple[PlannedLayer, ...]

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value by name, the inputs first."""
        return {**self.input_shapes, **{row.name: row.output_shape for row in self.layers}}

    @cached_property
    def fields(self) -> dict[str, Mapping[str, Field]]:
        """What the cells of every value see of each input.

        Where the place of a window hangs on an unknown width, widths of every remainder are tried, and it is known what
        is seen where all agree.
        """
        fields = self.trace({name: own_field(shape) for name, shape in self.input_shapes.items()})
        widths_unknown = any(None in shape[:-1] for shape in self.input_shapes.values())
        if widths_unknown and any("unknown" in field for seen in fields.values() for field in seen.values()):
            others = self._completions()
            return {
                name: {of: _agreed(of, name, field, others) for of, field in seen.items()}
                for name, seen in fields.items()
            }
        return fields

    def _completions(self) -> list[dict[str, Mapping[str, Field]]]:
        """What is seen for widths in place of the unknown ones; nothing where there would be too many to try."""

        def completed(width: int) -> Plan | None:
            return self.model.plan_if_it_fits(
                {
                    name: (*(width if extent is None else extent for extent in shape[:-1]), shape[-1])
                    for name, shape in self.input_shapes.items()
                }
            )

        first = next(filter(None, map(completed, range(AMPLE, AMPLE + FEW))), None)
        if first is None or any(None in shape for shape in first.input_shapes.values()):
            return []
        seen = (each for fields in first.fields.values() for field in fields.values() for each in field)
        period = lcm(*map(repeats_after, seen))
        if period > FEW:
            return []
        plans = map(completed, range(AMPLE, AMPLE + period))
        return [plan.fields for plan in plans if plan]

    def by_input(self, named: Mapping[str, Any]) -> Any:
        """Figures by the names of the inputs, or the only one where the model has one input."""
        return dict(named) if len(self.input_shapes) > 1 else next(iter(named.values()))

    def trace(self, start: Mapping[str, Field]) -> dict[str, Mapping[str, Field]]:
        """The same, given what the cells of each input see of it."""
        fields: dict[str, Mapping[str, Field]] = {name: {name: own} for name, own in start.items()}
        for row in self.layers:
            with located(row.where):
                fields[row.name] = row.trace([fields[name] for name in row.operands])
        return fields

    def needed(self, names: Sequence[str]) -> Plan:
        """The same with only the layers that the named values come from."""
        wanted = set(names)
        for row in reversed(self.layers):
            if row.name in wanted:
                wanted.update(row.operands)
        return replace(self, layers=tuple(row for row in self.layers if row.name in wanted))

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of each output by name."""
        return {name: self.shapes[name] for name in self.model.outputs}


class Model(Record):
    """A graph of layers, in an order in which each comes after what it takes.

    `inputs` maps each input's name to its shape (one sample, channels last), or None where the model does not say.
    `source` is what messages call the file that it came from, `stored` the bytes of the weights file in it.
    """

    name: str
    inputs: Mapping[str, Shape | None]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    data_format: DataFormat = DataFormat.CHANNELS_LAST
    source: str | None = None
    stored: bytes | None = None

    def spatial_rank(self, name: str) -> int | None:
        """How many spatial axes an input has: as its shape says, or the first layer on its way that has a rank.

        None where neither says, or where an earlier layer changes the rank.
        """
        shape = self.inputs[name]
        if shape is not None:
            return len(shape) - 1
        reached = {name}
        for node in self.nodes:
            if reached.intersection(node.inputs):
                if node.layer.rank is not None:
                    return node.layer.rank
                if not node.layer.keeps_rank:
                    return None
                reached.add(node.name)
        return None

    def plan(self, shapes: Mapping[str, Shape]) -> Plan:
        """What each layer yields and costs for these input shapes (one sample, channels last).

        Raises `ConvcliError`, naming the layer, where something does not fit.
        """
        values: dict[str, Shape] = dict(shapes)
        rows: dict[str, PlannedLayer] = {}
        for name, shape in shapes.items():
            with located(name):
                _check_plausible(shape)
        for node in self.nodes:
            with located(node.where):
                row = _plan_layer(node, values, self.data_format)
                _check_plausible(row.output_shape)
                _check_given(row)
                if node.shares:
                    _check_shared(row, rows[node.shares])
            values[node.name] = row.output_shape
            rows[node.name] = row
        return Plan(self, dict(shapes), tuple(rows.values()))

    def plan_if_it_fits(self, shapes: Mapping[str, Shape]) -> Plan | None:
        """The same, None where something does not fit."""
        try:
            return self.plan(shapes)
        except ConvcliError:
            return None


def _agreed(of: str, name: str, field: Field, others: Sequence[Mapping[str, Mapping[str, Field]]]) -> Field:
    """The field with what it leaves open as all of the others have it, where they agree."""
    return tuple(
        _one([each[name][of][axis] for each in others]) if seen == "unknown" else seen
        for axis, seen in enumerate(field)
    )


def _one(found: Sequence[Seen]) -> Seen:
    """What all see, but for its place, if that is the same."""
    kinds = {
        (seen.axis, seen.reach.extent, seen.reach.jump)
        if isinstance(seen, Track) and isinstance(seen.reach, Reach)
        else None
        for seen in found
    }
    return found[0] if len(kinds) == 1 and None not in kinds else "unknown"


def own_field(shape: Shape) -> Field:
    """What the cells of an input see of it: each itself."""
    return tuple(Track(axis, Reach.identity()) for axis in range(len(shape) - 1))


def _plan_layer(node: Node, values: Mapping[str, Shape], data_format: DataFormat) -> PlannedLayer:
    shapes = tuple(values[each] for each in node.inputs if isinstance(each, str))
    node.layer.check(shapes, len(node.inputs))
    steps = _with_constants(node.layer.steps(shapes, data_format), node.inputs)
    current, made = shapes, []
    for step in steps:
        made.append(step.output_shape(*current))
        current = (made[-1],)
    return PlannedLayer(node, steps, shapes, tuple(made))


def _with_constants(steps: tuple[Step, ...], inputs: Sequence[str | float]) -> tuple[Step, ...]:
    """A merge takes the numbers among its inputs as constants."""
    constants = tuple((place, float(each)) for place, each in enumerate(inputs) if not isinstance(each, str))
    return tuple(replace(step, constants=constants) if isinstance(step, Merge) else step for step in steps)


def _check_plausible(shape: Shape) -> None:
    """Raise `ConvcliError` where there are more values than figures are printed for."""
    if prod(extent or 1 for extent in shape) > MOST_COUNTED:
        raise ConvcliError("more than 1e100 values", "smaller extents")


def _check_given(row: PlannedLayer) -> None:
    """Raise `ConvcliError` where a weight in the model has not the shape that the layer needs."""
    wanted = {weight.name: weight for weight in row.weights}
    for name, given in row.node.given.items():
        if name not in wanted:
            arguments = ", ".join(row.node.layer.arguments()) or "none"
            weights = ", ".join(wanted) or "none"
            raise ConvcliError(f"{name}: the layer has no such weight", f"weights: {weights}; arguments: {arguments}")
        shape = wanted[name].shape
        if given.shape and (
            len(given.shape) != len(shape)
            or not all(_agree(have, want) for have, want in zip(given.shape, shape, strict=True))
        ):
            raise ConvcliError(f"{name}: shape {shape_text(given.shape)}", f"{shape_text(shape)} here")


def _check_shared(row: PlannedLayer, first: PlannedLayer) -> None:
    """Raise `ConvcliError` where a layer that is called again would need other weights than at its first call."""
    for here, there in zip(row.weights, first.weights, strict=True):
        if len(here.shape) != len(there.shape) or not all(map(_agree, here.shape, there.shape)):
            raise ConvcliError(
                f"{here.name}: {shape_text(here.shape)} here, {shape_text(there.shape)} at its first call",
                "inputs that need the same weights",
            )


def _agree(one: Extent, other: Extent) -> bool:
    return one is None or other is None or one == other
