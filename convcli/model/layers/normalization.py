"""Layers that shift and scale: by statistics of the data, or by given or learned numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.arguments import (
    argument,
    axis_number,
    axis_numbers,
    boolean,
    channel_axes,
    channel_axis,
    optional,
    real_number,
    real_numbers,
    whole_number,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Normalize, NormalizeLocally, Scale, Step, Weight
from convcli.model.window import Window


def gamma_and_beta(shape: Shape, scale: bool, center: bool) -> tuple[Weight | None, Weight | None]:
    """Return the weights that scale and shift normalised values, each None where it is left out."""
    return Weight("gamma", shape, 1.0) if scale else None, Weight("beta", shape) if center else None


def affine_step(shape: Shape, scale: bool, center: bool, axes: tuple[int, ...]) -> tuple[Scale, ...]:
    """Return the step that scales and shifts normalised values, none if neither is asked for."""
    return (Scale("affine", axes, *gamma_and_beta(shape, scale, center)),) if scale or center else ()


class BatchNormalization(Layer):
    """gamma·(x - moving_mean) / sqrt(moving_variance + epsilon) + beta, channel by channel.

    In training, mean and variance are those of the batch. Ioffe and Szegedy, "Batch Normalization", 2015.
    """

    weight_names = ("gamma", "beta", "moving_mean", "moving_variance")

    axis: int | None = argument(optional(axis_number), None)
    momentum: float = argument(real_number, 0.99)
    epsilon: float = argument(real_number, 1e-3)
    center: bool = argument(boolean, True)
    scale: bool = argument(boolean, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(self.axis, shapes[0], data_format)
        shape = (shapes[0][axis],)
        gamma, beta = gamma_and_beta(shape, self.scale, self.center)
        mean = Weight("moving_mean", shape, trainable=False)
        variance = Weight("moving_variance", shape, 1.0, trainable=False)
        return (Scale("batch", (axis,), gamma, beta, mean, variance, self.epsilon, momentum=self.momentum),)


class LayerNormalization(Layer):
    """Normalises each sample to mean 0 and variance 1 over the axes, then gamma·x + beta.

    Ba, Kiros and Hinton, "Layer Normalization", 2016.
    """

    weight_names = ("gamma", "beta")

    axis: tuple[int, ...] | None = argument(optional(axis_numbers), None)
    epsilon: float = argument(real_number, 1e-3)
    center: bool = argument(boolean, True)
    scale: bool = argument(boolean, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axes = channel_axes(self.axis, shapes[0], data_format)
        shape = tuple(shapes[0][axis] for axis in axes)
        return (Normalize(axes, self.epsilon), *affine_step(shape, self.scale, self.center, axes))


class GroupNormalization(Layer):
    """Normalises each group of channels of a sample to mean 0 and variance 1, then gamma·x + beta.

    `groups` of -1 makes each channel a group. Wu and He, "Group Normalization", 2018.
    """

    weight_names = ("gamma", "beta")

    groups: int = argument(whole_number(-1), 32)
    axis: int | None = argument(optional(axis_number), None)
    epsilon: float = argument(real_number, 1e-3)
    center: bool = argument(boolean, True)
    scale: bool = argument(boolean, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        shape = shapes[0]
        axis = channel_axis(self.axis, shape, data_format)
        channels = shape[axis]
        groups = channels if self.groups == -1 else self.groups
        if groups is not None and (groups < 1 or (channels is not None and channels % groups)):
            raise ConvcliError(f"channels (={channels}) must be divisible by groups (={groups})")
        others = tuple(other for other in range(len(shape)) if other != axis)
        affine = affine_step((channels,), self.scale, self.center, (axis,))
        return (Normalize((*others, axis), self.epsilon, groups), *affine)


class InstanceNorm(Layer, abstract=True):
    """Normalises each channel of each sample to mean 0 and variance 1; with `affine`, then gamma·x + beta.

    Without `use_bias`, beta is left out. Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.
    """

    weight_names = ("gamma", "beta")

    epsilon: float = argument(real_number, 1e-5)
    affine: bool = argument(boolean, False)
    use_bias: bool = argument(boolean, True, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axes, channels = tuple(range(len(shapes[0]))), shapes[0][-1]
        affine = affine_step((channels,), self.affine, self.affine and self.use_bias, axes[-1:])
        return (Normalize(axes, self.epsilon, channels), *affine)


class InstanceNorm1D(InstanceNorm):
    rank = 1


class InstanceNorm2D(InstanceNorm):
    rank = 2


class InstanceNorm3D(InstanceNorm):
    rank = 3


class RMSNormalization(Layer):
    """scale·x / sqrt(mean of x² + epsilon), over the axes of each sample.

    An epsilon of None is that of the number type. Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    weight_names = ("scale",)

    axis: tuple[int, ...] | None = argument(optional(axis_numbers), None)
    epsilon: float | None = argument(optional(real_number), 1e-6)
    learns_scale: bool = argument(boolean, True, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axes = channel_axes(self.axis, shapes[0], data_format)
        weight = Weight("scale", tuple(shapes[0][axis] for axis in axes), 1.0)
        scale = (Scale("affine", axes, weight),) if self.learns_scale else ()
        return (Normalize(axes, self.epsilon, centered=False), *scale)


class LocalResponseNorm(Layer):
    """x / (k + alpha·m)^beta, with m the mean of the squares of `size` channels around each channel.

    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
    """

    size: int = argument(whole_number())
    alpha: float = argument(real_number, 1e-4)
    beta: float = argument(real_number, 0.75)
    k: float = argument(real_number, 1.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        window = Window(self.size, before=self.size // 2, after=(self.size - 1) // 2)
        return (NormalizeLocally(window, self.alpha, self.beta, self.k),)


CHANNELS = "channels"  # the default axis of Normalization, whose None means something else


def axes_or_none(value: Any, rank: int) -> tuple[int, ...] | str | None:
    """Read axis numbers, or None for statistics that all cells share."""
    if value in ([], ()):  # Keras writes None so
        return None
    return value if value in (None, CHANNELS) else axis_numbers(value, rank)


class Normalization(Layer):
    """(x - mean) / max(sqrt(variance), 1e-7), channel by channel; `invert` undoes it.

    With an axis of None, all cells share one mean and one variance. Mean and variance are arguments, or else weights
    that Keras took from data.
    """

    weight_names = ("mean", "variance")

    axis: tuple[int, ...] | str | None = argument(axes_or_none, CHANNELS)
    mean: float | tuple[float, ...] | None = argument(optional(real_numbers), None)
    variance: float | tuple[float, ...] | None = argument(optional(real_numbers), None)
    invert: bool = argument(boolean, False)

    EPSILON: ClassVar[float] = 1e-7  # keras.config.epsilon()

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        if (self.mean is None) != (self.variance is None):
            raise ConvcliError("mean without variance, or variance without mean", "both, or neither")
        axes = None if isinstance(self.axis, str) else self.axis
        sample_axes = () if self.axis is None else channel_axes(axes, shapes[0], data_format)
        shape = tuple(shapes[0][axis] for axis in sample_axes)
        kind: Literal["inverse", "standard"] = "inverse" if self.invert else "standard"
        if self.mean is not None and self.variance is not None:
            mean, variance = (numbers_for(name, getattr(self, name), shape) for name in ("mean", "variance"))
            if min(variance) < 0:
                raise ConvcliError(f"a variance of {min(variance)}", "none below 0")
            return (Scale(kind, sample_axes, mean=mean, variance=variance, epsilon=self.EPSILON),)
        return (
            Scale(
                kind,
                sample_axes,
                mean=Weight("mean", shape, trainable=False),
                variance=Weight("variance", shape, 1.0, trainable=False),
                epsilon=self.EPSILON,
                unread=Weight("count", (), trainable=False, required=False),
            ),
        )


def numbers_for(name: str, value: float | tuple[float, ...], shape: Shape) -> tuple[float, ...]:
    """Return the numbers of an argument for cells of a shape: one for all, or along one axis a number for each.

    Raises `ConvcliError`, which names the argument.
    """
    numbers = value if isinstance(value, tuple) else (value,)
    if len(numbers) == 1 or (len(shape) == 1 and shape[0] in (None, len(numbers))):
        return numbers
    if len(shape) == 1:
        raise ConvcliError(f"{name} has {len(numbers)} values, the input {shape[0]} channels", "one a channel")
    raise ConvcliError(f"{name} has {len(numbers)} values for {len(shape)} axes", "one number, or a weight")


class Rescaling(Layer):
    """scale·x + offset; each is one number, or a number for each channel."""

    scale: float | tuple[float, ...] = argument(real_numbers)
    offset: float | tuple[float, ...] = argument(real_numbers, 0.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        scale, offset = self.scale, self.offset
        if isinstance(scale, tuple) or isinstance(offset, tuple):
            shape = (shapes[0][axis],)
            return (Scale("affine", (axis,), numbers_for("scale", scale, shape), numbers_for("offset", offset, shape)),)
        return (Scale("affine", (), (scale,), (offset,)),)


class LayerScale(Layer):
    """gamma·x, channel by channel; gamma is learned and starts at `init_values`. ConvNeXt uses it.

    Touvron et al., "Going Deeper with Image Transformers", 2021.
    """

    weight_names = ("gamma",)

    init_values: float = argument(real_number, 1e-6)
    projection_dim: int | None = argument(optional(whole_number()), None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        channels = self.projection_dim if shapes[0][axis] is None else shapes[0][axis]
        if self.projection_dim not in (None, channels):
            raise ConvcliError(f"projection_dim (={self.projection_dim}) must be the input's {channels} channels")
        return (Scale("affine", (axis,), Weight("gamma", (channels,), self.init_values)),)
