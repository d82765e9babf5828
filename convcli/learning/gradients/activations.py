"""The gradients of activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.run_step import broadcast_weight, run_step
from convcli.learning.gradients.broadcasting import sum_to_weight
from convcli.learning.gradients.context import Backward, Gradients, PassContext, Weights, without_weights
from convcli.model import activations
from convcli.model.steps import Activate, Weight


def activate(step: Activate, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the activation of each cell, and its backward function."""
    (x,) = inputs
    y = run_step(step, inputs, weights)
    slope = step.slope
    if slope is not None:
        return y, lambda dy, by_inputs, by_weights: _prelu_gradients(step, slope, x, weights, dy)
    parameters: dict[str, Any] = dict(step.parameters)
    if len(step.axes) > 1:
        return y, without_weights(lambda dy: _gradient_over_axes(step, x, y, dy, parameters))
    if step.axes:
        parameters["axis"] = step.axes[0] + 1
    return y, without_weights(lambda dy: activations.input_gradient(step.function, x, y, dy, **parameters))


def _prelu_gradients(step: Activate, slope: Weight, x: Array, weights: Weights, dy: Array) -> Gradients:
    """Return the gradients of max(x, 0) + slope·min(x, 0). That by x is 0 where x is 0, as in Keras."""
    alpha = broadcast_weight(weights[slope.name], step.slope_axes, x.ndim)
    by_slope = sum_to_weight(dy * np.minimum(x, 0), step.slope_axes, weights[slope.name].shape)
    return (dy * ((x > 0) + alpha * (x < 0)),), {slope.name: by_slope}


def _gradient_over_axes(step: Activate, x: Array, y: Array, dy: Array, parameters: dict[str, Any]) -> Array:
    """Return the gradient of an activation over several axes, such as softmax, as over one axis that holds them all."""
    along = [axis + 1 for axis in step.axes]
    others = [axis for axis in range(x.ndim) if axis not in along]
    order = [*others, *along]
    moved = [np.transpose(array, order) for array in (x, y, dy)]
    flat = [array.reshape(*array.shape[: len(others)], -1) for array in moved]
    dx = activations.input_gradient(step.function, *flat, **parameters, axis=-1)
    return np.transpose(dx.reshape(moved[0].shape), np.argsort(order))
