"""Which steps become one operation, and that this does not change the result."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.engine.bind_weights import WeightSource, bind
from convcli.engine.fusion import fuse
from convcli.model.plan import make_plan

BLOCK = [
    "ZeroPadding2D(1)",
    "Conv2D(4, 3, use_bias=False)",
    "BatchNormalization()",
    "ReLU()",
    "Flatten()",
    "Dense(2, activation='softmax')",
]


def fused(layers, keep=()):
    """Return the value that each operation makes, the kind of its step, and the length of its epilogue."""
    model = convcli.load({"layers": layers})
    plan = make_plan(model, {"input": (8, 8, 2)})
    weights = bind(plan, WeightSource(seed=0), "float32")
    operations, _ = fuse(plan, weights, [*keep, *model.outputs], "float32")
    return [
        (operation.output, operation.step and type(operation.step).__name__, len(operation.epilogue))
        for operation in operations
    ]


def test_steps_that_follow_each_other_are_one_operation():
    assert fused(BLOCK) == [
        ("re_lu", "Correlate", 2),
        ("flatten", "ChangeShape", 0),
        (("dense", 0), "Correlate", 0),
        ("dense", "Activate", 0),
    ]


def test_a_result_is_not_fused_into_another_operation():
    assert fused(BLOCK[:4], ["conv2d"]) == [("conv2d", "Correlate", 0), ("re_lu", None, 2)]


def test_a_value_that_is_read_twice_is_not_fused_into_another_operation():
    read_twice = [*BLOCK[:2], "ReLU()", "Add(inputs=['conv2d', 're_lu'])"]
    assert fused(read_twice) == [("conv2d", "Correlate", 0), ("re_lu", None, 1), ("add", "Merge", 0)]


@pytest.mark.parametrize("padding", [[[2, 1]], "same", "valid", [[0, 3]]])
@pytest.mark.parametrize("before", ["Cropping1D((2, 1))", "Cropping1D((0, 2))", "ZeroPadding1D((1, 3))"])
def test_padding_or_cropping_before_a_convolution_is_as_by_itself(before, padding):
    x = np.arange(12.0).reshape(1, 12, 1) ** 2
    kernel = {"conv1d/kernel": np.array([1.0, 10, 100, 1000, 10000]).reshape(5, 1, 1)}
    conv = {"conv1d": {"filters": 1, "kernel_size": 5, "padding": padding, "use_bias": False}}
    alone = convcli.apply(convcli.load([before]), x)
    expected = convcli.apply(convcli.load([conv]), alone, weights=kernel)
    assert np.array_equal(convcli.apply(convcli.load([before, conv]), x, weights=kernel), expected)


def test_a_step_within_a_layer_is_not_mistaken_for_another_layer():
    layers = [
        {"rescaling": {"scale": 100, "inputs": "input", "name": "a 0"}},
        {"dense": {"units": 1, "activation": "softmax", "inputs": "input", "name": "a"}},
        {"add": {"inputs": ["a", "a 0"]}},
    ]
    model = convcli.load({"input": [1], "layers": layers})
    assert convcli.apply(model, np.ones((1, 1)), seed=0).tolist() == [[101]]
