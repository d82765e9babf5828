"""Layers that shift and scale: by statistics of the data, or by fixed or learned numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import (
    Layer,
    argument,
    axes,
    axis_number,
    channel_axes,
    channel_axis,
    flag,
    number,
    numbers,
    optional,
    whole,
)
from convcli.model.steps import Normalize, Scale, Step, Weight


def _gamma_beta(shape: Shape, scale: bool, center: bool) -> tuple[Weight | None, Weight | None]:
    return Weight("gamma", shape, 1.0) if scale else None, Weight("beta", shape) if center else None


def _affine(shape: Shape, scale: bool, center: bool, axes: tuple[int, ...]) -> tuple[Scale, ...]:
    """The step that follows a normalisation, if it has weights."""
    return (Scale("affine", axes, *_gamma_beta(shape, scale, center)),) if scale or center else ()


class BatchNormalization(Layer):
    """gamma·(x - moving_mean) / sqrt(moving_variance + epsilon) + beta, channel by channel.

    Ioffe and Szegedy, "Batch Normalization", 2015; in training, with the batch's statistics.
    """

    axis: int | None = argument(optional(axis_number), None)
    momentum: float = argument(number, 0.99)
    epsilon: float = argument(number, 1e-3)
    center: bool = argument(flag, True)
    scale: bool = argument(flag, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(self.axis, shapes[0], data_format)
        shape = (shapes[0][axis],)
        gamma, beta = _gamma_beta(shape, self.scale, self.center)
        mean = Weight("moving_mean", shape, trainable=False)
        variance = Weight("moving_variance", shape, 1.0, trainable=False)
        return (Scale("batch", (axis,), gamma, beta, mean, variance, self.epsilon, momentum=self.momentum),)


class LayerNormalization(Layer):
    """Each sample to mean 0 and variance 1 over the axes, then gamma·x + beta. Ba, Kiros and Hinton, 2016."""

    axis: tuple[int, ...] | None = argument(optional(axes), None)
    epsilon: float = argument(number, 1e-3)
    center: bool = argument(flag, True)
    scale: bool = argument(flag, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        places = channel_axes(self.axis, shapes[0], data_format)
        shape = tuple(shapes[0][place] for place in places)
        return (Normalize(places, self.epsilon), *_affine(shape, self.scale, self.center, places))


class GroupNormalization(Layer):
    """Each group of channels of a sample to mean 0 and variance 1, then gamma·x + beta. Wu and He, 2018.

    `groups` of -1 means one group a channel.
    """

    groups: int = argument(whole(-1), 32)
    axis: int | None = argument(optional(axis_number), None)
    epsilon: float = argument(number, 1e-3)
    center: bool = argument(flag, True)
    scale: bool = argument(flag, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        shape = shapes[0]
        axis = channel_axis(self.axis, shape, data_format)
        channels = shape[axis]
        groups = channels if self.groups == -1 else self.groups
        if groups is not None and (groups < 1 or (channels is not None and channels % groups)):
            raise ConvcliError(f"channels (={channels}) must be divisible by groups (={groups})")
        others = tuple(place for place in range(len(shape)) if place != axis)
        affine = _affine((channels,), self.scale, self.center, (axis,))
        return (Normalize((*others, axis), self.epsilon, groups), *affine)


ONE_A_CHANNEL = "channels"


def _axes_or_one(value: Any, rank: int) -> tuple[int, ...] | str | None:
    if value in ([], ()):  # what Keras writes for None
        return None
    return value if value in (None, ONE_A_CHANNEL) else axes(value, rank)


class Normalization(Layer):
    """(x - mean) / max(sqrt(variance), 1e-7), channel by channel; `invert` undoes it.

    An axis of None stands for one mean and one variance for all.

    Mean and variance are arguments, or else weights that the data gave.
    """

    axis: tuple[int, ...] | str | None = argument(_axes_or_one, ONE_A_CHANNEL)
    mean: float | tuple[float, ...] | None = argument(optional(numbers), None)
    variance: float | tuple[float, ...] | None = argument(optional(numbers), None)
    invert: bool = argument(flag, False)

    EPSILON: ClassVar[float] = 1e-7  # keras.config.epsilon()

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        if (self.mean is None) != (self.variance is None):
            raise ConvcliError("mean without variance, or variance without mean", "both, or neither")
        axes = None if isinstance(self.axis, str) else self.axis
        places = () if self.axis is None else channel_axes(axes, shapes[0], data_format)
        shape = tuple(shapes[0][place] for place in places)
        kind: Literal["inverse", "standard"] = "inverse" if self.invert else "standard"
        if self.mean is not None and self.variance is not None:
            mean, variance = (_one_each(name, getattr(self, name), shape) for name in ("mean", "variance"))
            if min(variance) < 0:
                raise ConvcliError(f"a variance of {min(variance)}", "none below 0")
            return (Scale(kind, places, mean=mean, variance=variance, epsilon=self.EPSILON),)
        return (
            Scale(
                kind,
                places,
                mean=Weight("mean", shape, trainable=False),
                variance=Weight("variance", shape, 1.0, trainable=False),
                epsilon=self.EPSILON,
                unread=Weight("count", (), trainable=False, required=False),
            ),
        )


def _one_each(name: str, given: float | tuple[float, ...], shape: Shape) -> tuple[float, ...]:
    """One number for all cells of the shape, or where it has one axis a number for each."""
    numbers = given if isinstance(given, tuple) else (given,)
    if len(numbers) == 1 or (len(shape) == 1 and shape[0] in (None, len(numbers))):
        return numbers
    if len(shape) == 1:
        raise ConvcliError(f"{name} has {len(numbers)} values, the input {shape[0]} channels", "one a channel")
    raise ConvcliError(f"{name} has {len(numbers)} values for {len(shape)} axes", "one number, or a weight")


class Rescaling(Layer):
    """scale·x + offset, one number each or one a channel."""

    scale: float | tuple[float, ...] = argument(numbers)
    offset: float | tuple[float, ...] = argument(numbers, 0.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        scale, offset = self.scale, self.offset
        if isinstance(scale, tuple) or isinstance(offset, tuple):
            shape = (shapes[0][axis],)
            return (Scale("affine", (axis,), _one_each("scale", scale, shape), _one_each("offset", offset, shape)),)
        return (Scale("affine", (), (scale,), (offset,)),)


class LayerScale(Layer):
    """gamma·x, channel by channel, gamma learned from `init_values`. Touvron et al., 2021; used by ConvNeXt."""

    init_values: float = argument(number, 1e-6)
    projection_dim: int | None = argument(optional(whole()), None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        channels = self.projection_dim if shapes[0][axis] is None else shapes[0][axis]
        if self.projection_dim not in (None, channels):
            raise ConvcliError(f"projection_dim (={self.projection_dim}) must be the input's {channels} channels")
        return (Scale("affine", (axis,), Weight("gamma", (channels,), self.init_values)),)
