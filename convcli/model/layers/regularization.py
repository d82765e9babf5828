"""Layers that act in training only; in all else they are the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.arguments import argument, data_format_name, real_number
from convcli.model.layers.base import Layer
from convcli.model.steps import Noise, Penalty, Step


def rate_below_one(value: Any, rank: int) -> float:
    """Read a share of the values, below 1."""
    if not 0 <= real_number(value, rank) < 1:
        raise ConvcliError(short_repr(value), "0 or more and below 1")
    return float(value)


class TrainingLayer(Layer, abstract=True):
    """A layer that is the identity except in training."""

    acts_in_training_only = True

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return ()


class Identity(TrainingLayer):
    """Hands on its input, in training too."""


class Dropout(TrainingLayer):
    """Sets a share of the values to 0 and scales the rest up. Srivastava et al., "Dropout", 2014."""

    rate: float = argument(rate_below_one)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("dropout", self.rate),)


class AlphaDropout(Dropout):
    """Dropout for SELU: sets values to what SELU makes of -infinity. Klambauer et al., 2017."""

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("alpha_dropout", self.rate),)


class FeatureAlphaDropout(Dropout):
    """Alpha dropout of whole maps."""

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("alpha_dropout", self.rate, tuple(range(len(shape) - 1))),)


class GaussianDropout(Dropout):
    """Multiplies by random numbers around 1. Srivastava et al., "Dropout", 2014."""

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("gaussian_dropout", self.rate),)


class SpatialDropout(TrainingLayer, abstract=True):
    """Sets a share of the maps to 0. Tompson et al., "Efficient Object Localization", 2015."""

    rate: float = argument(rate_below_one)
    data_format: str | None = argument(data_format_name, None)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("dropout", self.rate, tuple(range(len(shape) - 1))),)


class SpatialDropout1D(SpatialDropout):
    rank = 1


class SpatialDropout2D(SpatialDropout):
    rank = 2


class SpatialDropout3D(SpatialDropout):
    rank = 3


class GaussianNoise(TrainingLayer):
    """Adds random numbers around 0."""

    stddev: float = argument(real_number)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("gaussian_noise", self.stddev),)


class ActivityRegularization(TrainingLayer):
    """Adds l1·Σ|x| + l2·Σx² to the loss."""

    l1: float = argument(real_number, 0.0)
    l2: float = argument(real_number, 0.0)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Penalty(self.l1, self.l2),)
