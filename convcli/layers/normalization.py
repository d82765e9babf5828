"""Layers that shift and scale: by statistics of the data, or by fixed or learned numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

from convcli.errors import ConvcliError
from convcli.geometry import DataFormat, Shape
from convcli.layers.base import (
    Layer,
    argument,
    axes,
    axis_number,
    channel_axes,
    channel_axis,
    flag,
    known,
    number,
    numbers,
    optional,
    whole,
)
from convcli.steps import Normalize, Reshape, Scale, Step, Weight


def _gamma_beta(shape: tuple[int, ...], scale: bool, center: bool) -> tuple[Weight, ...]:
    gamma, beta = Weight("gamma", shape, 1.0), Weight("beta", shape)
    return (*([gamma] if scale else []), *([beta] if center else []))


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """gamma·(x - moving_mean) / sqrt(moving_variance + epsilon) + beta, channel by channel.

    Ioffe and Szegedy, "Batch Normalization", 2015; outside training, with the moving statistics.
    """

    axis: int | None = argument(optional(axis_number), None)
    momentum: float = argument(number, 0.99)
    epsilon: float = argument(number, 1e-3)
    center: bool = argument(flag, True)
    scale: bool = argument(flag, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(self.axis, shapes[0], data_format)
        shape = (known(shapes[0][axis], "channels"),)
        moving = (
            Weight("moving_mean", shape, trainable=False),
            Weight("moving_variance", shape, 1.0, trainable=False),
        )
        return (Scale("batch", (*_gamma_beta(shape, self.scale, self.center), *moving), (axis,), self.epsilon),)


@dataclass(frozen=True)
class LayerNormalization(Layer):
    """Each sample to mean 0 and variance 1 over the axes, then gamma·x + beta. Ba, Kiros and Hinton, 2016."""

    axis: tuple[int, ...] | None = argument(optional(axes), None)
    epsilon: float = argument(number, 1e-3)
    center: bool = argument(flag, True)
    scale: bool = argument(flag, True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        places = channel_axes(self.axis, shapes[0], data_format)
        shape = tuple(known(shapes[0][place], "cells along an axis") for place in places)
        weights = _gamma_beta(shape, self.scale, self.center)
        return (Normalize(places, self.epsilon), *([Scale("affine", weights, places)] if weights else []))


@dataclass(frozen=True)
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
        channels = known(shape[axis], "channels")
        groups = channels if self.groups == -1 else self.groups
        if groups < 1 or channels % groups:
            raise ConvcliError(f"channels (={channels}) must be divisible by groups (={groups})")
        grouped = (*shape[:axis], groups, channels // groups, *shape[axis + 1 :])
        others = tuple(place for place in range(len(grouped)) if place != axis)
        weights = _gamma_beta((channels,), self.scale, self.center)
        affine = [Scale("affine", weights, (axis,))] if weights else []
        split, joined = Reshape(grouped, keeps_space=True), Reshape(shape, keeps_space=True)
        return (split, Normalize(others, self.epsilon), joined, *affine)


ONE_A_CHANNEL = "channels"


def _axes_or_one(value: Any, rank: int) -> tuple[int, ...] | str | None:
    return value if value in (None, ONE_A_CHANNEL) else axes(value, rank)


@dataclass(frozen=True)
class Normalization(Layer):
    """(x - mean) / max(sqrt(variance), 1e-7), channel by channel; `invert` undoes it.

    An axis of None stands for one mean and one variance for all.

    Mean and variance are arguments, or else weights that the data gave.
    """

    axis: tuple[int, ...] | str | None = argument(_axes_or_one, ONE_A_CHANNEL)
    mean: float | tuple[float, ...] | None = argument(optional(numbers), None)
    variance: float | tuple[float, ...] | None = argument(optional(numbers), None)
    invert: bool = argument(flag, False)

    EPSILON = 1e-7  # keras.config.epsilon()

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        if (self.mean is None) != (self.variance is None):
            raise ConvcliError("mean without variance, or variance without mean", "both, or neither")
        axes = None if isinstance(self.axis, str) else self.axis
        places = () if self.axis is None else channel_axes(axes, shapes[0], data_format)
        shape = tuple(known(shapes[0][place], "channels") for place in places)
        if self.mean is not None and self.variance is not None:
            return (self._constant(places, shape),)
        statistics = (
            Weight("mean", shape, trainable=False),
            Weight("variance", shape, 1.0, trainable=False),
            Weight("count", (), trainable=False, required=False),
        )
        return (Scale("inverse" if self.invert else "standard", statistics, places, self.EPSILON),)

    def _constant(self, places: tuple[int, ...], shape: tuple[int, ...]) -> Scale:
        size = prod(shape)
        means, variances = (
            tuple(given) if isinstance(given, tuple) else (given or 0.0,) * size for given in (self.mean, self.variance)
        )
        for name, given in (("mean", means), ("variance", variances)):
            if len(given) != size:
                raise ConvcliError(f"{name} has {len(given)} values, the input {size} channels", "one a channel")
        if min(variances) < 0:
            raise ConvcliError(f"a variance of {min(variances)}", "none below 0")
        deviations = [max(sqrt(variance), self.EPSILON) for variance in variances]
        if self.invert:
            return Scale("constant", axes=places, factor=tuple(deviations), offset=means)
        factors = tuple(1 / deviation for deviation in deviations)
        offsets = tuple(-mean * factor for mean, factor in zip(means, factors, strict=True))
        return Scale("constant", axes=places, factor=factors, offset=offsets)


@dataclass(frozen=True)
class Rescaling(Layer):
    """scale·x + offset, one number each or one a channel."""

    scale: float | tuple[float, ...] = argument(numbers)
    offset: float | tuple[float, ...] = argument(numbers, 0.0)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        for name, given in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(given, tuple) and len(given) not in (1, shapes[0][axis]):
                raise ConvcliError(
                    f"{name} has {len(given)} values, the input {shapes[0][axis]} channels", "one a channel"
                )
        return (Scale("constant", axes=(axis,), factor=self.scale, offset=self.offset),)


@dataclass(frozen=True)
class LayerScale(Layer):
    """gamma·x, channel by channel, gamma learned from `init_values`. Touvron et al., 2021; used by ConvNeXt."""

    init_values: float = argument(number, 1e-6)
    projection_dim: int | None = argument(optional(whole()), None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        axis = channel_axis(None, shapes[0], data_format)
        channels = known(shapes[0][axis], "channels")
        if self.projection_dim not in (None, channels):
            raise ConvcliError(f"projection_dim (={self.projection_dim}) must be the input's {channels} channels")
        return (Scale("affine", (Weight("gamma", (channels,), self.init_values),), (axis,)),)
