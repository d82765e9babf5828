"""The graph of named layers, and its plan: what each layer yields and costs on inputs of known shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from convcli.errors import ConvcliError, located
from convcli.geometry import DataFormat, Extent, Reach, Shape, shape_text
from convcli.layers import Layer
from convcli.records import Record, field, replace
from convcli.steps import Correlate, Field, Join, Step, Track, Weight


class Given(Protocol):
    """The value of a weight as the model file holds it: its shape is known, the array is made when asked for."""

    @property
    def shape(self) -> Shape:
        """The shape; None is an extent along which the value is repeated, `()` one number for all."""

    def fill(self, shape: tuple[int, ...]) -> Any:
        """The array in the shape that the layer needs."""


class Node(Record):
    """A layer in the graph: its name, what it takes (names of values, or numbers), and weights given with it."""

    name: str
    layer: Layer
    inputs: tuple[str | float, ...]
    given: Mapping[str, Given] = field(factory=dict)
    filter_names: tuple[str, ...] = ()
    trainable: bool = True

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"layer {self.name}"


class Row(Record):
    """One layer of a plan. Shapes are of one sample, channels last."""

    node: Node
    steps: tuple[Step, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    macs: Extent
    fields: Mapping[str, Field]

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

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """All its variables, in Keras's order."""
        return tuple(weight for step in self.steps for weight in step.weights)

    @property
    def params(self) -> int:
        """How many parameters it has."""
        return sum(weight.size for weight in self.weights)

    @property
    def trainable_params(self) -> int:
        """How many of them training changes."""
        return sum(weight.size for weight in self.weights if weight.trainable and self.node.trainable)

    @property
    def correlation(self) -> Correlate | None:
        """Its first step that has a kernel."""
        return next((step for step in self.steps if isinstance(step, Correlate)), None)


class Plan(Record):
    """A model on inputs of known shape. All shapes are of one sample, channels last."""

    model: Model
    input_shapes: Mapping[str, Shape]
    rows: tuple[Row, ...]

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of each output by name."""
        shapes = {**self.input_shapes, **{row.name: row.output_shape for row in self.rows}}
        return {name: shapes[name] for name in self.model.outputs}


class Model(Record):
    """A graph of layers, in an order in which each comes after what it takes.

    `inputs` maps each input's name to its shape (one sample, channels last), or None where the model does not say.
    `source` is what messages call the file that it came from.
    """

    name: str
    inputs: Mapping[str, Shape | None]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    data_format: DataFormat = DataFormat.CHANNELS_LAST
    source: str | None = None

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
        fields = {name: {name: _whole_field(shape)} for name, shape in shapes.items()}
        rows = []
        for node in self.nodes:
            with located(node.where):
                row = _plan_layer(node, values, fields, self.data_format)
            values[node.name], fields[node.name] = row.output_shape, dict(row.fields)
            rows.append(row)
        return Plan(self, dict(shapes), tuple(rows))


def _whole_field(shape: Shape) -> Field:
    return tuple(Track(axis, Reach.identity()) for axis in range(len(shape) - 1))


def _plan_layer(
    node: Node, values: Mapping[str, Shape], fields: Mapping[str, Mapping[str, Field]], data_format: DataFormat
) -> Row:
    operands = [each for each in node.inputs if isinstance(each, str)]
    shapes = tuple(values[name] for name in operands)
    node.layer.check(shapes, len(node.inputs))
    steps = _with_constants(node.layer.steps(shapes, data_format), node.inputs)
    current: tuple[Shape, ...] = shapes
    seen = [fields[name] for name in operands]
    macs: Extent = 0
    for step in steps:
        cost = step.macs(current[0])
        macs = None if cost is None or macs is None else macs + cost
        shape = step.output_shape(*current)
        inputs = dict.fromkeys(name for each in seen for name in each)
        seen = [{name: step.trace([each.get(name) for each in seen], current) for name in inputs}]
        current = (shape,)
    row = Row(node, steps, shapes, current[0], macs, seen[0])
    _check_given(row)
    return row


def _with_constants(steps: tuple[Step, ...], inputs: Sequence[str | float]) -> tuple[Step, ...]:
    """A merge takes the numbers among its inputs as constants."""
    constants = tuple((place, float(each)) for place, each in enumerate(inputs) if not isinstance(each, str))
    return tuple(replace(step, constants=constants) if isinstance(step, Join) else step for step in steps)


def _check_given(row: Row) -> None:
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
            or any(have not in (None, want) for have, want in zip(given.shape, shape, strict=True))
        ):
            raise ConvcliError(f"{name}: shape {shape_text(given.shape)}", f"{shape_text(shape)} here")
