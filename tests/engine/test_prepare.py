"""What is decided before the first run: algorithms, and scales that are folded into kernels."""

from __future__ import annotations

import numpy as np
import pytest
from levels import core_at
from programs import program_of

import convcli
from convcli.engine.program import MANY_SAMPLES

NORMALIZED = ["ZeroPadding2D(1)", "Conv2D(4, 3, use_bias=False)", "BatchNormalization()", "ReLU()"]


def test_folding_a_scale_changes_float32_results_by_rounding_only():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 8, 8, 2))
    weights = {
        "conv2d/kernel": generator.normal(size=(3, 3, 2, 4)),
        **{f"batch_normalization/{name}": generator.normal(size=4) for name in ("gamma", "beta", "moving_mean")},
        "batch_normalization/moving_variance": generator.uniform(0.1, 3, 4),
    }
    model = convcli.load(NORMALIZED)
    exact = convcli.apply(model, x, weights=weights, algorithm="plain")
    assert np.allclose(convcli.apply(model, x, weights=weights), exact, rtol=0, atol=1e-13)
    y = convcli.apply(model, x, weights=weights, dtype="float32")
    assert np.abs(y - exact).max() < 1e-6 * np.abs(exact).max()


def test_a_scale_is_not_folded_into_a_kernel_of_whole_numbers():
    generator = np.random.default_rng(0)
    x = np.rint(generator.normal(size=(2, 8, 8, 2)))
    weights = {"conv2d/kernel": np.rint(3 * generator.normal(size=(3, 3, 2, 4)))}
    unscaled = convcli.apply(convcli.load(NORMALIZED[:2]), x, weights=weights, dtype="float32")
    scaled = convcli.apply(convcli.load([*NORMALIZED[:2], "Rescaling(1/3)"]), x, weights=weights, dtype="float32")
    assert np.array_equal(scaled, unscaled * np.float32(1 / 3))


def test_a_scale_is_not_folded_out_of_the_range_of_the_type():
    weights = {
        "conv2d/kernel": np.full((1, 1, 1, 1), 1.5e-30),
        "batch_normalization/gamma": np.full(1, 1e-20),
        "batch_normalization/moving_variance": np.ones(1),
        **{f"batch_normalization/{name}": np.zeros(1) for name in ("beta", "moving_mean")},
    }
    layers = ["Conv2D(1, 1, use_bias=False)", "BatchNormalization(epsilon=0)"]
    y = convcli.apply(convcli.load(layers), np.full((1, 2, 2, 1), 1e30, np.float32), weights=weights)
    assert np.allclose(y, 1.5e-20, rtol=1e-5)  # 1e30 · 1.5e-30 · 1e-20


def test_each_share_of_the_filters_gets_its_own_bias():
    model = convcli.load(["Dense(6000)"])
    weights = {"dense/kernel": np.ones((4000, 6000), np.float32), "dense/bias": np.arange(6000, dtype=np.float32)}
    y = convcli.apply(model, np.ones((2, 4000), np.float32), weights=weights)
    assert np.array_equal(y, np.tile(4000 + np.arange(6000, dtype=np.float32), (2, 1)))


def test_a_program_names_the_algorithm_of_each_kernel():
    with core_at("numpy"):
        program = program_of(
            ["SeparableConv2D(4, 3)", "Conv2DTranspose(2, 2, strides=2)", "MaxPooling2D(2)"], (9, 9, 8)
        )
    assert program.algorithms_used == {"separable_conv2d": ("channelwise", "patches"), "conv2d_transpose": ("phases",)}


def test_a_program_names_the_algorithms_that_ran_rather_than_the_one_that_was_chosen():
    with core_at("numpy"):
        program = program_of(["Conv2D(64, 3)"], (32, 32, 64), dtype="float32", tolerance=1e-5, samples=MANY_SAMPLES)
    assert program.algorithms_used == {"conv2d": ("winograd",)}
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 64)).astype(np.float32)
    used = []
    for infinite_samples in ((), (1,), (0, 1)):
        x[list(infinite_samples)] = np.inf
        with np.errstate(invalid="ignore"):
            program({"input": x})
        used.append(program.algorithms_used["conv2d"])
    assert used == [("winograd",), ("winograd", "patches"), ("patches",)]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("DepthwiseConv2D(3, padding='same')", (3, 3, 8, 1)), ("Conv2DTranspose(8, 3, strides=2)", (3, 3, 8, 8))],
)
def test_infinite_weights_meet_the_zeros_of_padding_with_every_algorithm(layer, shape):
    kernel = np.ones(shape)
    kernel[0, 0] = np.inf
    model = convcli.load([layer])
    (name,) = model.outputs
    weights = {f"{name}/kernel": kernel, f"{name}/bias": np.zeros(8)}
    with np.errstate(invalid="ignore"):  # infinity times 0 is not a number
        plain, auto = (
            np.isnan(convcli.apply(model, np.ones((1, 5, 5, 8)), weights=weights, algorithm=algorithm)).sum()
            for algorithm in ("plain", "auto")
        )
    assert plain == auto > 0
