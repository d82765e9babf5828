"""What is done to each block of a result in place, as soon as it is there: bias, scale, activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.model import steps
from convcli.model.activations import highest, in_place

Weights = Mapping[str, Array]
Tail = Callable[[Array, slice], None]  # the block, and which channels of the value it holds


class Linear(Record):
    """x·factor + offset, each a number for every channel, or one for all."""

    factor: Array | None
    offset: Array | None

    def __call__(self, block: Array, channels: slice) -> None:
        if self.factor is not None:
            np.multiply(block, _of(self.factor, channels), out=block)
        if self.offset is not None:
            np.add(block, _of(self.offset, channels), out=block)


class Standard(Record):
    """(x - mean) / deviation, each a number for every channel, or one for all."""

    mean: Array
    deviation: Array

    def __call__(self, block: Array, channels: slice) -> None:
        np.subtract(block, _of(self.mean, channels), out=block)
        np.divide(block, _of(self.deviation, channels), out=block)


class Activation(Record):
    """A function of each number by itself."""

    function: str
    parameters: Mapping[str, Any]

    @property
    def highest(self) -> float | None:
        """The highest value, where it does no more than cut off below 0 and there."""
        return highest(self.function, **self.parameters)

    def __call__(self, block: Array, channels: slice) -> None:
        in_place(self.function, block, **self.parameters)


def _of(numbers: Array, channels: slice) -> Array:
    return numbers[channels] if numbers.ndim == 1 else numbers  # else they are laid out to broadcast


def tail(step: steps.Step, weights: Weights, rank: int, dtype: str) -> Linear | Standard | Activation | None:
    """The step as something done in place to samples of `rank` axes, or None where it mixes cells or other axes."""
    if isinstance(step, steps.Activate) and step.slope is None and not step.axes:
        return Activation(step.function, dict(step.parameters))
    if isinstance(step, steps.Scale):
        numbers = scale_parameters(step, weights, dtype)
        if step.axes == (rank - 1,) or all(each is None or each.size == 1 for each in numbers):
            flat = [None if each is None else each.reshape(() if each.size == 1 else -1) for each in numbers]
            return scale_function(step, flat)
    return None


def scale_parameters(step: steps.Scale, weights: Weights, dtype: str) -> list[Array | None]:
    """gamma, beta, mean and variance of a step, as arrays over its axes in ascending order."""

    def numbers(part: steps.Numbers | None) -> Array | None:
        if part is None:
            return None
        found = weights[part.name] if isinstance(part, steps.Weight) else np.asarray(part, dtype)
        return np.transpose(found, np.argsort(step.axes)) if found.ndim == len(step.axes) else found

    return [numbers(part) for part in (step.gamma, step.beta, step.mean, step.variance)]


def scale_function(step: steps.Scale, numbers: Sequence[Array | None]) -> Linear | Standard:
    """What a step does, from its gamma, beta, mean and variance."""
    gamma, beta, mean, variance = numbers
    if mean is None or variance is None:
        return Linear(gamma, beta)
    if step.kind == "batch":
        factor = (1 if gamma is None else gamma) / np.sqrt(variance + step.epsilon)
        return Linear(factor, (0 if beta is None else beta) - mean * factor)
    deviation = np.maximum(np.sqrt(variance), step.epsilon)
    return Standard(mean, deviation) if step.kind == "standard" else Linear(deviation, mean)
