"""Every step forward, with the way its gradient goes back: all that differentiation needs.

Inside, every array is `(batch, *spatial, channels)` and of one float type. What a step makes of its inputs is the
engine's own code wherever training does nothing else than the engine does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import singledispatch
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms import resizing
from convcli.engine.algorithms.blocks import slab
from convcli.engine.algorithms.pooling import divisors
from convcli.engine.epilogue import scale_function, scale_parameters
from convcli.engine.run_step import (
    MERGE_FUNCTIONS,
    NUMPY_PAD_MODES,
    align_operands,
    broadcast_weight,
    centre_groups,
    run_step,
)
from convcli.learning.context import Back, Gradients, PassContext, Weights
from convcli.learning.correlation import correlate
from convcli.model import activations, steps
from convcli.model.activations.pointwise import SELU_ALPHA, SELU_SCALE
from convcli.model.window import Window


@singledispatch
def forward(step: steps.Step, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    """What one step makes of its inputs, and how it takes the gradient by that back to its inputs and weights."""
    raise NotImplementedError(type(step).__name__)


def _unweighted(back: Callable[[Array], Array]) -> Back:
    """The way back of a step of one input and no weights."""

    def both(dy: Array, inputs: bool, learned: bool) -> Gradients:
        return (back(dy) if inputs else None,), {}

    return both


@forward.register
def _(step: steps.Correlate, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    return correlate(step, inputs[0], weights, way)


# ---- pooling ----


@forward.register
def _(step: steps.Pool, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    places = [known(window.positions(width)) for window, width in zip(step.windows, x.shape[1:-1], strict=True)]
    box = tuple(slice(0, count) for count in (len(x), *places))
    empty = -np.inf if step.kind == "max" else 0.0
    laid = slab(x, step.windows, box, way.team, empty)  # this thread's own until the next call
    y: Array | None = None
    for met in _met(step.windows, places):
        y = laid[met].copy() if y is None else MERGE_FUNCTIONS[POOLED[step.kind]](y, laid[met], out=y)
    assert y is not None
    count = None if step.kind == "max" else divisors(step.windows, x, box, step.count_padding)
    result = y if count is None else np.divide(y, count, out=y)

    def back(dy: Array) -> Array:
        placed = np.zeros(laid.shape, x.dtype)
        if count is not None:
            share = dy / count
            for met in _met(step.windows, places):
                placed[met] += share
            return _cropped(placed, step.windows, x.shape)
        again = slab(x, step.windows, box, way.team, empty)
        left = np.ones(dy.shape, bool)  # the first of equal cells wins
        for met in _met(step.windows, places):
            won = left & (again[met] == result)
            placed[met] += dy * won
            left &= ~won
        return _cropped(placed, step.windows, x.shape)

    return result, _unweighted(back)


POOLED = {"max": "maximum", "average": "sum"}


def _met(windows: Sequence[Window], places: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """For each cell of the windows, the cells of the laid out input that it meets, one for each position."""
    for tap in np.ndindex(*(window.size for window in windows)):
        met = [slice(None)]
        for cell, each, count in zip(tap, windows, places, strict=True):
            first = cell * each.dilation
            met.append(slice(first, first + (count - 1) * each.stride + 1, each.stride))
        yield tuple(met)


def _cropped(laid: Array, windows: Sequence[Window], shape: Sequence[int]) -> Array:
    """What lies on the input, of something that lies on all that the windows span; zero where they do not reach."""
    whole = all(window.before == 0 for window in windows) and laid.shape == tuple(shape)
    if whole:
        return laid
    found = np.zeros(shape, laid.dtype)
    here: list[slice] = [slice(None)]
    there: list[slice] = [slice(None)]
    for window, width, spanned in zip(windows, shape[1:-1], laid.shape[1:-1], strict=True):
        start, stop = max(0, -window.before), min(width, spanned - window.before)
        here.append(slice(start, stop))
        there.append(slice(start + window.before, stop + window.before))
    found[tuple(here)] = laid[tuple(there)]
    return found


@forward.register
def _(step: steps.GlobalPool, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    y = run_step(step, inputs, weights)
    space = tuple(range(1, x.ndim - 1))

    def back(dy: Array) -> Array:
        dy = dy if step.keepdims else np.expand_dims(dy, space)
        if step.kind == "average":
            return np.broadcast_to(dy / np.prod([x.shape[axis] for axis in space], dtype=dy.dtype), x.shape)
        won = x == (y if step.keepdims else np.expand_dims(y, space))  # equal cells share
        return np.asarray(won * (dy / np.sum(won, axis=space, keepdims=True, dtype=dy.dtype)))

    return y, _unweighted(back)


# ---- cells moved, repeated, left out ----


@forward.register
def _(step: steps.Pad, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    shape = inputs[0].shape

    def back(dy: Array) -> Array:
        for axis, (pair, width) in enumerate(zip(step.amounts, shape[1:-1], strict=True), 1):
            dy = _unpadded(dy, axis, pair, width, NUMPY_PAD_MODES[step.mode])
        return dy

    return run_step(step, inputs, weights), _unweighted(back)


def _unpadded(dy: Array, axis: int, pair: tuple[int, int], width: int, mode: str) -> Array:
    """Along one axis: each cell's own gradient, plus those of the cells that repeat it."""
    before, after = pair
    lead = (slice(None),) * axis
    found = np.zeros((*dy.shape[:axis], width, *dy.shape[axis + 1 :]), dy.dtype)
    start, stop = max(0, -before), width - max(0, -after)
    if stop > start:
        found[(*lead, slice(start, stop))] = dy[(*lead, slice(start + before, stop + before))]
    if mode != "constant":
        of = np.pad(np.arange(width), [(max(0, before), max(0, after))], mode=mode)  # type: ignore[call-overload]
        of = of[max(0, -before) : len(of) - max(0, -after)]
        for place, cell in enumerate(of.tolist()):
            if not start + before <= place < stop + before:
                found[(*lead, slice(cell, cell + 1))] += dy[(*lead, slice(place, place + 1))]
    return found


