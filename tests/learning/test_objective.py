"""The objective: where it takes logits, and which predictions are right."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.learning.losses import LOSSES
from convcli.learning.objective import choose_objective, correct_predictions, one_hot
from convcli.model.plan import make_plan


def test_class_indices_become_one_hot_vectors():
    assert one_hot(np.array([[2, 0]]), 3, np.dtype("float32")).tolist() == [[[0, 0, 1], [1, 0, 0]]]


@pytest.mark.parametrize(
    ("layer", "loss", "logits"),
    [
        ("Dense(3, activation='softmax')", "categorical_crossentropy", {"dense"}),
        ("Dense(3, activation='sigmoid')", "binary_crossentropy", {"dense"}),
        ("Dense(3, activation='softmax')", "binary_crossentropy", set()),
        ("Dense(3, activation='softmax')", "mse", set()),
        ("Dense(3, activation='relu')", "mse", set()),
    ],
)
def test_a_loss_takes_logits_from_an_output_that_ends_in_its_activation(layer, loss, logits):
    plan = make_plan(convcli.load([layer]), {"input": (4,)})
    assert choose_objective(plan, {"dense": LOSSES[loss]}).logits == logits


def test_a_loss_takes_no_logits_from_an_output_that_another_layer_reads():
    layers = [{"dense": {"units": 3, "activation": "softmax", "name": "a"}}, {"dense": {"units": 1, "name": "b"}}]
    plan = make_plan(convcli.load({"layers": layers, "outputs": ["a", "b"]}), {"input": (4,)})
    losses = {"a": LOSSES["categorical_crossentropy"], "b": LOSSES["mse"]}
    assert choose_objective(plan, losses).logits == set()


@pytest.mark.parametrize(
    ("name", "y", "target", "from_logits", "correct"),
    [
        ("binary_crossentropy", [[0.6], [0.5], [0.1]], [[1], [1], [0]], False, (2, 3)),  # 1/2 itself predicts 0
        ("binary_crossentropy", [[0.6], [-0.5], [0.1]], [[1], [0], [0]], True, (2, 3)),  # the threshold is 0
        ("categorical_crossentropy", [[1, 2], [3, 0]], [[0, 1], [0, 1]], False, (1, 2)),
        ("sparse_categorical_crossentropy", [[[1, 2], [3, 0]]], [[1, 0]], True, (2, 2)),
        ("mse", [[1]], [[1]], False, None),
    ],
)
def test_predictions_that_are_right_are_counted(name, y, target, from_logits, correct):
    assert correct_predictions(LOSSES[name], np.array(y, float), np.array(target), from_logits) == correct
