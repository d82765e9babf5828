"""Progress: the share of all work that each operation is."""

from __future__ import annotations

import numpy as np
from levels import core_at
from programs import program_of

LAYERS = ["Conv2D(4, 3)", "MaxPooling2D(2)", "Dense(5)"]
# Multiplications and results: the convolution has 8·8·4 results of 3·3·2 products, pooling 4·4·4 results of none, and
# the dense layer 4·4·5 results of 4 products.
WORK = [8 * 8 * 4 * (9 * 2 + 1), 4 * 4 * 4, 4 * 4 * 5 * (4 + 1)]


def test_progress_is_told_by_layer_and_by_the_work_that_is_done():
    reports = []
    with core_at("numpy"):  # the native core tells 25 times a second
        program = program_of(LAYERS, (10, 10, 2), threads=1)
        program({"input": np.ones((1, 10, 10, 2))}, lambda layer, share: reports.append((layer, share)))
    begun = {}
    for layer, share in reports:
        begun.setdefault(layer, share)
    assert list(begun) == ["conv2d", "max_pooling2d", "dense"]
    np.testing.assert_allclose(list(begun.values()), [0, WORK[0] / sum(WORK), sum(WORK[:2]) / sum(WORK)])
    shares = [share for _, share in reports]
    assert shares == sorted(shares)
    np.testing.assert_allclose(shares[-1], 1)
