"""Steps that act in training only: dropout and noise, and penalties that are added to the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.learning.gradients.context import Backward, PassContext, Weights, without_weights
from convcli.model.activations.pointwise import SELU_ALPHA, SELU_SCALE
from convcli.model.steps import Noise, Penalty

# The value that alpha dropout sets cells to: SELU of minus infinity. Klambauer et al., 2017, "Self-Normalizing Neural
# Networks", section 3.
ALPHA = -SELU_SCALE * SELU_ALPHA


def add_noise(step: Noise, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the input with the randomness of the step, x·factor + offset, and its backward function.

    Outside training the step is the identity. The formulas are those of Keras's layers.
    """
    (x,) = inputs
    if not context.training:
        return x, without_weights(lambda dy: dy)
    factor, offset = _factor_and_offset(step, x, context.random())
    if factor is None:
        return x + offset, without_weights(lambda dy: dy)
    y = x * factor if offset is None else x * factor + offset
    return y, without_weights(lambda dy: dy * factor)


def _factor_and_offset(step: Noise, x: Array, random: np.random.Generator) -> tuple[Array | None, Array | None]:
    """Draw the factor of each cell, None for 1, and the number that is added, None for 0."""
    shape = tuple(1 if axis - 1 in step.shared else extent for axis, extent in enumerate(x.shape))
    rate = step.amount
    if step.kind == "gaussian_noise":
        return None, (random.standard_normal(shape, np.float32) * rate).astype(x.dtype)
    if step.kind == "gaussian_dropout":
        around = random.standard_normal(shape, np.float32) * (rate / (1 - rate)) ** 0.5
        return (1 + around).astype(x.dtype), None
    retained = (random.random(shape, np.float32) >= rate).astype(x.dtype)
    if step.kind == "dropout":
        return retained / x.dtype.type(1 - rate), None
    scale = x.dtype.type(((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5)
    return retained * scale, (ALPHA * (1 - retained) - ALPHA * rate) * scale


def penalize(step: Penalty, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Add (l1·Σ|x| + l2·Σx²) / batch to the loss, and return the input with the backward function."""
    (x,) = inputs
    context.penalty += float(step.l1 * np.sum(np.abs(x)) + step.l2 * np.sum(x * x)) / len(x)
    return x, without_weights(lambda dy: dy + ((step.l1 * np.sign(x) + 2 * step.l2 * x) / len(x)).astype(x.dtype))
