"""What is done to an input array before a model has it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io.layout import to_batch
from convcli.io.lazy_input import LazyInput
from convcli.io.preprocessing import LUMA_WEIGHTS, Preprocessing, ScaleFactor, parse_scale_factor, scale, to_gray

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("2", ScaleFactor(2)),
        ("1/255", ScaleFactor(1, 255)),
        ("-0.5", ScaleFactor(-0.5)),
        (" 1e-3 / 4 ", ScaleFactor(1e-3, 4)),
    ],
)
def test_a_factor(text, factor):
    assert parse_scale_factor(text) == factor


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/2/3", "nan", "inf", "1/inf", "/2"])
def test_what_is_no_factor_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"is not a factor \(a number or quotient, such as 1/255\)$"):
        parse_scale_factor(text)


@given(st.integers(0, 255), st.integers(1, 65535))
def test_a_quotient_is_rounded_once(value, below):
    assert scale(np.array([value], np.uint8), ScaleFactor(1, below))[0] == value / below


def test_scaled_in_the_type_that_is_computed_in():
    assert scale(np.array([51], np.uint8), ScaleFactor(1, 255)).tolist() == [0.2]
    assert scale(np.array([3], np.float32), ScaleFactor(1, 3)).dtype == np.float32
    assert scale(np.array([True]), ScaleFactor(5)).tolist() == [5.0]


def test_luma_by_hand():
    picture = np.array([[[10, 20, 30], [255, 255, 255]]], np.uint8)
    expected = [10 * 0.299 + 20 * 0.587 + 30 * 0.114, 255 * 0.299 + 255 * 0.587 + 255 * 0.114]
    assert to_gray(picture).tolist() == [[[each] for each in expected]]
    assert abs(sum(LUMA_WEIGHTS) - 1) < 1e-15


def test_luma_is_what_pillow_rounds():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    rounded = np.asarray(Image.fromarray(picture).convert("L"))
    assert np.abs(to_gray(picture)[..., 0] - rounded).max() < 0.51


@pytest.mark.parametrize(
    ("shape", "rank", "data_format", "expected"),
    [
        ((4, 5), 2, LAST, (1, 4, 5, 1)),
        ((4, 5, 1), 2, LAST, (1, 4, 5, 1)),
        ((4, 5, 3), 2, LAST, (1, 4, 5, 1)),
        ((2, 4, 5, 4), 2, LAST, (2, 4, 5, 1)),
        ((3, 4, 5), 2, FIRST, (1, 4, 5, 1)),
        ((2, 4, 6, 5), 2, FIRST, (2, 6, 5, 1)),
        ((3, 9), 1, FIRST, (1, 9, 1)),
        ((2, 5, 3), None, LAST, (2, 5, 1)),
        ((2, 3, 5), None, FIRST, (2, 5, 1)),
    ],
)
def test_the_channel_axis_becomes_one(shape, rank, data_format, expected):
    source = LazyInput(np.ones(shape), lambda each: to_batch(each, rank, data_format), Preprocessing(gray=True))
    assert source.shape == source.read().shape == expected


def test_alpha_is_left_out():
    picture = np.arange(32.0).reshape(2, 4, 4)
    np.testing.assert_array_equal(to_gray(picture), to_gray(picture[..., :3]))
    np.testing.assert_array_equal(to_gray(picture[..., :2]), picture[..., :1])  # of grey and alpha


@pytest.mark.parametrize("shape", [(4, 6, 5), (1, 6)])
def test_other_counts_of_channels_are_an_error(shape):
    with pytest.raises(ConvcliError, match="3 or 4: red, green, blue, alpha"):
        to_gray(np.ones(shape))


@pytest.mark.parametrize(
    ("kind", "shape", "preparation"),
    [
        ("uint8", (1, 500, 400, 3), Preprocessing(gray=True)),
        ("uint8", (1, 500, 400, 3), Preprocessing(gray=True, scale=ScaleFactor(1, 255))),
        ("uint8", (1, 500, 400, 4), Preprocessing(scale=ScaleFactor(1, 255))),
        ("float32", (1, 500, 400, 3), Preprocessing(gray=True)),
        ("int16", (2, 300, 400, 3), Preprocessing()),
        ("float32", (2, 300, 400, 3), Preprocessing()),
    ],
)
@pytest.mark.parametrize("data_format", [LAST, FIRST])
def test_what_preparing_takes(kind, shape, preparation, data_format):
    source = LazyInput(
        np.ones(data_format.from_channels_last(shape[1:]), kind)[None].repeat(shape[0], 0),
        _whole(data_format),
        preparation,
    )
    tracemalloc.start()
    source.read("float32")
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= source.bytes_needed("float32") + 4096
    assert source.bytes_needed("float32") <= 4 * taken


def _whole(data_format):
    return lambda array: to_batch(array, 2, data_format)