@forward.register
def _(step: steps.Resize, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]

    def back(dy: Array) -> Array:
        for axis, (factor, width) in enumerate(zip(step.factors, x.shape[1:-1], strict=True), 1):
            if factor == 1:
                continue
            if step.interpolation == "nearest":
                dy = dy.reshape(*dy.shape[:axis], width, factor, *dy.shape[axis + 1 :]).sum(axis=axis + 1)
                continue
            # Resizing is linear: what it makes of each single cell are the columns of its matrix.
            cells = np.eye(width, dtype=x.dtype)[..., None]  # (width, width, 1)
            matrix = resizing.resize(cells, (factor,), step.interpolation)[..., 0]  # (width, width·factor)
            dy = np.moveaxis(np.tensordot(dy, matrix, axes=(axis, 1)), -1, axis)
        return dy

    return run_step(step, inputs, weights), _unweighted(back)


@forward.register
def _(step: steps.ChangeShape, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    return run_step(step, inputs, weights), _unweighted(lambda dy: dy.reshape(inputs[0].shape))


@forward.register
def _(step: steps.MoveAxes, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    order = np.argsort((0, *(axis + 1 for axis in step.axes)))
    return run_step(step, inputs, weights), _unweighted(lambda dy: np.transpose(dy, order))


# ---- cell by cell ----


@forward.register
def _(step: steps.Activate, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    y = run_step(step, inputs, weights)
    slope = step.slope
    if slope is not None:
        return y, lambda dy, wanted, learned: _slope_back(step, slope, x, weights, dy)
    parameters: dict[str, Any] = dict(step.parameters)
    if len(step.axes) > 1:  # such as softmax over several axes: as over one that holds them all
        return y, _unweighted(lambda dy: _along_several(step, x, y, dy, parameters))
    if step.axes:
        parameters["axis"] = step.axes[0] + 1
    return y, _unweighted(lambda dy: activations.back(step.function, x, y, dy, **parameters))


def _slope_back(step: steps.Activate, slope: steps.Weight, x: Array, weights: Weights, dy: Array) -> Gradients:
    alpha = broadcast_weight(weights[slope.name], step.slope_axes, x.ndim)
    own = _gathered(dy * np.minimum(x, 0), step.slope_axes, weights[slope.name].shape)
    return (dy * ((x > 0) + alpha * (x < 0)),), {slope.name: own}  # 0 at the corner, as in Keras


def _along_several(step: steps.Activate, x: Array, y: Array, dy: Array, parameters: dict[str, Any]) -> Array:
    along = [axis + 1 for axis in step.axes]
    others = [axis for axis in range(x.ndim) if axis not in along]
    order = [*others, *along]
    moved = [np.transpose(each, order) for each in (x, y, dy)]
    flat = [each.reshape(*each.shape[: len(others)], -1) for each in moved]
    dx = activations.back(step.function, *flat, **parameters, axis=-1)
    return np.transpose(dx.reshape(moved[0].shape), np.argsort(order))


def _gathered(dy: Array, axes: Sequence[int], shape: Sequence[int]) -> Array:
    """The gradient by a weight that spans the sample axes `axes`, in the order and shape of the weight.

    The opposite of the engine's `broadcast_weight`: what was repeated along an axis is summed.
    """
    extents = dict(zip((axis + 1 for axis in axes), shape, strict=True)) if len(shape) == len(axes) else {}
    summed = tuple(axis for axis in range(dy.ndim) if extents.get(axis, 1) == 1)
    total = np.sum(dy, axis=summed)  # the axes left are in ascending order
    left = [axis for axis in sorted(extents) if extents[axis] != 1]
    places = [left.index(axis + 1) for axis in axes if axis + 1 in left]
    return np.transpose(total, places).reshape(shape)


# ---- scale and normalisation ----


@forward.register
def _(step: steps.Scale, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    if step.kind == "batch" and way.training:
        return _batch(step, x, weights)
    numbers = [
        None if each is None else broadcast_weight(each, sorted(step.axes), x.ndim)
        for each in scale_parameters(step, weights, x.dtype.name)
    ]
    y = np.array(x)
    scale_function(step, numbers)(y, slice(None))
    gamma, _, mean, variance = numbers

    def back(dy: Array, wanted: bool, learned: bool) -> Gradients:
        factor: Any = 1
        centred = x
        if mean is not None and variance is not None:  # fixed numbers, whatever the kind
            if step.kind == "batch":
                factor = 1 / np.sqrt(variance + step.epsilon)
                centred = (x - mean) * factor
            else:
                deviation = np.maximum(np.sqrt(variance), step.epsilon)
                factor = deviation if step.kind == "inverse" else 1 / deviation
        own = _scale_weights(step, weights, dy * centred, dy) if learned else {}
        return (dy * (factor if gamma is None else factor * gamma),), own

    return y, back


def _scale_weights(step: steps.Scale, weights: Weights, by_gamma: Array, by_beta: Array) -> dict[str, Array]:
    """The gradients by gamma and beta, where they are weights, from those by each of their repetitions."""
    return {
        part.name: _gathered(each, step.axes, weights[part.name].shape)
        for part, each in ((step.gamma, by_gamma), (step.beta, by_beta))
        if isinstance(part, steps.Weight)
    }


def _batch(step: steps.Scale, x: Array, weights: Weights) -> tuple[Array, Back]:
    """Batch normalisation by the statistics of the batch, which the moving ones follow.

    The gradient is that of Ioffe and Szegedy, "Batch Normalization", 2015, section 3.
    """
    assert isinstance(step.mean, steps.Weight)
    assert isinstance(step.variance, steps.Weight)
    others = tuple(axis for axis in range(x.ndim) if axis - 1 not in step.axes)
    count = x.dtype.type(prod(x.shape[axis] for axis in others))
    mean = _sums(x, others) / count
    standard = x - mean
    variance = _sums(standard * standard, others) / count
    for part, seen in ((step.mean, mean), (step.variance, variance)):
        moving = weights[part.name]
        kept = moving.dtype.type(step.momentum)
        moving[...] = moving * kept + _gathered(seen, step.axes, moving.shape) * (1 - kept)
    deviation = np.sqrt(variance + x.dtype.type(step.epsilon))
    standard /= deviation
    gamma, beta = (
        None if each is None else broadcast_weight(each, sorted(step.axes), x.ndim)
        for each in scale_parameters(step, weights, x.dtype.name)[:2]
    )
    y = standard * (x.dtype.type(1) if gamma is None else gamma)
    if beta is not None:
        y += beta

    def back(dy: Array, wanted: bool, learned: bool) -> Gradients:
        by_beta, by_gamma = _sums(dy, others), _sums(dy * standard, others)
        own = _scale_weights(step, weights, by_gamma, by_beta) if learned else {}
        if not wanted:
            return (None,), own
        dx = standard * (by_gamma / -count)
        dx += dy
        dx -= by_beta / count
        dx *= (1 if gamma is None else gamma) / deviation
        return (dx,), own

    return y, back


def _sums(values: Array, axes: tuple[int, ...]) -> Array:
    """The sums over these axes, which stay with extent 1; over all but the last as a matrix product: that is faster."""
    if axes != tuple(range(values.ndim - 1)):
        return np.asarray(np.sum(values, axis=axes, keepdims=True))
    rows = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    total = np.ones(len(rows), values.dtype) @ rows
    return total.reshape(*(1 for _ in axes), -1)


def _centring_back(dy: Array, standard: Array, deviation: Array, axes: tuple[int, ...]) -> Array:
    """Through (x - mean) / deviation, both of them taken over the axes."""
    mean = np.mean(dy, axis=axes, keepdims=True)
    along = np.mean(dy * standard, axis=axes, keepdims=True)
    return np.asarray((dy - mean - standard * along) / deviation)


@forward.register
def _(step: steps.Normalize, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    centred, variance = centre_groups(step, x)
    deviation = np.sqrt(variance + x.dtype.type(step.epsilon))
    standard = centred / deviation
    axes = tuple(axis for axis in range(centred.ndim) if variance.shape[axis] != centred.shape[axis])

    def back(dy: Array) -> Array:
        return _centring_back(dy.reshape(standard.shape), standard, deviation, axes).reshape(x.shape)

    return standard.reshape(x.shape), _unweighted(back)


# ---- merges ----


@forward.register
def _(step: steps.Merge, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    y = run_step(step, inputs, weights)
    if step.kind == "concatenate":
        return y, lambda dy, wanted, learned: (_parted(step, inputs, dy), {})
    operands = align_operands(step, inputs)
    for place, constant in step.constants:
        operands.insert(place, np.asarray(constant, y.dtype))
    given = [place for place in range(len(operands)) if place not in dict(step.constants)]

    def back(dy: Array, wanted: bool, learned: bool) -> Gradients:
        parts = JOINED[step.kind](step, operands, y, dy)
        rank = max(x.ndim for x in inputs) - 1
        return [_unaligned(step, parts[place], x, rank) for place, x in zip(given, inputs, strict=True)], {}

    return y, back


def _parted(step: steps.Merge, inputs: Sequence[Array], dy: Array) -> list[Array]:
    lead = (slice(None),) * (step.axis + 1)
    edges = accumulate((x.shape[step.axis + 1] for x in inputs), initial=0)
    return [dy[(*lead, slice(*each))] for each in pairwise(edges)]


def _sum_back(step: steps.Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    if step.kind == "mean":
        dy = dy / len(operands)
    coefficients = step.coefficients or (1.0,) * len(operands)
    return [dy if each == 1 else dy * each for each in coefficients]


def _product_back(step: steps.Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    parts = []
    for place in range(len(operands)):
        part = dy
        for other, operand in enumerate(operands):
            part = part if other == place else part * operand
        parts.append(part)
    return parts


def _extreme_back(step: steps.Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    left, parts = np.ones(y.shape, bool), []
    for operand in operands:  # the first of equal cells wins
        won = left & (operand == y)
        parts.append(dy * won)
        left &= ~won
    return parts


JOINED = {
    "sum": _sum_back,
    "mean": _sum_back,
    "product": _product_back,
    "maximum": _extreme_back,
    "minimum": _extreme_back,
}


def _unaligned(step: steps.Merge, dy: Array, x: Array, rank: int) -> Array:
    """A gradient summed over the axes along which the operand was repeated, in the operand's own shape."""
    there = step.data_format.order(rank)
    outer = np.transpose(dy, (0, *(axis + 1 for axis in there)))
    added = rank - (x.ndim - 1)
    outer = np.sum(outer, axis=tuple(range(1, 1 + added)))
    own = step.data_format.order(x.ndim - 1)
    repeated = tuple(place for place, axis in enumerate(own, 1) if x.shape[axis + 1] == 1 and outer.shape[place] != 1)
    outer = np.sum(outer, axis=repeated, keepdims=True)
    return np.transpose(outer, np.argsort((0, *(axis + 1 for axis in own))))


# ---- what acts in training only ----

ALPHA = -SELU_SCALE * SELU_ALPHA  # SELU of -infinity


@forward.register
def _(step: steps.Noise, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    if not way.training:
        return x, _unweighted(lambda dy: dy)
    shape = tuple(1 if axis - 1 in step.shared else extent for axis, extent in enumerate(x.shape))
    random, rate = way.random(), step.amount
    if step.kind == "gaussian_noise":
        return x + (random.standard_normal(shape, np.float32) * rate).astype(x.dtype), _unweighted(lambda dy: dy)
    if step.kind == "gaussian_dropout":
        around = random.standard_normal(shape, np.float32) * (rate / (1 - rate)) ** 0.5
        factor, offset = (1 + around).astype(x.dtype), None
    else:
        kept = (random.random(shape, np.float32) >= rate).astype(x.dtype)
        factor, offset = kept / x.dtype.type(1 - rate), None
        if step.kind == "alpha_dropout":
            scale = ((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5
            factor, offset = kept * x.dtype.type(scale), (ALPHA * (1 - kept) - ALPHA * rate) * x.dtype.type(scale)
    return x * factor if offset is None else x * factor + offset, _unweighted(lambda dy: dy * factor)


@forward.register
def _(step: steps.Penalty, inputs: Sequence[Array], weights: Weights, way: PassContext) -> tuple[Array, Back]:
    x = inputs[0]
    way.penalty += float(step.l1 * np.sum(np.abs(x)) + step.l2 * np.sum(x * x)) / len(x)
    return x, _unweighted(lambda dy: dy + ((step.l1 * np.sign(x) + 2 * step.l2 * x) / len(x)).astype(x.dtype))
