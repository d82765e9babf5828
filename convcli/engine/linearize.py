"""Linearise a plan: an ordered list of its steps, each with the names of the values that it reads and makes.

The engine fuses this list into a program; learning runs it forward and backward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Step

# The name of a layer (or model input) stands for its output; an earlier step of a layer adds its number.
ValueName = str | tuple[str, int]


class StepCall(Record):
    """One step of a layer with the values that it is run on.

    `inputs` are the names of the values that the step reads, and `output` is the name of the value that it makes.
    Shapes are those of one sample, `(*spatial, channels)`.
    """

    layer: PlannedLayer
    step: Step
    inputs: tuple[ValueName, ...]
    output: ValueName
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]


class LinearPlan(Record):
    """The steps of a plan in the order in which they run, and for each layer the name of the value that it outputs.

    The output of a layer without steps is its input, under the input's name.
    """

    calls: tuple[StepCall, ...]
    outputs: Mapping[str, ValueName]


def linearize(plan: Plan, steps_of: Callable[[PlannedLayer], Sequence[Step]] | None = None) -> LinearPlan:
    """Return the steps of a plan in an order in which every value is made before it is read.

    `steps_of` returns the steps that a layer is run by; by default they are the layer's own.
    """
    calls: list[StepCall] = []
    outputs: dict[str, ValueName] = {}
    for layer in plan.layers:
        steps = layer.steps if steps_of is None else steps_of(layer)
        inputs = tuple(outputs.get(name, name) for name in layer.input_names)
        shapes = tuple(tuple(map(known, shape)) for shape in layer.input_shapes)
        for index, step in enumerate(steps):
            output: ValueName = layer.name if index == len(steps) - 1 else (layer.name, index)
            output_shape = tuple(map(known, step.output_shape(*shapes)))
            calls.append(StepCall(layer, step, inputs, output, shapes, output_shape))
            inputs, shapes = (output,), (output_shape,)
        outputs[layer.name] = inputs[0]
    return LinearPlan(tuple(calls), outputs)


class ValueReader(Protocol):
    """An operation that reads values."""

    @property
    def inputs(self) -> tuple[ValueName, ...]:
        """The names of the values."""


def count_uses(readers: Iterable[ValueReader], results: Iterable[ValueName]) -> Counter[ValueName]:
    """Return how often each value is used: once by each operation that reads it, and once more if it is a result.

    The memory of a value can be let go after that many uses. A result is never used up.
    """
    uses = Counter(name for reader in readers for name in reader.inputs)
    uses.update(set(results))
    return uses
