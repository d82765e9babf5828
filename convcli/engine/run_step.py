"""Run a step on whole arrays: one function for each kind of step but those that have algorithms of their own.

Arrays are `(batch, *spatial, channels)`, all of one number type. Correlations and pooling are in `algorithms`.
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
from convcli.model.window import Window

Weights = Mapping[str, Array]
NUMPY_PAD_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}
MERGE_FUNCTIONS = {
    "sum": np.add,
    "mean": np.add,  # divided by the number of operands afterwards
    "product": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "hypot": np.hypot,
}


@singledispatch
def run_step(step: steps.Step, inputs: Sequence[Array], weights: Weights) -> Array:
    """Return the result of one step, perhaps as a view of its input. `weights` holds the layer's arrays by name."""
    raise NotImplementedError(type(step).__name__)


@run_step.register
def _(step: steps.GlobalPool, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    spatial_axes = tuple(range(1, x.ndim - 1))
    pool = np.max if step.kind == "max" else np.mean
    return np.asarray(pool(x, axis=spatial_axes, keepdims=step.keepdims))


@run_step.register
def _(step: steps.AdaptivePool, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    combine, empty = (np.maximum, -np.inf) if step.kind == "max" else (np.add, 0.0)
    # Axes that shrink come first, so that no value between is larger than input and output.
    for axis in sorted(
        range(len(step.windows)), key=lambda axis: known(step.windows[axis].output_extent) / x.shape[axis + 1]
    ):
        spans = np.array(list(step.windows[axis].spans()))
        ended = np.concatenate([x, np.full_like(x.take([0], axis + 1), empty)], axis + 1)  # ends are indices, too
        # Between the windows, `reduceat` also combines cells from the end of each to the start of the next.
        x = combine.reduceat(ended, spans.ravel(), axis + 1).take(np.arange(0, spans.size, 2), axis + 1)
        if step.kind == "average":
            sizes = (spans[:, 1] - spans[:, 0]).astype(x.dtype)
            x = x / sizes.reshape(-1, *(1,) * (x.ndim - axis - 2))
    return np.ascontiguousarray(x)


@run_step.register
def _(step: steps.Pad, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    added = [(max(0, before), max(0, after)) for before, after in step.amounts]
    if any(map(any, added)):
        mode: Any = NUMPY_PAD_MODES[step.mode]
        options: Any = {"constant_values": step.value} if step.mode == "zeros" else {}
        x = np.pad(x, [(0, 0), *added, (0, 0)], mode=mode, **options)
    # Crop after padding: one side may remove more cells than the axis had before the other side was padded.
    spans = (
        slice(max(0, -before), width - max(0, -after))
        for (before, after), width in zip(step.amounts, x.shape[1:], strict=False)
    )
    return x[(slice(None), *spans)]


@run_step.register
def _(step: steps.Resize, inputs: Sequence[Array], weights: Weights) -> Array:
    return resizing.resize(inputs[0], step)


@run_step.register
def _(step: steps.MoveBlocks, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    rank = len(step.block)
    batch, *space, channels = x.shape
    output_shape = (batch, *step.output_shape(x.shape[1:])[:-1])
    if step.spread:  # (batch, *space, channels, *block) -> (batch, space 0, block 0, space 1, block 1, …, channels)
        split = x.reshape(batch, *space, channels // step.cells, *step.block)
        order = (0, *(axis for index in range(rank) for axis in (1 + index, 2 + rank + index)), 1 + rank)
        return split.transpose(order).reshape(*output_shape, channels // step.cells)
    pairs = (extent for pair in zip(output_shape[1:], step.block, strict=True) for extent in pair)
    split = x.reshape(batch, *pairs, channels)
    order = (0, *range(1, 2 * rank, 2), 1 + 2 * rank, *range(2, 1 + 2 * rank, 2))
    return split.transpose(order).reshape(*output_shape, channels * step.cells)


@run_step.register
def _(step: steps.ChangeShape, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    return x.reshape(x.shape[0], *step.output_shape(x.shape[1:]))


@run_step.register
def _(step: steps.MoveAxes, inputs: Sequence[Array], weights: Weights) -> Array:
    return np.transpose(inputs[0], (0, *(axis + 1 for axis in step.axes)))


@run_step.register
def _(step: steps.Activate, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    if step.slope is not None:
        slope = broadcast_weight(weights[step.slope.name], step.slope_axes, x.ndim)
        return np.maximum(x, 0) + slope * np.minimum(x, 0)
    parameters: dict[str, Any] = dict(step.parameters)
    if step.axes:
        axes = tuple(axis + 1 for axis in step.axes)
        parameters["axis"] = axes if len(axes) > 1 else axes[0]
    return np.asarray(ACTIVATIONS[step.function](x, **parameters))


@run_step.register
def _(step: steps.Scale, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    parameters = [
        None if array is None else broadcast_weight(array, sorted(step.axes), x.ndim)
        for array in scale_parameters(step, weights, x.dtype.name)
    ]
    y = np.array(x)
    scale_function(step, parameters)(y, slice(None))
    return y


def broadcast_weight(weight: Array, axes: Sequence[int], rank: int) -> Array:
    """Return a weight in a shape that broadcasts against arrays `(batch, *sample)` of `rank` axes.

    The axes of the weight are the axes `axes` of a sample, in that order; a single number is for all cells.
    """
    if weight.size == 1:
        return weight.reshape(())
    shape = [1] * rank
    for axis, extent in zip(axes, weight.shape, strict=True):
        shape[axis + 1] = extent
    return np.transpose(weight, np.argsort(axes)).reshape(shape)


@run_step.register
def _(step: steps.Normalize, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    centred, variance = centre_groups(step, x)
    return np.asarray(centred / np.sqrt(variance + epsilon_of(step, x))).reshape(x.shape)


def epsilon_of(step: steps.Normalize, x: Array) -> Any:
    """Return the number that a step adds to the variance of values of the type of `x`."""
    return np.finfo(x.dtype).eps if step.epsilon is None else x.dtype.type(step.epsilon)


def centre_groups(step: steps.Normalize, x: Array) -> tuple[Array, Array]:
    """Return x less the means over its groups, and the variances, which broadcast to that.

    Both have an axis that counts the groups before the last axis of the step. A step that does not center returns x
    itself, and the means of its squares.
    """
    last = step.axes[-1] + 1
    grouped = x.reshape(*x.shape[:last], known(step.groups), -1, *x.shape[last + 1 :])
    axes = tuple(axis + 1 if axis + 1 < last else axis + 2 for axis in step.axes)
    centred = grouped - np.mean(grouped, axis=axes, keepdims=True) if step.centered else grouped
    return centred, np.mean(centred * centred, axis=axes, keepdims=True)


@run_step.register
def _(step: steps.NormalizeLocally, inputs: Sequence[Array], weights: Weights) -> Array:
    (x,) = inputs
    return np.asarray(x * local_base(step, x) ** -x.dtype.type(step.beta))


def local_base(step: steps.NormalizeLocally, x: Array) -> Array:
    """Return k + alpha·m for each number, with m the mean of the squares of the channels in its window."""
    sums = window_sums(step.window, x * x)
    return sums * x.dtype.type(step.alpha / step.window.size) + x.dtype.type(step.k)


def window_sums(window: Window, x: Array) -> Array:
    """Return the sum of a window of stride 1 around each cell of the last axis."""
    before, after = (min(cells, x.shape[-1] - 1) for cells in (window.before, window.after))  # cells beyond are zeros
    padded = np.pad(x, [*((0, 0),) * (x.ndim - 1), (before, after)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, before + 1 + after, -1).sum(axis=-1))


@run_step.register
def _(step: steps.Merge, inputs: Sequence[Array], weights: Weights) -> Array:
    if step.kind == "concatenate":
        return np.concatenate(inputs, axis=step.axis + 1)
    if step.kind == "interleave":
        (first, *_), axis = inputs, step.axis + 1
        extent = len(inputs) * first.shape[axis]
        return np.stack(inputs, axis + 1).reshape(*first.shape[:axis], extent, *first.shape[axis + 1 :])
    operands = align_operands(step, inputs)
    for index, constant in step.constants:
        operands.insert(index, np.asarray(constant, inputs[0].dtype))
    if step.coefficients:
        pairs = zip(operands, step.coefficients, strict=True)
        operands = [x if coefficient == 1 else x * coefficient for x, coefficient in pairs]
    merged = operands[0]
    for operand in operands[1:]:
        merged = MERGE_FUNCTIONS[step.kind](merged, operand)
    return np.asarray(merged / len(operands) if step.kind == "mean" else merged)


def align_operands(step: steps.Merge, inputs: Sequence[Array]) -> list[Array]:
    """Return the inputs with equally many axes, so that they broadcast.

    As in NumPy, new axes come first within a sample; but first in the order of the step's data format, since that is
    the order in which the user wrote the shapes.
    """
    rank = max(x.ndim for x in inputs) - 1
    order = step.data_format.axis_order(rank)
    to_channels_last = (0, *(order.index(axis) + 1 for axis in range(rank)))
    aligned = []
    for x in inputs:
        if x.ndim - 1 == rank:
            aligned.append(x)
            continue
        in_format = np.transpose(x, (0, *(axis + 1 for axis in step.data_format.axis_order(x.ndim - 1))))
        ones = (1,) * (rank - x.ndim + 1)
        aligned.append(in_format.reshape(x.shape[0], *ones, *in_format.shape[1:]).transpose(to_channels_last))
    return aligned
