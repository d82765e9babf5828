"""Optimizers: the first two updates of each by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from convcli.learning.optimizers import OPTIMIZERS

RATE = 0.1


def changes(name, gradients, momentum):
    """Return how each of these gradients changes a weight that begins at 1."""
    optimizer, weight = OPTIMIZERS[name](RATE, momentum, 1, np.dtype("float64")), np.ones(1)
    result = []
    for gradient in gradients:
        before = weight.copy()
        optimizer.update(weight, np.array([gradient], float))
        result.append(float((weight - before)[0]))
    assert optimizer.updates == len(gradients)
    return result


EPSILON = 1e-7
# RMSprop: v = 0.1·2², then 0.9·v + 0.1·1².
FIRST, SECOND = RATE * 2 / sqrt(0.1 * 4 + EPSILON), RATE * -1 / sqrt(0.9 * 0.1 * 4 + 0.1 * 1 + EPSILON)


@pytest.mark.parametrize(
    ("name", "momentum", "expected"),
    [
        ("sgd", 0, [-RATE * 2, RATE * 1]),
        ("sgd", 0.5, [-RATE * 2, 0.5 * -0.2 + RATE]),
        ("rmsprop", 0, [-FIRST, -SECOND]),
        ("rmsprop", 0.5, [-FIRST, -(0.5 * FIRST + SECOND)]),
        (
            "adam",
            0,
            [  # m = 0.1·2 and v = 0.001·4, then m = 0.9·0.2 - 0.1 and v = 0.999·0.004 + 0.001
                -RATE * sqrt(0.001) / 0.1 * 0.2 / (sqrt(0.004) + EPSILON),
                -RATE * sqrt(1 - 0.999**2) / (1 - 0.9**2) * 0.08 / (sqrt(0.004996) + EPSILON),
            ],
        ),
    ],
)
def test_two_updates_are_those_computed_by_hand(name, momentum, expected):
    assert changes(name, [2, -1], momentum) == pytest.approx(expected, rel=1e-12)


def test_state_is_kept_only_as_far_as_it_is_used():
    counts = {name: [kind.state_count(momentum) for momentum in (0.0, 0.5)] for name, kind in OPTIMIZERS.items()}
    assert counts == {"adam": [2, 2], "sgd": [0, 1], "rmsprop": [1, 2]}


def test_default_learning_rates_are_those_of_keras():
    rates = {name: kind.default_learning_rate for name, kind in OPTIMIZERS.items()}
    assert rates == {"adam": 0.001, "sgd": 0.01, "rmsprop": 0.001}
