"""Inputs that are read whole or by tiles, with the memory that this takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from convcli.core.shapes import DataFormat
from convcli.io.layout import to_batch
from convcli.io.lazy_input import LazyInput
from convcli.io.preprocessing import Preprocessing, ScaleFactor

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST


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
def test_gray_leaves_one_channel(shape, rank, data_format, expected):
    lazy = LazyInput(np.ones(shape), lambda array: to_batch(array, rank, data_format), Preprocessing(gray=True))
    assert lazy.shape == lazy.read().shape == expected


def test_a_tile_is_the_same_part_of_the_whole():
    array = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
    lazy = LazyInput(array, lambda view: view, Preprocessing(gray=True, scale=ScaleFactor(1, 255)))
    samples, space = slice(1, 4), (slice(2, 6), slice(0, 5))
    whole, tile = lazy.read(), lazy.read(samples=samples, space=space)
    np.testing.assert_array_equal(tile, whole[(samples, *space)], strict=True)


@pytest.mark.parametrize(
    ("dtype", "shape", "preprocessing"),
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
def test_reading_takes_at_most_the_memory_that_is_stated(dtype, shape, preprocessing, data_format):
    array = np.ones((shape[0], *data_format.from_channels_last(shape[1:])), dtype)
    lazy = LazyInput(array, lambda view: to_batch(view, 2, data_format), preprocessing)
    tracemalloc.start()
    lazy.read("float32")
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken <= lazy.bytes_needed("float32") + 4096
    assert lazy.bytes_needed("float32") <= 4 * taken
