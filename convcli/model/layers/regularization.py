"""Layers that act in training only; in all else they are the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import Layer, argument, data_format_name, number
from convcli.model.steps import Noise, Penalty, Step


def _rate(value: Any, rank: int) -> float:
    if not 0 <= number(value, rank) < 1:
        raise ConvcliError(f"{value!r}", "0 or more and below 1")
    return float(value)


class Idle(Layer, abstract=True):
    """The identity outside training."""

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return ()


class Identity(Idle):
    pass


class Dropout(Idle):
    """In training, sets a share of the values to zero. Srivastava et al., 2014."""

    rate: float = argument(_rate)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("dropout", self.rate),)


class AlphaDropout(Dropout):
    """In training, sets a share of the values to what SELU makes of -infinity. Klambauer et al., 2017."""

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("alpha_dropout", self.rate),)


class GaussianDropout(Dropout):
    """In training, multiplies by numbers around 1."""

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("gaussian_dropout", self.rate),)


class SpatialDropout(Idle, abstract=True):
    """In training, sets a share of the maps to zero."""

    rate: float = argument(_rate)
    data_format: str | None = argument(data_format_name, None)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("dropout", self.rate, tuple(range(len(shape) - 1))),)


class SpatialDropout1D(SpatialDropout):
    rank = 1


class SpatialDropout2D(SpatialDropout):
    rank = 2


class SpatialDropout3D(SpatialDropout):
    rank = 3


class GaussianNoise(Idle):
    """In training, adds noise."""

    stddev: float = argument(number)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Noise("gaussian_noise", self.stddev),)


class ActivityRegularization(Idle):
    """In training, adds to the loss."""

    l1: float = argument(number, 0.0)
    l2: float = argument(number, 0.0)

    def training_steps(self, shape: Shape) -> tuple[Step, ...]:
        return (Penalty(self.l1, self.l2),)
