"""The first updates of every optimizer by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from convcli.learning.optimizers import OPTIMIZERS


def steps(name, gradients, momentum=0.0):
    """How a weight that begins at 1 moves, at a learning rate of 0.1."""
    optimizer, weight = OPTIMIZERS[name](0.1, momentum, 1, np.dtype("float64")), np.ones(1)
    moves = []
    for gradient in gradients:
        before = weight.copy()
        optimizer.update(weight, np.array([gradient], float))
        moves.append(float((weight - before)[0]))
    assert optimizer.updates == len(gradients)
    return moves


SMALL = 1e-7
FIRST, SECOND = 0.1 * 2 / sqrt(0.1 * 4 + SMALL), 0.1 * -1 / sqrt(0.9 * 0.1 * 4 + 0.1 * 1 + SMALL)


@pytest.mark.parametrize(
    ("name", "momentum", "moves"),
    [
        ("sgd", 0, [-0.1 * 2, 0.1 * 1]),
        ("sgd", 0.5, [-0.1 * 2, 0.5 * -0.2 + 0.1]),
        ("rmsprop", 0, [-FIRST, -SECOND]),
        ("rmsprop", 0.5, [-FIRST, -(0.5 * FIRST + SECOND)]),
        (
            "adam",
            0,
            [  # m = 0.1·2, v = 0.001·4; then m = 0.9·0.2 - 0.1, v = 0.999·0.004 + 0.001
                -0.1 * sqrt(0.001) / 0.1 * 0.2 / (sqrt(0.004) + SMALL),
                -0.1 * sqrt(1 - 0.999**2) / (1 - 0.9**2) * 0.08 / (sqrt(0.004996) + SMALL),
            ],
        ),
    ],
)
def test_two_updates_by_hand(name, momentum, moves):
    assert steps(name, [2, -1], momentum) == pytest.approx(moves, rel=1e-12)


def test_what_each_keeps_beside_the_weights():
    kept = {name: [kind.arrays(momentum) for momentum in (0.0, 0.5)] for name, kind in OPTIMIZERS.items()}
    assert kept == {"adam": [2, 2], "sgd": [0, 1], "rmsprop": [1, 2]}
    assert {name: kind.rate for name, kind in OPTIMIZERS.items()} == {"adam": 0.001, "sgd": 0.01, "rmsprop": 0.001}
