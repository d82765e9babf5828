"""The plan of a model: its planned layers, shapes and receptive fields, for inputs of known shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import lcm, prod
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record, replace
from convcli.core.shapes import UNKNOWN_SHAPE, DataFormat, Shape, format_shape, is_compatible, matches
from convcli.model.graph import Model, Node
from convcli.model.layers import Layer, UnknownLayer
from convcli.model.layers.own_order import steps_in_own_order
from convcli.model.layers.unknown import weights_of_shapes
from convcli.model.planned_layer import PlannedLayer
from convcli.model.receptive_field import (
    AxisField,
    PeriodicField,
    ReceptiveField,
    TracedAxis,
    identity_field,
    input_period,
)
from convcli.model.steps import Merge, Opaque, Step

MOST_VALUES = 10**100  # numbers beyond are not worth printing
# Extents that are tried in place of unknown ones: AMPLE is larger than any usual window, PROBES is how many follow it.
AMPLE, PROBES = 1 << 8, 1 << 5


class Plan(Record):
    """A model on inputs of known shape; its layers come in the order of the model."""

    model: Model
    input_shapes: Mapping[str, Shape]
    layers: tuple[PlannedLayer, ...]

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of every value by name, the inputs first."""
        return {**self.input_shapes, **{layer.name: layer.output_shape for layer in self.layers}}

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """The shape of each output by name."""
        return {name: self.shapes[name] for name in self.model.outputs}

    @property
    def is_complete(self) -> bool:
        """True if all layers are known."""
        return all(layer.is_known for layer in self.layers)

    def require_known(self) -> None:
        """Raise `ConvcliError`, which names the layer, where a layer is not known, so that nothing can be computed."""
        for layer in self.layers:
            layer.node.require_known()

    @cached_property
    def receptive_fields(self) -> dict[str, Mapping[str, ReceptiveField]]:
        """The receptive field of each value on each model input: `receptive_fields[value][model_input]`.

        An unknown extent can leave open where windows lie. The model is then planned for a run of known extents that
        covers every remainder, and what all of these plans agree on is known after all.
        """
        fields = self.trace({name: identity_field(shape) for name, shape in self.input_shapes.items()})
        extents_unknown = self.is_complete and any(None in shape[:-1] for shape in self.input_shapes.values())
        if extents_unknown and any("unknown" in field for seen in fields.values() for field in seen.values()):
            probes = self._fields_of_probes()
            return {
                value: {name: _agreed(field, [probe[value][name] for probe in probes]) for name, field in seen.items()}
                for value, seen in fields.items()
            }
        return fields

    def _fields_of_probes(self) -> list[dict[str, Mapping[str, ReceptiveField]]]:
        """Return the receptive fields for known extents in place of unknown ones; none where too many are needed."""
        first = next(filter(None, map(self._probe, range(AMPLE, AMPLE + PROBES))), None)
        if first is None or any(None in shape for shape in first.input_shapes.values()):
            return []
        fields = (axis for seen in first.receptive_fields.values() for field in seen.values() for axis in field)
        period = lcm(*map(input_period, fields))
        if period > PROBES:
            return []
        return [plan.receptive_fields for plan in map(self._probe, range(AMPLE, AMPLE + period)) if plan]

    def _probe(self, extent: int) -> Plan | None:
        """Return the plan for inputs with `extent` in place of each unknown spatial extent; None if it does not fit."""
        shapes = {
            name: (*(extent if own is None else own for own in shape[:-1]), shape[-1])
            for name, shape in self.input_shapes.items()
        }
        return try_plan(self.model, shapes)

    def trace(self, input_fields: Mapping[str, ReceptiveField]) -> dict[str, Mapping[str, ReceptiveField]]:
        """Return the receptive field of each value on each model input, from those of the inputs on themselves."""
        fields: dict[str, Mapping[str, ReceptiveField]] = {name: {name: own} for name, own in input_fields.items()}
        for layer in self.layers:
            with located(layer.where):
                fields[layer.name] = layer.trace([fields[name] for name in layer.input_names])
        return fields

    @cached_property
    def without_statistics(self) -> frozenset[str]:
        """The names of the layers whose receptive fields leave out statistics of normalisations on the way to them.

        These are statistics over an axis along which a model input is traced, as far as is known.
        """
        names: set[str] = set()
        for layer in self.layers:
            mixed = {axis for step, shapes in layer.steps_with_shapes for axis in step.statistics_axes(shapes[0])}
            fields = (field for name in layer.input_names for field in self.receptive_fields[name].values())
            own = mixed and any(_runs_along(mixed, field, layer.input_shapes[0]) for field in fields)
            if own or names.intersection(layer.input_names):
                names.add(layer.name)
        return frozenset(names)

    def by_input(self, figures: Mapping[str, Any]) -> Any:
        """Return figures by the names of the inputs, or the only figure where the model has one input."""
        return dict(figures) if len(self.input_shapes) > 1 else next(iter(figures.values()))

    def pruned_to(self, names: Sequence[str]) -> Plan:
        """Return the plan of only the layers that the named values depend on."""
        needed = set(names)
        for layer in reversed(self.layers):
            if layer.name in needed:
                needed.update(layer.input_names)
        return replace(self, layers=tuple(layer for layer in self.layers if layer.name in needed))


