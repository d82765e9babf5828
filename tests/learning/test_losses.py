"""Losses and their gradients by hand, together with the activation they go with, and what targets they take."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.learning.losses import LOSSES, correct_predictions, default_loss, one_hot, prepare_target
from convcli.model import activations

FAR = -log(1e-7)  # of a probability that is rounded to 0


@pytest.mark.parametrize(
    ("name", "y", "t", "value", "gradient"),
    [
        ("mse", [[1, 2]], [[0, 4]], (1 + 4) / 2, [[2 * 1 / 2, 2 * -2 / 2]]),
        ("mae", [[1, 2]], [[0, 4]], (1 + 2) / 2, [[1 / 2, -1 / 2]]),
        ("mae", [[3]], [[3]], 0, [[0]]),
        ("huber", [[1.5, 1]], [[1, 4]], (0.25 / 2 + 3 - 1 / 2) / 2, [[0.5 / 2, -1 / 2]]),
        ("binary_crossentropy", [[0.5, 0.25]], [[1, 0]], -(log(0.5) + log(0.75)) / 2, [[-2 / 2, 4 / 3 / 2]]),
        # shares of 1/4 and 3/4: by the second of y, the loss log(y0 + y1) - log(y1) changes by 1/4 - 1/3
        ("categorical_crossentropy", [[1, 3]], [[0, 1]], -log(3 / 4), [[1 / 4, 1 / 4 - 1 / 3]]),
        ("categorical_crossentropy", [[0.5, 0.5], [0.25, 0.75]], [[1, 0], [0, 0]], log(2) / 2, [[-0.5, 0.5], [0, 0]]),
        # rounded probabilities: Keras 3.15.1 gives these
        ("binary_crossentropy", [[0, 0.25, 1]], [[1, 0, 0]], 10.841291124964926, [[0, 0.44444444444444, 0]]),
        ("categorical_crossentropy", [[0, 0.25, 0.75]], [[1, 0, 0]], FAR, [[0, 0, 0]]),
    ],
)
def test_losses_by_hand(name, y, t, value, gradient):
    found = LOSSES[name].function(np.array(y, float), np.array(t, float))
    assert found[0] == pytest.approx(value, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-15)


WITH_LOGITS = [name for name, loss in LOSSES.items() if loss.logits]


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_a_loss_is_the_same_together_with_its_activation(name):
    loss, random = LOSSES[name], np.random.default_rng(0)
    z, t = random.normal(size=(2, 5, 3, 4))
    t = activations.ACTIVATIONS[loss.ends](t)
    y = activations.ACTIVATIONS[loss.ends](z)
    plain, together = loss.function(y, t), loss.logits(z, t)
    assert together[0] == pytest.approx(plain[0], rel=1e-12)
    np.testing.assert_allclose(together[1], activations.input_gradient(loss.ends, z, y, plain[1]), atol=1e-14)


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_extreme_values_stay_numbers(name):
    """A right answer costs nothing, a wrong one its distance, and its gradient does not vanish as that of 0 or 1."""
    loss = LOSSES[name]
    z, t = np.array([[1e4, -1e4]], np.float32), np.array([[1, 0]], np.float32)
    right, wrong = loss.logits(z, t), loss.logits(z, 1 - t)
    distance, slope = (1e4, 0.5) if loss.ends == "sigmoid" else (2e4, 1)
    assert (right[0], wrong[0]) == (0, distance)
    assert (right[1].tolist(), wrong[1].tolist()) == ([[0, 0]], [[slope, -slope]])
    plain, gradient = loss.function(activations.ACTIVATIONS[loss.ends](z), 1 - t)
    assert plain == pytest.approx(FAR, rel=0.02)  # float32 holds no 1 - 1e-7
    assert np.isfinite(gradient).all()
    assert wrong[1].dtype == gradient.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "ending", "target", "name"),
    [
        ((10,), "softmax", (), "sparse_categorical_crossentropy"),
        ((10,), "softmax", (1,), "sparse_categorical_crossentropy"),
        ((10,), "softmax", (10,), "categorical_crossentropy"),
        ((4, 4, 3), "softmax", (4, 4), "sparse_categorical_crossentropy"),
        ((4, 4, 3), "softmax", (4, 4, 3), "categorical_crossentropy"),
        ((1,), "sigmoid", (), "binary_crossentropy"),
        ((4, 4, 1), "sigmoid", (4, 4), "binary_crossentropy"),
        ((1,), None, (), "mse"),
        ((4, 4, 2), "relu", (4, 4, 2), "mse"),
    ],
)
def test_the_loss_that_suits(shape, ending, target, name):
    assert default_loss(shape, ending, np.ones((5, *target))) == name


def test_numbers_that_are_no_classes_are_maps_of_another_shape():
    assert (
        default_loss((4, 4, 3), None, np.full((5, 4, 4, 1), 0.5))
        == default_loss((4, 4, 3), None, np.full((5, 4, 4), 0.5))
        == "mse"
    )


@pytest.mark.parametrize(
    ("name", "shape", "target", "message"),
    [
        ("mse", (4, 1), (3, 5), "shape (3, 5) ((2, 4, 1) for mse here)"),
        ("sparse_categorical_crossentropy", (3,), [0, 3], "holds 3 (classes: whole numbers from 0 to 2)"),
        ("sparse_categorical_crossentropy", (3,), [0.5, 0], "holds 0.5 (classes: whole numbers from 0 to 2)"),
        ("sparse_categorical_crossentropy", (3,), [-1, 0], "holds -1 (classes: whole numbers from 0 to 2)"),
        (
            "sparse_categorical_crossentropy",
            (3,),
            (2, 3),
            "shape (2, 3) (classes (2,) for sparse_categorical_crossentropy here)",
        ),
        ("mae", (1,), [np.nan, 0], "holds NaN or infinity (finite numbers)"),
        ("binary_crossentropy", (1,), [0, 1.5], "holds 0 to 1.5 (0 to 1 for binary_crossentropy)"),
    ],
)
def test_targets_that_do_not_fit(name, shape, target, message):
    target = np.zeros(target) if isinstance(target, tuple) else np.array(target, float)
    with pytest.raises(ConvcliError) as caught:
        prepare_target(LOSSES[name], target, shape, 2, DataFormat.CHANNELS_LAST, "float32")
    assert str(caught.value) == message


def test_shapes_in_messages_are_in_the_data_format_of_the_user():
    with pytest.raises(ConvcliError, match=r"^shape \(2, 4, 5, 6\) \(\(2, 3, 5, 6\) for mse here\)$"):
        prepare_target(LOSSES["mse"], np.zeros((2, 5, 6, 4)), (5, 6, 3), 2, DataFormat.CHANNELS_FIRST, "float32")


def test_classes_spread_out():
    assert one_hot(np.array([[2, 0]]), 3, np.dtype("float32")).tolist() == [[[0, 0, 1], [1, 0, 0]]]


@pytest.mark.parametrize(
    ("name", "y", "target", "finished", "right"),
    [
        ("binary_crossentropy", [[0.6], [0.5], [0.1]], [[1], [1], [0]], True, (2, 3)),  # 1/2 itself is no
        ("binary_crossentropy", [[0.6], [-0.5], [0.1]], [[1], [0], [0]], False, (2, 3)),  # the middle is 0
        ("categorical_crossentropy", [[1, 2], [3, 0]], [[0, 1], [0, 1]], True, (1, 2)),
        ("sparse_categorical_crossentropy", [[[1, 2], [3, 0]]], [[1, 0]], False, (2, 2)),
        ("mse", [[1]], [[1]], True, None),
    ],
)
def test_what_is_right(name, y, target, finished, right):
    assert correct_predictions(LOSSES[name], np.array(y, float), np.array(target), finished) == right
