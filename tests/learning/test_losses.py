"""Losses and their gradients, by hand, and computed from logits."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from convcli.learning.losses import LOSSES
from convcli.model import activations

LARGEST = -log(1e-7)  # the loss of a probability of 0 for what is right, which is clipped to 1e-7


@pytest.mark.parametrize(
    ("name", "y", "t", "value", "gradient"),
    [
        ("mse", [[1, 2]], [[0, 4]], (1 + 4) / 2, [[2 * 1 / 2, 2 * -2 / 2]]),
        ("mae", [[1, 2]], [[0, 4]], (1 + 2) / 2, [[1 / 2, -1 / 2]]),
        ("mae", [[3]], [[3]], 0, [[0]]),
        ("huber", [[1.5, 1]], [[1, 4]], (0.25 / 2 + 3 - 1 / 2) / 2, [[0.5 / 2, -1 / 2]]),
        ("binary_crossentropy", [[0.5, 0.25]], [[1, 0]], -(log(0.5) + log(0.75)) / 2, [[-2 / 2, 4 / 3 / 2]]),
        # The shares are 1/4 and 3/4; by y1, the loss log(y0 + y1) - log(y1) has the slope 1/4 - 1/3.
        ("categorical_crossentropy", [[1, 3]], [[0, 1]], -log(3 / 4), [[1 / 4, 1 / 4 - 1 / 3]]),
        ("categorical_crossentropy", [[0.5, 0.5], [0.25, 0.75]], [[1, 0], [0, 0]], log(2) / 2, [[-0.5, 0.5], [0, 0]]),
        # With clipped probabilities: Keras 3.15.1 computes these.
        ("binary_crossentropy", [[0, 0.25, 1]], [[1, 0, 0]], 10.841291124964926, [[0, 0.44444444444444, 0]]),
        ("categorical_crossentropy", [[0, 0.25, 0.75]], [[1, 0, 0]], LARGEST, [[0, 0, 0]]),
    ],
)
def test_losses_and_gradients_are_those_computed_by_hand(name, y, t, value, gradient):
    loss, by_y = LOSSES[name].function(np.array(y, float), np.array(t, float))
    assert loss == pytest.approx(value, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(by_y, gradient, rtol=1e-12, atol=1e-15)


def test_sparse_crossentropy_clips_values_that_are_not_probabilities_as_keras_does():
    y, target = np.array([[0.5, 2.0, 0.25], [0.0, 0.5, 1.0]]), np.eye(3)[[1, 1]]
    loss, gradient = LOSSES["sparse_categorical_crossentropy"].function(y, target)
    # Clipped to at most 1, then divided by the sum: 1/1.75 and 0.5/1.5. A clipped value has no slope.
    assert loss == pytest.approx((np.log(1.75) + np.log(3)) / 2, rel=1e-6)
    np.testing.assert_allclose(gradient, [[1 / 3.5, 0, 1 / 3.5], [0, (1 / 1.5 - 2) / 2, 0]], rtol=1e-6, atol=1e-12)


WITH_LOGITS = [name for name, loss in LOSSES.items() if loss.from_logits]


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_a_loss_from_logits_equals_the_loss_after_the_activation(name):
    loss, random = LOSSES[name], np.random.default_rng(0)
    z, t = random.normal(size=(2, 5, 3, 4))
    activate = activations.ACTIVATIONS[loss.activation]
    y, t = activate(z), activate(t)
    value, by_y = loss.function(y, t)
    value_from_logits, by_z = loss.from_logits(z, t)
    assert value_from_logits == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(by_z, activations.input_gradient(loss.activation, z, y, by_y), atol=1e-14)


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_from_extreme_logits_loss_and_gradient_are_exact(name):
    """A right prediction has no loss; a wrong one has its distance as loss, and a gradient that does not vanish."""
    loss = LOSSES[name]
    z, t = np.array([[1e4, -1e4]], np.float32), np.array([[1, 0]], np.float32)
    right, by_right = loss.from_logits(z, t)
    wrong, by_wrong = loss.from_logits(z, 1 - t)
    distance, slope = (1e4, 0.5) if loss.activation == "sigmoid" else (2e4, 1)
    assert (right, wrong) == (0, distance)
    assert (by_right.tolist(), by_wrong.tolist()) == ([[0, 0]], [[slope, -slope]])
    assert by_wrong.dtype == np.float32


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_from_extreme_probabilities_loss_and_gradient_are_finite(name):
    loss = LOSSES[name]
    z, t = np.array([[1e4, -1e4]], np.float32), np.array([[0, 1]], np.float32)
    value, gradient = loss.function(activations.ACTIVATIONS[loss.activation](z), t)
    assert value == pytest.approx(LARGEST, rel=0.02)  # float32 cannot hold 1 - 1e-7
    assert np.isfinite(gradient).all()
    assert gradient.dtype == np.float32
