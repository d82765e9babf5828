"""Runs steps on arrays. Inside, every array is `(batch, *spatial, channels)` and of one float type.

`run` has one small function for each kind of step; which algorithm correlates is for `algorithms` to choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from convcli import algorithms, steps
from convcli._lazy import Array
from convcli.activations import ACTIVATIONS
from convcli.algorithms import pooling, resizing
from convcli.algorithms.kernels import meeting_kernel
from convcli.algorithms.patches import pad_pairs
from convcli.errors import check_size, located
from convcli.geometry import known, product
from convcli.model import Plan

Weights = Mapping[str, Array]
PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def run_steps(chain: Sequence[steps.Step], inputs: Sequence[Array], weights: Weights, algorithm: str = "auto") -> Array:
    """What a layer makes of its inputs: its steps in order; with no steps, its input."""
    values = list(inputs)
    for step in chain:
        values = [run(step, values, weights, algorithm)]
    return values[0]


@singledispatch
def run(step: steps.Step, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    """What one step makes of its inputs. `weights` holds the layer's variables by name."""
    raise NotImplementedError(type(step).__name__)


@run.register
def _(step: steps.Correlate, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    kernel = meeting_kernel(step, weights[step.kernel.name])
    y = algorithms.correlate(inputs[0], kernel, step.windows, known(step.groups), algorithm)
    return y if step.bias is None else y + weights[step.bias.name]


@run.register
def _(step: steps.Pool, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    if step.kind == "max":
        return pooling.max_pool(inputs[0], step.windows)
    return pooling.average_pool(inputs[0], step.windows, step.count_padding)


@run.register
def _(step: steps.Reduce, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    x = inputs[0]
    space = tuple(range(1, x.ndim - 1))
    reduce = np.max if step.kind == "max" else np.mean
    return np.asarray(reduce(x, axis=space, keepdims=step.keepdims))


@run.register
def _(step: steps.Pad, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    if step.mode == "zeros":
        return pad_pairs(inputs[0], step.amounts)
    mode: Any = PAD_MODES[step.mode]
    return np.pad(inputs[0], [(0, 0), *step.amounts, (0, 0)], mode=mode)


@run.register
def _(step: steps.Resize, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    return resizing.resize(inputs[0], step.factors, step.interpolation)


@run.register
def _(step: steps.Reshape, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    x = inputs[0]
    return x.reshape(x.shape[0], *step.output_shape(x.shape[1:]))


@run.register
def _(step: steps.Permute, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    return np.transpose(inputs[0], (0, *(axis + 1 for axis in step.axes)))


@run.register
def _(step: steps.Map, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    x = inputs[0]
    if step.slope is not None:
        slope = _spread(weights[step.slope.name], step.slope_axes, x.ndim)
        return np.maximum(x, 0) + slope * np.minimum(x, 0)
    parameters: dict[str, Any] = dict(step.parameters)
    if step.axes:
        along = tuple(axis + 1 for axis in step.axes)
        parameters["axis"] = along if len(along) > 1 else along[0]
    return np.asarray(ACTIVATIONS[step.function](x, **parameters))


@run.register
def _(step: steps.Scale, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    x = inputs[0]

    def numbers(part: steps.Numbers | None) -> Array | None:
        if part is None:
            return None
        given = weights[part.name] if isinstance(part, steps.Weight) else np.asarray(part, x.dtype)
        return _spread(given, step.axes, x.ndim)

    gamma, beta, mean, variance = map(numbers, (step.gamma, step.beta, step.mean, step.variance))
    if mean is not None and variance is not None:
        if step.kind != "batch":
            deviation = np.maximum(np.sqrt(variance), step.epsilon)
            return (x - mean) / deviation if step.kind == "standard" else x * deviation + mean
        gamma = (1 if gamma is None else gamma) / np.sqrt(variance + step.epsilon)
        beta = (0 if beta is None else beta) - mean * gamma
    y = x if gamma is None else x * gamma
    return y if beta is None else y + beta


def _spread(weight: Array, axes: Sequence[int], rank: int) -> Array:
    """A weight whose axes are the sample axes `axes`, shaped to broadcast against `(batch, *sample)`."""
    if weight.size == 1:
        return weight.reshape(())
    extents = [1] * rank
    for axis, extent in zip(axes, weight.shape, strict=True):
        extents[axis + 1] = extent
    return np.transpose(weight, np.argsort(axes)).reshape(extents)


@run.register
def _(step: steps.Normalize, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    x, last = inputs[0], step.axes[-1] + 1
    grouped = x.reshape(*x.shape[:last], known(step.groups), -1, *x.shape[last + 1 :])
    axes = tuple(axis + 1 if axis + 1 < last else axis + 2 for axis in step.axes)
    centred = grouped - np.mean(grouped, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + step.epsilon)).reshape(x.shape)


COMBINE = {"sum": np.add, "mean": np.add, "product": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


@run.register
def _(step: steps.Join, inputs: Sequence[Array], weights: Weights, algorithm: str) -> Array:
    if step.kind == "concatenate":
        return np.concatenate(inputs, axis=step.axis + 1)
    operands = _aligned(step, inputs)
    for place, constant in step.constants:
        operands.insert(place, np.asarray(constant, inputs[0].dtype))
    if step.coefficients:
        operands = [x if each == 1 else x * each for x, each in zip(operands, step.coefficients, strict=True)]
    joined = operands[0]
    for operand in operands[1:]:
        joined = COMBINE[step.kind](joined, operand)
    return np.asarray(joined / len(operands) if step.kind == "mean" else joined)


def _aligned(step: steps.Join, inputs: Sequence[Array]) -> list[Array]:
    """The inputs with as many axes each, new ones put after the batch in the order of the data format."""
    rank = max(x.ndim for x in inputs) - 1
    there = step.data_format.order(rank)
    back = (0, *(there.index(axis) + 1 for axis in range(rank)))
    aligned = []
    for x in inputs:
        if x.ndim - 1 == rank:
            aligned.append(x)
            continue
        outer = np.transpose(x, (0, *(axis + 1 for axis in step.data_format.order(x.ndim - 1))))
        ones = (1,) * (rank - x.ndim + 1)
        aligned.append(outer.reshape(x.shape[0], *ones, *outer.shape[1:]).transpose(back))
    return aligned


def execute(
    plan: Plan,
    inputs: Mapping[str, Array],
    weights: Mapping[str, Weights],
    keep: Sequence[str],
    algorithm: str = "auto",
) -> dict[str, Array]:
    """Run a whole plan and return the values named in `keep`; others are let go as soon as no later layer needs them.

    `inputs` are `(batch, *spatial, channels)` by name, `weights` the variables of each layer by its name.
    """
    values = dict(inputs)
    last_use = {name: place for place, row in enumerate(plan.rows) for name in row.operands}
    for place, row in enumerate(plan.rows):
        with located(row.where):
            taken = [values[name] for name in row.operands]
            check_size(taken[0].shape[0] * (product(row.output_shape) or 0))
            values[row.name] = run_steps(row.steps, taken, weights.get(row.node.owner, {}), algorithm)
        assert values[row.name].shape[1:] == row.output_shape, f"{row.name}: {values[row.name].shape} as planned"
        for name in row.operands:
            if last_use[name] == place and name not in keep:
                values.pop(name, None)
    return {name: values[name] for name in keep}
