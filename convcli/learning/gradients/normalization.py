"""The gradients of scaling by parameters, and of normalisation by the statistics of a batch or of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.engine.epilogue import scale_function, scale_parameters
from convcli.engine.run_step import broadcast_weight, centre_groups, epsilon_of, local_base, window_sums
from convcli.learning.gradients.broadcasting import sum_to_weight
from convcli.learning.gradients.context import Backward, Gradients, PassContext, Weights, without_weights
from convcli.model.steps import Normalize, NormalizeLocally, Scale, Weight


def scale(step: Scale, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the input, shifted and scaled by the step's parameters, and its backward function.

    In training, batch normalisation uses the statistics of the batch instead of the moving ones.
    """
    (x,) = inputs
    if step.kind == "batch" and context.training:
        return _normalize_batch(step, x, weights)
    parameters = _parameters(step, weights, x)
    gamma, _, mean, variance = parameters
    y = np.array(x)
    scale_function(step, parameters)(y, slice(None))

    def backward(dy: Array, by_inputs: bool, by_weights: bool) -> Gradients:
        factor: Any = 1
        standard = x
        if mean is not None and variance is not None:
            if step.kind == "batch":
                factor = 1 / np.sqrt(variance + step.epsilon)
                standard = (x - mean) * factor
            else:
                deviation = np.maximum(np.sqrt(variance), step.epsilon)
                factor = deviation if step.kind == "inverse" else 1 / deviation
        gradients = _parameter_gradients(step, weights, dy * standard, dy) if by_weights else {}
        return (dy * (factor if gamma is None else factor * gamma),), gradients

    return y, backward


def _parameters(step: Scale, weights: Weights, x: Array) -> list[Array | None]:
    """Return gamma, beta, mean and variance of the step, shaped to broadcast against `x`; None for those it lacks."""
    return [
        None if parameter is None else broadcast_weight(parameter, sorted(step.axes), x.ndim)
        for parameter in scale_parameters(step, weights, x.dtype.name)
    ]


def _parameter_gradients(step: Scale, weights: Weights, by_gamma: Array, by_beta: Array) -> dict[str, Array]:
    """Return the gradients by gamma and beta where they are weights, from those by each of their repetitions."""
    return {
        weight.name: sum_to_weight(gradient, step.axes, weights[weight.name].shape)
        for weight, gradient in ((step.gamma, by_gamma), (step.beta, by_beta))
        if isinstance(weight, Weight)
    }


def _normalize_batch(step: Scale, x: Array, weights: Weights) -> tuple[Array, Backward]:
    """Normalise by the mean and variance of the batch, and let the moving statistics follow these.

    Output and gradient are those of Ioffe and Szegedy, 2015, "Batch Normalization: Accelerating Deep Network Training
    by Reducing Internal Covariate Shift", algorithm 1 and section 3.
    """
    averaged = tuple(axis for axis in range(x.ndim) if axis - 1 not in step.axes)
    count = x.dtype.type(prod(x.shape[axis] for axis in averaged))
    mean = _sum(x, averaged) / count
    standard = x - mean
    variance = _sum(standard * standard, averaged) / count
    _update_moving_statistics(step, weights, mean, variance)
    deviation = np.sqrt(variance + x.dtype.type(step.epsilon))
    standard /= deviation
    gamma, beta, _, _ = _parameters(step, weights, x)
    y = standard * (x.dtype.type(1) if gamma is None else gamma)
    if beta is not None:
        y += beta

    def backward(dy: Array, by_inputs: bool, by_weights: bool) -> Gradients:
        by_beta, by_gamma = _sum(dy, averaged), _sum(dy * standard, averaged)
        gradients = _parameter_gradients(step, weights, by_gamma, by_beta) if by_weights else {}
        if not by_inputs:
            return (None,), gradients
        # (dy - Σdy/n - standard·Σ(dy·standard)/n)·gamma/deviation, written in place: that takes fewer passes.
        dx = standard * (by_gamma / -count)
        dx += dy
        dx -= by_beta / count
        dx *= (1 if gamma is None else gamma) / deviation
        return (dx,), gradients

    return y, backward


def _update_moving_statistics(step: Scale, weights: Weights, mean: Array, variance: Array) -> None:
    """Move the moving mean and variance towards those of the batch, in place: momentum·old + (1 - momentum)·new."""
    for weight, statistic in ((step.mean, mean), (step.variance, variance)):
        assert isinstance(weight, Weight)
        moving = weights[weight.name]
        momentum = moving.dtype.type(step.momentum)
        moving[...] = moving * momentum + sum_to_weight(statistic, step.axes, moving.shape) * (1 - momentum)


def _sum(values: Array, axes: tuple[int, ...]) -> Array:
    """Return the sum over these axes, which stay with extent 1.

    Over all axes but the last it is a matrix product with a row of ones, which is faster.
    """
    if axes != tuple(range(values.ndim - 1)):
        return np.asarray(np.sum(values, axis=axes, keepdims=True))
    matrix = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    total = np.ones(len(matrix), values.dtype) @ matrix
    return total.reshape(*(1 for _ in axes), -1)


def normalize(
    step: Normalize, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return (x - mean) / sqrt(variance + epsilon) by the statistics of each sample, and its backward function."""
    (x,) = inputs
    centred, variance = centre_groups(step, x)
    deviation = np.sqrt(variance + epsilon_of(step, x))
    standard = centred / deviation
    axes = tuple(axis for axis in range(centred.ndim) if variance.shape[axis] != centred.shape[axis])

    def backward(dy: Array) -> Array:
        dy = dy.reshape(standard.shape)
        mean = np.mean(dy, axis=axes, keepdims=True) if step.centered else 0
        along = np.mean(dy * standard, axis=axes, keepdims=True)
        return np.asarray((dy - mean - standard * along) / deviation).reshape(x.shape)

    return standard.reshape(x.shape), without_weights(backward)


def normalize_locally(
    step: NormalizeLocally, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return x·base^-beta, with base = k + alpha·(mean of the squares around it), and its backward function."""
    (x,) = inputs
    base = local_base(step, x)
    window = step.window
    mirrored = replace(window, before=window.after, after=window.before)  # the channels in whose windows one lies

    def backward(dy: Array) -> Array:
        share = window_sums(mirrored, dy * x * base ** (-step.beta - 1))
        return dy * base**-step.beta - x * share * (2 * step.alpha * step.beta / window.size)

    return x * base**-step.beta, without_weights(backward)
