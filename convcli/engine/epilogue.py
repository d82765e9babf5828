"""Functions that are applied to each block of a result in place, as soon as it is computed: bias, scale, activation.

Together they are the epilogue of an operation. A block that is still in the processor's cache is cheap to change; a
second pass over the whole result would read and write it once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.model import steps
from convcli.model.activations import apply_in_place, clip_limit

Weights = Mapping[str, Array]


class Affine(Record):
    """x·factor + offset. Each is `(channels,)`, or broadcasts to the block, or is None to leave it out."""

    factor: Array | None
    offset: Array | None

    def __call__(self, block: Array, channels: slice) -> None:
        if self.factor is not None:
            np.multiply(block, _select(self.factor, channels), out=block)
        if self.offset is not None:
            np.add(block, _select(self.offset, channels), out=block)


class Standardize(Record):
    """(x - mean) / deviation. Each is `(channels,)`, or broadcasts to the block."""

    mean: Array
    deviation: Array

    def __call__(self, block: Array, channels: slice) -> None:
        np.subtract(block, _select(self.mean, channels), out=block)
        np.divide(block, _select(self.deviation, channels), out=block)


class ElementwiseActivation(Record):
    """An activation that maps each number by itself."""

    function: str
    parameters: Mapping[str, Any]

    @property
    def upper_limit(self) -> float | None:
        """The limit m of an activation that is min(max(x, 0), m), infinity for ReLU; None for any other activation."""
        return clip_limit(self.function, **self.parameters)

    def __call__(self, block: Array, channels: slice) -> None:
        apply_in_place(self.function, block, **self.parameters)


# Changes a block, `(..., channels)`, in place when called; the slice says which of a value's channels the block holds.
EpilogueFunction = Affine | Standardize | ElementwiseActivation
Epilogue = tuple[EpilogueFunction, ...]


def apply_epilogue(epilogue: Epilogue, block: Array, channels: slice) -> None:
    """Apply the functions to a block in place, in order."""
    for function in epilogue:
        function(block, channels)


def _select(numbers: Array, channels: slice) -> Array:
    """Return the numbers for some channels; other than one-dimensional numbers broadcast as they are."""
    return numbers[channels] if numbers.ndim == 1 else numbers


def epilogue_function(step: steps.Step, weights: Weights, rank: int, dtype: str) -> EpilogueFunction | None:
    """Return the step as a function of blocks of samples with `rank` axes, or None where it mixes cells or channels."""
    if isinstance(step, steps.Activate) and step.is_elementwise:
        return ElementwiseActivation(step.function, dict(step.parameters))
    if isinstance(step, steps.Scale):
        parameters = scale_parameters(step, weights, dtype)
        if step.axes == (rank - 1,) or all(array is None or array.size == 1 for array in parameters):
            flat = [None if array is None else array.reshape(() if array.size == 1 else -1) for array in parameters]
            return scale_function(step, flat)
    return None


def scale_parameters(step: steps.Scale, weights: Weights, dtype: str) -> list[Array | None]:
    """Return gamma, beta, mean and variance of a step, each with the step's axes in ascending order; None if absent."""

    def parameter(numbers: steps.Numbers | None) -> Array | None:
        if numbers is None:
            return None
        array = weights[numbers.name] if isinstance(numbers, steps.Weight) else np.asarray(numbers, dtype)
        return np.transpose(array, np.argsort(step.axes)) if array.ndim == len(step.axes) else array

    return [parameter(numbers) for numbers in (step.gamma, step.beta, step.mean, step.variance)]


def scale_function(step: steps.Scale, parameters: Sequence[Array | None]) -> Affine | Standardize:
    """Return what the step does to a block, given its gamma, beta, mean and variance.

    Batch normalisation, gamma·(x - mean) / sqrt(variance + epsilon) + beta, becomes one factor and one offset.
    """
    gamma, beta, mean, variance = parameters
    if mean is None or variance is None:
        return Affine(gamma, beta)
    if step.kind == "batch":
        factor = (1 if gamma is None else gamma) / np.sqrt(variance + step.epsilon)
        return Affine(factor, (0 if beta is None else beta) - mean * factor)
    deviation = np.maximum(np.sqrt(variance), step.epsilon)
    return Standardize(mean, deviation) if step.kind == "standard" else Affine(deviation, mean)
