"""Targets: which loss suits them, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.learning.losses import LOSSES
from convcli.learning.targets import default_loss, prepare_target

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(10, 5, 5, 1))


@pytest.mark.parametrize(
    ("shape", "activation", "target", "name"),
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
def test_the_default_loss_follows_from_the_activation_and_the_shape_of_the_target(shape, activation, target, name):
    assert default_loss(shape, activation, np.ones((5, *target))) == name


@pytest.mark.parametrize("shape", [(5, 4, 4, 1), (5, 4, 4)])
def test_a_target_without_channels_that_holds_fractions_is_not_one_of_classes(shape):
    assert default_loss((4, 4, 3), None, np.full(shape, 0.5)) == "mse"


@pytest.mark.parametrize(
    ("name", "shape", "target", "message"),
    [
        ("mse", (4, 1), (3, 5), "shape (3, 5) ((2, 4, 1) for mse here)"),
        ("sparse_categorical_crossentropy", (3,), [0, 3], "holds 3 (classes are whole numbers from 0 to 2)"),
        ("sparse_categorical_crossentropy", (3,), [0.5, 0], "holds 0.5 (classes are whole numbers from 0 to 2)"),
        ("sparse_categorical_crossentropy", (3,), [-1, 0], "holds -1 (classes are whole numbers from 0 to 2)"),
        (
            "sparse_categorical_crossentropy",
            (3,),
            (2, 3),
            "shape (2, 3) (classes (2,) for sparse_categorical_crossentropy here)",
        ),
        ("mae", (1,), [np.nan, 0], "holds NaN or infinity (finite numbers)"),
        ("binary_crossentropy", (1,), [0, 1.5], "holds values from 0 to 1.5 (0 to 1 for binary_crossentropy)"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(name, shape, target, message):
    target = np.zeros(target) if isinstance(target, tuple) else np.array(target, float)
    with pytest.raises(ConvcliError) as caught:
        prepare_target(LOSSES[name], target, shape, 2, DataFormat.CHANNELS_LAST, "float32")
    assert str(caught.value) == message


def test_shapes_in_messages_are_in_the_data_format_of_the_user():
    with pytest.raises(ConvcliError, match=r"^shape \(2, 4, 5, 6\) \(\(2, 3, 5, 6\) for mse here\)$"):
        prepare_target(LOSSES["mse"], np.zeros((2, 5, 6, 4)), (5, 6, 3), 2, DataFormat.CHANNELS_FIRST, "float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_class_indices_may_have_an_axis_for_channels(data_format):
    model = convcli.load(["Conv2D(3, 3, activation='softmax')"], data_format=data_format)
    classes = RANDOM.integers(0, 3, (10, 3, 3))
    images, axis = (IMAGES, -1) if data_format == "channels_last" else (IMAGES.transpose(0, 3, 1, 2), 1)
    without, with_axis = (
        convcli.fit(model, images, target, epochs=2).history for target in (classes, np.expand_dims(classes, axis))
    )
    assert without == with_axis
