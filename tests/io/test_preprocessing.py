"""Grey and scaled inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.io.preprocessing import LUMA_WEIGHTS, ScaleFactor, parse_scale_factor, scale, to_gray


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("2", ScaleFactor(2)),
        ("1/255", ScaleFactor(1, 255)),
        ("-0.5", ScaleFactor(-0.5)),
        (" 1e-3 / 4 ", ScaleFactor(1e-3, 4)),
    ],
)
def test_a_factor_is_a_number_or_a_quotient(text, factor):
    assert parse_scale_factor(text) == factor


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/2/3", "nan", "inf", "1/inf", "/2"])
def test_a_text_that_is_not_a_factor_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"is not a factor \(a number or quotient, such as 1/255\)$"):
        parse_scale_factor(text)


@given(st.integers(0, 255), st.integers(1, 65535))
def test_a_quotient_is_rounded_once(value, denominator):
    assert scale(np.array([value], np.uint8), ScaleFactor(1, denominator))[0] == value / denominator


def test_scaled_values_have_the_dtype_that_is_computed_in():
    assert scale(np.array([51], np.uint8), ScaleFactor(1, 255)).tolist() == [0.2]
    assert scale(np.array([3], np.float32), ScaleFactor(1, 3)).dtype == np.float32
    assert scale(np.array([True]), ScaleFactor(5)).tolist() == [5.0]


def test_luma_is_the_weighted_sum_of_the_colours():
    image = np.array([[[10, 20, 30], [255, 255, 255]]], np.uint8)
    expected = [10 * 0.299 + 20 * 0.587 + 30 * 0.114, 255 * 0.299 + 255 * 0.587 + 255 * 0.114]
    assert to_gray(image).tolist() == [[[luma] for luma in expected]]
    assert abs(sum(LUMA_WEIGHTS) - 1) < 1e-15


def test_luma_is_pillow_s_before_rounding():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    rounded = np.asarray(Image.fromarray(image).convert("L"))
    assert np.abs(to_gray(image)[..., 0] - rounded).max() < 0.51


def test_alpha_is_ignored():
    image = np.arange(32.0).reshape(2, 4, 4)
    np.testing.assert_array_equal(to_gray(image), to_gray(image[..., :3]))
    np.testing.assert_array_equal(to_gray(image[..., :2]), image[..., :1])  # of grey and alpha


@pytest.mark.parametrize("shape", [(4, 6, 5), (1, 6)])
def test_five_or_more_channels_are_an_error(shape):
    with pytest.raises(ConvcliError, match="3 or 4: red, green, blue, alpha"):
        to_gray(np.ones(shape))
