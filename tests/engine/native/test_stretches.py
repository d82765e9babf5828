"""Stretches of operations in one call of the core: what joins them, their values in one arena, and their results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levels import LEVELS_HERE, at_every_level, core_at
from programs import UNET, program_of

from convcli.engine.native_operations import NativeOperation, Stretch, plan_arena

RESIDUAL = [
    "Conv2D(40, 3, padding='same', activation='relu', name='a')",
    "Conv2D(40, 3, padding='same', name='b')",
    "BatchNormalization(name='n')",
    "Add(inputs=['n', 'a'], name='s')",
    "ReLU(6)",
    "MaxPooling2D(3, 2, padding='same')",
    "DepthwiseConv2D(3, padding='same', activation='hard_silu')",
    "Conv2D(24, 1, activation='leaky_relu')",
    "GlobalAveragePooling2D()",
    "Dense(10)",
    "Softmax()",
]
MERGES = [
    "Conv2D(16, 1, name='a')",
    "Conv2D(16, 3, padding='same', inputs='input', name='b')",
    "Multiply(inputs=['a', 'b'], name='m')",
    "Maximum(inputs=['m', 'a'])",
    "Average(inputs=['maximum', 'b'])",
    "Add(inputs=['average', 'average'])",
    "Conv2DTranspose(8, 4, strides=2, padding='same')",
    "Flatten()",
    "Dense(5)",
]


@at_every_level
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("layers", "shape"), [(RESIDUAL, (19, 23, 5)), (MERGES, (9, 7, 12)), (UNET, (32, 48, 2))], ids=["a", "b", "unet"]
)
def test_a_network_gives_what_numpy_gives(level, layers, shape, dtype):
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(dtype)
    with core_at("numpy"):
        (expected,) = program_of(layers, shape, dtype=dtype)({"input": x}).values()
    with core_at(level):
        program = program_of(layers, shape, dtype=dtype, tolerance=0 if dtype == "float64" else 1e-5, threads=2)
        results = [next(iter(program({"input": part}).values())) for part in (x, x[:1], x)]
    scale = np.abs(expected).max()
    for result in results:
        assert np.abs(result - expected[: len(result)]).max() <= 50 * np.finfo(dtype).eps * scale
    assert np.array_equal(results[0], results[2])


@pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
def test_operations_of_the_core_run_in_one_call_and_a_sum_joins_its_convolution():
    units = program_of(RESIDUAL, (19, 23, 5))._units
    assert isinstance(units[0], Stretch)
    assert [item.operation.layer for item in units[0].operations] == [
        *("a", "b", "max_pooling2d", "depthwise_conv2d", "conv2d", "global_average_pooling2d", "dense")
    ]
    assert units[0].operations[1].operation.inputs == ("a", "a")  # the sum of the two, by the second convolution
    assert [unit.operation.layer for unit in units[1:]] == ["softmax"]


@pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
def test_values_within_a_stretch_share_an_arena():
    layers = ["Conv2D(16, 3, padding='same', activation='relu')"] * 8
    (stretch,) = program_of(layers, (40, 40, 16), dtype="float32")._units
    assert stretch._planned(2).size == 2 * (2 * 40 * 40 * 16 * 4)  # two values of two samples live at a time


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_values_that_live_at_the_same_time_do_not_overlap(values):
    sizes = {str(number): size for number, (size, _, _) in enumerate(values)}
    spans = {str(number): (min(pair), max(pair)) for number, (_, *pair) in enumerate(values)}
    places, whole = plan_arena(sizes, spans)
    for name, offset in places.items():
        assert offset + sizes[name] <= whole
        for other in places:
            together = spans[name][0] <= spans[other][1] and spans[other][0] <= spans[name][1]
            apart = offset + sizes[name] <= places[other] or places[other] + sizes[other] <= offset
            assert other == name or apart or not together


@pytest.mark.skipif("not built" in LEVELS_HERE, reason="no core")
def test_every_layer_may_be_a_result():
    names = ["a", "b", "n", "s", "max_pooling2d", "dense"]
    x = np.random.default_rng(0).normal(size=(2, 19, 23, 5))
    with core_at("numpy"):
        expected = program_of(RESIDUAL, (19, 23, 5), names)({"input": x})
    results = program_of(RESIDUAL, (19, 23, 5), names)({"input": x})
    for name in names:
        assert np.allclose(results[name], expected[name], rtol=1e-12, atol=1e-12), name
    assert isinstance(program_of(RESIDUAL, (19, 23, 5), names)._units[0].operations[0], NativeOperation)
