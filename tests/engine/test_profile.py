"""The times of a program, layer by layer."""

from __future__ import annotations

import numpy as np
from programs import program_of

from convcli.engine.machine_limits import MachineLimits, measure_limits
from convcli.engine.profile import profile

LIMITS = MachineLimits(flops=1e9, bytes=1e9)
LAYERS = [
    "Conv2D(4, 3, name='convolution')",
    "BatchNormalization(name='scale')",
    "ReLU(name='activation')",
    "ZeroPadding2D(1, name='padding')",
    "SeparableConv2D(2, 3, name='separable')",
    "Dropout(0.5, name='dropout')",
    "Flatten(name='flat')",
]


def test_each_layer_has_its_operations_or_names_the_layer_that_computes_it():
    program = program_of(LAYERS, (10, 10, 3), dtype="float32", threads=1)
    result = profile(program, {"input": np.ones((2, 10, 10, 3), "float32")}, LIMITS, seconds=0)
    layers = result.layers
    assert {name: time.fused_into for name, time in layers.items() if time.fused_into} == {
        "scale": "convolution",
        "activation": "convolution",
        "padding": "separable",
    }
    assert layers["convolution"].flops == 2 * 2 * (8 * 8 * 4 * 3 * 3 * 3)  # two samples
    assert layers["convolution"].moved == 4 * (2 * (10 * 10 * 3 + 8 * 8 * 4) + 3 * 3 * 3 * 4 + 4)
    assert layers["separable"].flops == 2 * 2 * (8 * 8 * 4 * 3 * 3 + 8 * 8 * 4 * 2)
    assert (layers["dropout"].seconds, layers["dropout"].flops, layers["dropout"].moved) == (0, 0, 0)
    assert result.runs == 3
    assert 0 < sum(time.seconds for time in layers.values()) <= 1.5 * result.seconds


def test_the_least_time_is_that_of_the_nearer_limit():
    assert MachineLimits(flops=10, bytes=5).least_seconds(100, 20) == 10
    assert MachineLimits(flops=10, bytes=1).least_seconds(100, 20) == 20


def test_the_limits_of_this_machine_are_measured():
    limits = measure_limits("float32", 1)
    assert limits.flops > 1e8
    assert limits.bytes > 1e8
