"""Activations as layers, and as the last step of other layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.shapes import DataFormat, Shape
from convcli.model.activations import works_along_axis
from convcli.model.layers.arguments import (
    activation_name,
    argument,
    axis_number,
    axis_numbers,
    channel_axes,
    optional,
    real_number,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Activate, Step, Weight


def activation_steps(
    name: str | None,
    shape: Shape,
    data_format: DataFormat,
    parameters: Mapping[str, Any] | None = None,
    axes: tuple[int, ...] | None = None,
) -> tuple[Step, ...]:
    """Return the step of an activation by its name; none for None and `linear`.

    `axes` are Keras's numbers of the axes that it works along, if it works along any; None is the channel axis.
    """
    if name is None or name == "linear":
        return ()
    sample_axes = channel_axes(axes, shape, data_format) if works_along_axis(name) else ()
    return (Activate(name, tuple((parameters or {}).items()), sample_axes),)


class Activation(Layer):
    """An activation by name, with default parameters, along `axis` where it works along one.

    It stands for every activation that Keras has no layer for.
    """

    activation: str | None = argument(activation_name)
    axis: int | None = argument(optional(axis_number), None, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axes = None if self.axis is None else (self.axis,)
        return activation_steps(self.activation, shapes[0], data_format, axes=axes)


class ReLU(Layer):
    """x above the threshold, negative_slope·(x - threshold) below it, at most max_value."""

    max_value: float | None = argument(optional(real_number), None)
    negative_slope: float = argument(real_number, 0.0)
    threshold: float = argument(real_number, 0.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        parameters = {
            "negative_slope": self.negative_slope,
            "max_value": self.max_value,
            "threshold": self.threshold,
        }
        return activation_steps("relu", shapes[0], data_format, parameters)


class LeakyReLU(Layer):
    """x where positive, negative_slope·x elsewhere."""

    negative_slope: float = argument(real_number, 0.3)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_steps("leaky_relu", shapes[0], data_format, {"negative_slope": self.negative_slope})


class PReLU(Layer):
    """x where positive, alpha·x elsewhere. He et al., "Delving Deep into Rectifiers", 2015.

    alpha is learned: a number for each cell, the same along the shared axes.
    """

    weight_names = ("alpha",)

    shared_axes: tuple[int, ...] = argument(axis_numbers, (), kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(shapes[0])
        order = data_format.axis_order(rank)
        shared = {data_format.resolve_axis(axis, rank) for axis in self.shared_axes}
        extents = tuple(1 if axis in shared else shapes[0][axis] for axis in order)
        return (Activate("prelu", slope=Weight("alpha", extents), slope_axes=order),)


class ELU(Layer):
    """x where positive, alpha·(e^x - 1) elsewhere."""

    alpha: float = argument(real_number, 1.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_steps("elu", shapes[0], data_format, {"alpha": self.alpha})


class Softmax(Layer):
    """e^x divided by its sum along the axis, or over several axes together."""

    axis: tuple[int, ...] | None = argument(optional(axis_numbers), None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return activation_steps("softmax", shapes[0], data_format, axes=self.axis)
