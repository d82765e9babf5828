"""Activations at corners and extremes; `test_reference` compares their curves with Keras's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convcli.model.activations import ACTIVATIONS, input_gradient


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"glu"}))
def test_float32_stays_float32_and_nan_stays_where_it_is(name):
    x = np.array([[-2.0, np.nan, 3.0], [0.5, 1.0, -1.0]], np.float32)
    y = ACTIVATIONS[name](x)
    assert (y.dtype, y.shape) == (np.float32, x.shape)
    assert np.isnan(y[0, 1])
    assert np.isfinite(y[1]).all()


def test_sparsemax_subtracts_what_makes_the_positive_values_sum_to_one():
    # [0, 1/2, 1] - 1/4, cut off at 0
    assert ACTIVATIONS["sparsemax"](np.array([0, 0.5, 1])).tolist() == [0, 0.25, 0.75]


def test_sparsemax_of_great_values_does_not_overflow():
    assert ACTIVATIONS["sparsemax"](np.array([1e30, 1, 1e30, -1e30])).tolist() == [0.5, 0, 0.5, 0]


def test_gelu_is_right_to_twelve_digits():
    x = np.linspace(-9, 9, 1001)
    exact = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x]
    assert np.abs(ACTIVATIONS["gelu"](x) - exact).max() < 1e-12


def test_gelu_of_great_values_is_0_or_x():
    assert ACTIVATIONS["gelu"](np.array([-1e300, -1e6, 1e6])).tolist() == [0, 0, 1e6]


@pytest.mark.parametrize(
    ("name", "low", "high"), [("relu", 0, 7e99), ("sigmoid", 0, 1), ("softplus", 0, 7e99), ("tanh", -1, 1)]
)
def test_great_values_do_not_overflow(name, low, high):
    assert ACTIVATIONS[name](np.array([-7e99, 7e99])).tolist() == [low, high]


def test_softmax_of_great_values_does_not_overflow():
    assert ACTIVATIONS["softmax"](np.array([1e300, 1e300])).tolist() == [0.5, 0.5]


def test_relu_takes_a_threshold_a_slope_and_a_maximum():
    x = np.array([-np.inf, 1.0, 2.0, 2.5, np.inf])
    assert ACTIVATIONS["relu"](x, threshold=2.0, max_value=9).tolist() == [0, 0, 0, 2.5, 9]
    assert ACTIVATIONS["relu"](x[1:], negative_slope=0.5, threshold=2.0).tolist() == [-0.5, 0, 2.5, np.inf]


@pytest.mark.parametrize(
    ("name", "corners", "derivatives"),
    [
        ("relu", [0], [0]),
        ("relu6", [0, 6], [0, 0]),
        ("leaky_relu", [0], [0.2]),
        ("elu", [-1, 0], [math.exp(-1), 1]),
        ("hard_sigmoid", [-3, 3], [0, 0]),
        ("soft_shrink", [-0.5, 0.5], [0, 0]),
        ("hard_shrink", [-0.5, 0.5], [0, 0]),
        ("sparse_plus", [-1, 0, 1], [0, 0.5, 1]),
        ("sparse_sigmoid", [-1, 0, 1], [0, 0.5, 0]),
    ],
)
def test_derivatives_at_corners_are_those_of_tensorflow(name, corners, derivatives):
    x = np.array(corners, float)
    dx = input_gradient(name, x, ACTIVATIONS[name](x), np.ones(len(x)))
    np.testing.assert_allclose(dx, derivatives, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exponential"}))
def test_gradients_of_great_values_stay_float32_and_finite(name):
    x = np.array([[-1e30, -1e4, -100, 0], [100, 1e4, 1e30, 1]], np.float32)
    with np.errstate(all="ignore"):
        y = ACTIVATIONS[name](x)
        dx = input_gradient(name, x, y, np.ones_like(y))
    assert (dx.dtype, dx.shape) == (np.float32, x.shape)
    assert np.isfinite(dx).all()


def test_the_gradient_of_relu_follows_all_its_parameters():
    x, dy = np.array([-1.0, 0.5, 2.0, 3.0, 4.0]), np.full(5, 10.0)
    parameters = {"negative_slope": 0.5, "threshold": 1.0, "max_value": 3.0}
    y = ACTIVATIONS["relu"](x, **parameters)
    # As in Keras, the derivative at the maximum itself is 1.
    assert input_gradient("relu", x, y, dy, **parameters).tolist() == [5, 5, 10, 10, 0]
