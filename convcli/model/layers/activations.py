"""Activations as layers; one that Keras has no class for is `Activation`."""

from __future__ import annotations

from collections.abc import Sequence

from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import (
    Layer,
    activate,
    activation_name,
    activation_step,
    argument,
    axes,
    axis_number,
    number,
    optional,
)
from convcli.model.steps import Activate, Step, Weight


class Activation(Layer):
    """An activation by name, with its default parameters, along `axis` where it works along one."""

    activation: str | None = argument(activation_name)
    axis: int | None = argument(optional(axis_number), None, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = None if self.axis is None else (self.axis,)
        return activate(self.activation, shapes[0], data_format, axis)


class ReLU(Layer):
    """x above the threshold, negative_slope·(x - threshold) below it, never more than max_value."""

    max_value: float | None = argument(optional(number), None)
    negative_slope: float = argument(number, 0.0)
    threshold: float = argument(number, 0.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        parameters = {
            "negative_slope": self.negative_slope,
            "max_value": self.max_value,
            "threshold": self.threshold,
        }
        return activation_step("relu", parameters, shapes[0], data_format)


class LeakyReLU(Layer):
    """x where positive, negative_slope·x elsewhere."""

    negative_slope: float = argument(number, 0.3)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_step("leaky_relu", {"negative_slope": self.negative_slope}, shapes[0], data_format)


class PReLU(Layer):
    """x where positive, alpha·x elsewhere; alpha is learned, one for each cell but those of the shared axes."""

    shared_axes: tuple[int, ...] = argument(axes, (), kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(shapes[0])
        order = data_format.axis_order(rank)
        shared = {data_format.resolve_axis(axis, rank) for axis in self.shared_axes}
        extents = tuple(1 if place in shared else shapes[0][place] for place in order)
        return (Activate("prelu", slope=Weight("alpha", extents), slope_axes=order),)


class ELU(Layer):
    """x where positive, alpha·(e^x - 1) elsewhere."""

    alpha: float = argument(number, 1.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_step("elu", {"alpha": self.alpha}, shapes[0], data_format)


class Softmax(Layer):
    """e^x divided by its sum along the axis, or over several axes together."""

    axis: tuple[int, ...] | None = argument(optional(axes), None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_step("softmax", {}, shapes[0], data_format, self.axis)