def make_plan(model: Model, shapes: Mapping[str, Shape]) -> Plan:
    """Return the plan of a model for input shapes by name (one sample, channels last).

    Raises `ConvcliError`, which names the layer, where something does not fit.
    """
    values: dict[str, Shape] = dict(shapes)
    # What a file tells of the outputs of layers holds for the inputs that the file has.
    told = all(own is None or matches(shapes[name], own) for name, own in model.inputs.items())
    layers: dict[str, PlannedLayer] = {}
    for name, shape in shapes.items():
        with located(name):
            _check_size(shape)
    for node in model.nodes:
        with located(node.where):
            layer = _plan_layer(node, values, model.data_format, told)
            _check_size(layer.output_shape)
            _check_weight_values(layer)
            if node.shares_with and not layer.is_opaque and not layers[node.shares_with].is_opaque:
                _check_shared_weights(layer, layers[node.shares_with])
        values[node.name] = layer.output_shape
        layers[node.name] = layer
    return Plan(model, dict(shapes), tuple(layers.values()))


def try_plan(model: Model, shapes: Mapping[str, Shape]) -> Plan | None:
    """Return the plan of a model for input shapes, None where something does not fit."""
    try:
        return make_plan(model, shapes)
    except ConvcliError:
        return None


def _plan_layer(node: Node, values: Mapping[str, Shape], data_format: DataFormat, told: bool) -> PlannedLayer:
    """Plan one layer; `told` says whether to believe what the model file tells of an unknown layer's output."""
    shapes = tuple(_of_any_extent(values[value], node.layer) for value in node.inputs if isinstance(value, str))
    if UNKNOWN_SHAPE in shapes and not isinstance(node.layer, UnknownLayer):
        weights = weights_of_shapes(node.stored_weights) if node.layer.weight_names else ()
        return PlannedLayer(node, (Opaque(UNKNOWN_SHAPE, weights),), shapes, (UNKNOWN_SHAPE,))
    if node.spelling is not None and len(shapes) == 1:
        node.spelling.check_input(shapes[0], data_format)
    node.layer.check_inputs(shapes, len(node.inputs))
    steps = _with_constants(steps_in_own_order(node.layer, shapes, data_format), node.inputs)
    if not told:
        steps = tuple(replace(step, shape=UNKNOWN_SHAPE) if isinstance(step, Opaque) else step for step in steps)
    step_shapes: list[Shape] = []
    current = shapes
    for step in steps:
        step_shapes.append(step.output_shape(*current))
        current = (step_shapes[-1],)
    return PlannedLayer(node, steps, shapes, tuple(step_shapes))


def _of_any_extent(shape: Shape, layer: Layer) -> Shape:
    """Return the shape; in place of an unknown one that of the layer's rank, with every extent unknown."""
    return (None,) * (layer.rank + 1) if shape == UNKNOWN_SHAPE and layer.rank is not None else shape


def _with_constants(steps: tuple[Step, ...], inputs: Sequence[str | float]) -> tuple[Step, ...]:
    """Hand the numbers among a layer's inputs to its merge, as constants."""
    constants = tuple((index, float(value)) for index, value in enumerate(inputs) if not isinstance(value, str))
    return tuple(replace(step, constants=constants) if isinstance(step, Merge) else step for step in steps)


# ---- checks ----


def _check_size(shape: Shape) -> None:
    if prod(extent or 1 for extent in shape) > MOST_VALUES:
        raise ConvcliError("more than 1e100 values", "smaller extents")


def _check_weight_values(layer: PlannedLayer) -> None:
    """Raise `ConvcliError` where the model file holds a weight that the layer has not, or in another shape."""
    if layer.is_opaque:
        return
    shapes = {weight.name: weight.shape for weight in layer.weights}
    for name, value in layer.node.weight_values.items():
        if name not in shapes:
            arguments = ", ".join(layer.node.layer.argument_names()) or "none"
            weights = ", ".join(shapes) or "none"
            raise ConvcliError(f"{name}: the layer has no such weight", f"weights: {weights}; arguments: {arguments}")
        if value.shape and not is_compatible(value.shape, shapes[name]):
            raise ConvcliError(f"{name}: shape {format_shape(value.shape)}", f"{format_shape(shapes[name])} here")


def _check_shared_weights(layer: PlannedLayer, first: PlannedLayer) -> None:
    """Raise `ConvcliError` where a layer that is called again needs other weights than at its first call."""
    for here, there in zip(layer.weights, first.weights, strict=True):
        if not is_compatible(here.shape, there.shape):
            raise ConvcliError(
                f"{here.name}: {format_shape(here.shape)} here, {format_shape(there.shape)} at its first call",
                "inputs that need the same weights",
            )


def _runs_along(axes: Collection[int], field: ReceptiveField, shape: Shape) -> bool:
    """Return whether a model input is traced along one of the axes of a value of this shape, as far as is known."""
    over_space = any(axis < len(shape) - 1 for axis in axes)
    return any(
        seen.axis in axes if isinstance(seen, TracedAxis) else seen == "unknown" and over_space for seen in field
    )


# ---- receptive fields for unknown extents ----


def _agreed(field: ReceptiveField, probes: Sequence[ReceptiveField]) -> ReceptiveField:
    """Return a receptive field with its unknown axes replaced by what all probes agree on."""
    return tuple(
        _agreed_axis([probe[axis] for probe in probes]) if seen == "unknown" else seen
        for axis, seen in enumerate(field)
    )


def _agreed_axis(probes: Sequence[AxisField]) -> AxisField:
    """Return what all probes see along an axis, if extent and jump are the same; positions may differ."""
    figures = {
        (seen.axis, seen.field.extent, seen.field.jump)
        if isinstance(seen, TracedAxis) and isinstance(seen.field, PeriodicField)
        else None
        for seen in probes
    }
    return probes[0] if len(figures) == 1 and None not in figures else "unknown"
