"""Activations as layers, and as the last step of other layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.shapes import DataFormat, Extent, Shape
from convcli.model.activations import parameter_defaults, works_along_axis
from convcli.model.layers.arguments import (
    activation_name,
    argument,
    axis_number,
    axis_numbers,
    boolean,
    channel_axes,
    optional,
    real_number,
    whole_number,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Activate, Scale, Step, Weight


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


def parameter_values(value: Any, rank: int) -> tuple[tuple[str, Any], ...]:
    """Read a mapping of the parameters of an activation; None is an empty one."""
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        raise ConvcliError(short_repr(value), "a mapping of parameters, such as {negative_slope: 0.1}")
    return tuple((str(name), number) for name, number in value.items())


class Activation(Layer):
    """An activation by name, along `axis` where it works along one, with `parameters` other than its defaults.

    It stands for every activation that Keras has no layer for.
    """

    activation: str | None = argument(activation_name)
    axis: int | None = argument(optional(axis_number), None, kw_only=True)
    parameters: Any = argument(parameter_values, None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        defaults = parameter_defaults(self.activation) if self.activation else {}
        for name, value in self.parameters:
            with located(name):
                if name not in defaults:
                    known = f"known: {', '.join(defaults) or 'none'}"
                    raise ConvcliError(f"{self.activation or 'linear'} has no such parameter", known)
                (boolean if isinstance(defaults[name], bool) else real_number)(value, 0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axes = None if self.axis is None else (self.axis,)
        return activation_steps(self.activation, shapes[0], data_format, dict(self.parameters), axes)


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

    alpha is learned: a number for each cell, the same along the shared axes. With `num_parameters` it is instead one
    number for all cells, or one for each channel. It starts at `init`.
    """

    weight_names = ("alpha",)

    shared_axes: tuple[int, ...] = argument(axis_numbers, (), kw_only=True)
    num_parameters: int | None = argument(optional(whole_number()), None, kw_only=True)
    init: float = argument(real_number, 0.0, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(shapes[0])
        order = data_format.axis_order(rank)
        if self.num_parameters is not None:
            return (self._slopes((self._channel_slopes(shapes[0][-1]),), (rank - 1,)),)
        shared = {data_format.resolve_axis(axis, rank) for axis in self.shared_axes}
        return (self._slopes(tuple(1 if axis in shared else shapes[0][axis] for axis in order), order),)

    def _slopes(self, extents: Shape, axes: tuple[int, ...]) -> Activate:
        return Activate("prelu", slope=Weight("alpha", extents, self.init), slope_axes=axes)

    def _channel_slopes(self, channels: Extent) -> int | None:
        if self.shared_axes:
            raise ConvcliError("shared_axes and num_parameters both say which cells share a slope", "one of them")
        if self.num_parameters not in (1, channels) and channels is not None:
            raise ConvcliError(
                f"num_parameters={self.num_parameters}, the input has {channels} channels", "1, or as many"
            )
        return self.num_parameters


class RReLU(Layer):
    """x where positive, a share of x elsewhere: the mean of `lower` and `upper`, which PyTorch draws from in training.

    Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015.
    """

    lower: float = argument(real_number, 1 / 8)
    upper: float = argument(real_number, 1 / 3)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        slope = (self.lower + self.upper) / 2
        return activation_steps("leaky_relu", shapes[0], data_format, {"negative_slope": slope})


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


class Softmin(Softmax):
    """Softmax of -x."""

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Scale("affine", (), (-1.0,)), *super().steps(shapes, data_format))
