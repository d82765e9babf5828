"""Steps on whole arrays: a small function for each kind but those that have algorithms of their own.

Inside, every array is `(batch, *spatial, channels)` and of one float type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms import resizing
from convcli.engine.epilogue import scale_function, scale_parameters
from convcli.model import steps
from convcli.model.activations import ACTIVATIONS

Weights = Mapping[str, Array]
NUMPY_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@singledispatch
def run_step(step: steps.Step, inputs: Sequence[Array], weights: Weights) -> Array:
    """What one step makes of its inputs. `weights` holds the layer's variables by name."""
    raise NotImplementedError(type(step).__name__)


@run_step.register
def _(step: steps.GlobalPool, inputs: Sequence[Array], weights: Weights) -> Array:
    x = inputs[0]
    space = tuple(range(1, x.ndim - 1))
    reduce = np.max if step.kind == "max" else np.mean
    return np.asarray(reduce(x, axis=space, keepdims=step.keepdims))


@run_step.register
def _(step: steps.Pad, inputs: Sequence[Array], weights: Weights) -> Array:
    x = inputs[0]
    added = [(max(0, before), max(0, after)) for before, after in step.amounts]
    if any(map(any, added)):
        mode: Any = NUMPY_PAD_MODES[step.mode]
        x = np.pad(x, [(0, 0), *added, (0, 0)], mode=mode)
    # Cropped after padding: one side may remove more than the axis held before the other side was padded.
    kept = (
        slice(max(0, -pair[0]), width - max(0, -pair[1]))
        for pair, width in zip(step.amounts, x.shape[1:], strict=False)
    )
    return x[(slice(None), *kept)]


@run_step.register
def _(step: steps.Resize, inputs: Sequence[Array], weights: Weights) -> Array:
    return resizing.resize(inputs[0], step.factors, step.interpolation)


@run_step.register
def _(step: steps.ChangeShape, inputs: Sequence[Array], weights: Weights) -> Array:
    x = inputs[0]
    return x.reshape(x.shape[0], *step.output_shape(x.shape[1:]))


@run_step.register
def _(step: steps.MoveAxes, inputs: Sequence[Array], weights: Weights) -> Array:
    return np.transpose(inputs[0], (0, *(axis + 1 for axis in step.axes)))


@run_step.register
def _(step: steps.Activate, inputs: Sequence[Array], weights: Weights) -> Array:
    x = inputs[0]
    if step.slope is not None:
        slope = broadcast_weight(weights[step.slope.name], step.slope_axes, x.ndim)
        return np.maximum(x, 0) + slope * np.minimum(x, 0)
    parameters: dict[str, Any] = dict(step.parameters)
    if step.axes:
        along = tuple(axis + 1 for axis in step.axes)
        parameters["axis"] = along if len(along) > 1 else along[0]
    return np.asarray(ACTIVATIONS[step.function](x, **parameters))


@run_step.register
def _(step: steps.Scale, inputs: Sequence[Array], weights: Weights) -> Array:
    x = inputs[0]
    numbers = [
        None if each is None else broadcast_weight(each, sorted(step.axes), x.ndim)
        for each in scale_parameters(step, weights, x.dtype.name)
    ]
    y = np.array(x)
    scale_function(step, numbers)(y, slice(None))
    return y


def broadcast_weight(weight: Array, axes: Sequence[int], rank: int) -> Array:
    """A weight whose axes are the sample axes `axes`, shaped to broadcast against `(batch, *sample)`."""
    if weight.size == 1:
        return weight.reshape(())
    extents = [1] * rank
    for axis, extent in zip(axes, weight.shape, strict=True):
        extents[axis + 1] = extent
    return np.transpose(weight, np.argsort(axes)).reshape(extents)


@run_step.register
def _(step: steps.Normalize, inputs: Sequence[Array], weights: Weights) -> Array:
    centred, variance = centre_groups(step, inputs[0])
    return np.asarray(centred / np.sqrt(variance + step.epsilon)).reshape(inputs[0].shape)


def centre_groups(step: steps.Normalize, x: Array) -> tuple[Array, Array]:
    """The input less its means, with an axis more that counts groups, and the variances, which broadcast to that."""
    last = step.axes[-1] + 1
    grouped = x.reshape(*x.shape[:last], known(step.groups), -1, *x.shape[last + 1 :])
    axes = tuple(axis + 1 if axis + 1 < last else axis + 2 for axis in step.axes)
    centred = grouped - np.mean(grouped, axis=axes, keepdims=True)
    return centred, np.mean(centred * centred, axis=axes, keepdims=True)


MERGE_FUNCTIONS = {"sum": np.add, "mean": np.add, "product": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


@run_step.register
def _(step: steps.Merge, inputs: Sequence[Array], weights: Weights) -> Array:
    if step.kind == "concatenate":
        return np.concatenate(inputs, axis=step.axis + 1)
    operands = align_operands(step, inputs)
    for place, constant in step.constants:
        operands.insert(place, np.asarray(constant, inputs[0].dtype))
    if step.coefficients:
        operands = [x if each == 1 else x * each for x, each in zip(operands, step.coefficients, strict=True)]
    joined = operands[0]
    for operand in operands[1:]:
        joined = MERGE_FUNCTIONS[step.kind](joined, operand)
    return np.asarray(joined / len(operands) if step.kind == "mean" else joined)


def align_operands(step: steps.Merge, inputs: Sequence[Array]) -> list[Array]:
    """The inputs with as many axes each, new ones put after the batch in the order of the data format."""
    rank = max(x.ndim for x in inputs) - 1
    there = step.data_format.order(rank)
    back = (0, *(there.index(axis) + 1 for axis in range(rank)))
    found = []
    for x in inputs:
        if x.ndim - 1 == rank:
            found.append(x)
            continue
        outer = np.transpose(x, (0, *(axis + 1 for axis in step.data_format.order(x.ndim - 1))))
        ones = (1,) * (rank - x.ndim + 1)
        found.append(outer.reshape(x.shape[0], *ones, *outer.shape[1:]).transpose(back))
    return found
