"""A layer of a plan: its steps and their shapes, and what follows from these: weights, parameters, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from convcli.core.records import Record, replace
from convcli.core.shapes import Extent, Shape, is_compatible, total
from convcli.model.graph import Node
from convcli.model.layers import KernelLayer, UnknownLayer
from convcli.model.receptive_field import ReceptiveField
from convcli.model.steps import Correlate, Opaque, Step, Weight


class PlannedLayer(Record):
    """A layer of a plan: its steps and their shapes, each of one sample with channels last.

    `step_shapes` are the output shapes of the steps. A layer without steps is the identity. Where a shape is unknown,
    rank and all, it is `UNKNOWN_SHAPE`.
    """

    node: Node
    steps: tuple[Step, ...]
    input_shapes: tuple[Shape, ...]
    step_shapes: tuple[Shape, ...]

    @property
    def name(self) -> str:
        """The name of the layer, and of its output."""
        return self.node.name

    @property
    def where(self) -> str:
        """The layer's name in messages."""
        return self.node.where

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the values that the layer takes; numbers among its inputs have none."""
        return tuple(value for value in self.node.inputs if isinstance(value, str))

    @property
    def output_shape(self) -> Shape:
        """The shape of the layer's output."""
        return self.step_shapes[-1] if self.steps else self.input_shapes[0]

    @property
    def steps_with_shapes(self) -> Iterator[tuple[Step, tuple[Shape, ...]]]:
        """Each step with the shapes of its inputs."""
        yield from zip(self.steps, (self.input_shapes, *((shape,) for shape in self.step_shapes)), strict=False)

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """The weights of all steps, in Keras's order, with unknown extents as the model file stores them."""
        weights = tuple(weight for step in self.steps for weight in step.weights)
        stored = self.node.stored_weights or ()
        if len(stored) != len(weights):
            return weights
        return tuple(
            replace(weight, shape=shape) if None in weight.shape and is_compatible(weight.shape, shape) else weight
            for weight, shape in zip(weights, stored, strict=True)
        )

    @property
    def is_known(self) -> bool:
        """True if convcli has the layer, whether or not it can tell its output's shape."""
        return not isinstance(self.node.layer, UnknownLayer)

    @property
    def is_opaque(self) -> bool:
        """True if what the layer does is not followed: it is not known, or the shape of its input is not."""
        return any(isinstance(step, Opaque) for step in self.steps)

    @property
    def macs(self) -> Extent:
        """The multiply-accumulates by kernel weights, for one sample."""
        return total(step.macs(shapes[0]) for step, shapes in self.steps_with_shapes)

    @property
    def params(self) -> Extent:
        """The number of parameters; a layer that is called again counts at its first call only."""
        return 0 if self.node.shares_with else total(weight.size for weight in self.parameters)

    @property
    def parameters(self) -> tuple[Weight, ...]:
        """The weights that are parameters: all, but in PyTorch's words only those that training changes."""
        return tuple(weight for weight in self.weights if weight.trainable or self.node.spelling is None)

    @property
    def buffers(self) -> Extent:
        """The numbers that a layer in PyTorch's words holds beside its parameters, such as running statistics."""
        if self.node.shares_with or self.node.spelling is None:
            return 0
        own = (weight.size for weight in self.weights if not weight.trainable)
        return total((*own, self.node.spelling.extra_buffers))

    @property
    def trainable_params(self) -> Extent:
        """The number of parameters that training changes."""
        if self.node.shares_with or not self.node.trainable:
            return 0
        if self.is_opaque and self.weights and not isinstance(self.node.layer, KernelLayer):
            return None  # not all of them need be trainable
        return total(weight.size for weight in self.weights if weight.trainable)

    @property
    def correlation(self) -> Correlate | None:
        """The first step that has a kernel."""
        return next((step for step in self.steps if isinstance(step, Correlate)), None)

    def trace(self, fields: Sequence[Mapping[str, ReceptiveField]]) -> Mapping[str, ReceptiveField]:
        """Return the receptive field of the output on each model input, from those of the layer's inputs."""
        for step, shapes in self.steps_with_shapes:
            model_inputs = dict.fromkeys(name for field in fields for name in field)
            fields = [{name: step.trace([field.get(name) for field in fields], shapes) for name in model_inputs}]
        return fields[0]
