"""The dtype and the axes that an array is computed with. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.io import layout

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST


@pytest.mark.parametrize(
    ("stored", "computed"),
    [
        *((dtype, "float64") for dtype in ("bool", "int8", "uint16", ">i4", "uint64", "float64", ">f8", "longdouble")),
        *((dtype, "float32") for dtype in ("float16", "float32", ">f4")),
    ],
)
def test_numbers_are_computed_in_float64_unless_they_are_float32_or_float16(stored, computed):
    assert layout.to_float(np.ones(2, stored)).dtype == np.dtype(computed)
    assert layout.to_float(np.ones(2, stored), "float32").dtype == np.dtype("float32")


@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_are_exact_up_to_two_to_the_53rd(sign):
    assert layout.to_float(np.array([sign * 2**53])).tolist() == [sign * 2**53]
    with pytest.raises(ConvcliError, match=rf"^float64 does not hold the whole number {sign * (2**53 + 1)} exactly"):
        layout.to_float(np.array([sign * (2**53 + 1)]))


X = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("array", "rank", "data_format", "shape"),
    [
        (X[0, 0], 2, LAST, (1, 4, 5, 1)),
        (X[0], 2, LAST, (1, 3, 4, 5)),
        (X, 2, LAST, (2, 3, 4, 5)),
        (X[0, 0], 2, FIRST, (1, 4, 5, 1)),
        (X[0], 2, FIRST, (1, 4, 5, 3)),
        (X, 2, FIRST, (2, 4, 5, 3)),
        (X[0, 0, 0], 1, LAST, (1, 5, 1)),
        (X[0, 0, 0], 0, LAST, (1, 5)),  # no spatial axis: one sample's channels
        (X[0, 0], 0, LAST, (4, 5)),
        (X[0, 0], None, LAST, (4, 5)),  # whole: a batch, and channels
        (X[0, 0], None, FIRST, (4, 5)),
        (X, None, FIRST, (2, 4, 5, 3)),
    ],
)
def test_the_number_of_axes_tells_which_they_are(array, rank, data_format, shape):
    assert layout.to_batch(array, rank, data_format).shape == shape


@pytest.mark.parametrize(("ndim", "rank"), [(0, 0), (0, 1), (1, 2), (4, 1), (3, 0), (0, None), (1, None)])
def test_too_few_or_too_many_axes_are_an_error(ndim, rank):
    with pytest.raises(ConvcliError, match=r"has rank \d \(rank \d: one sample|has no batch and channel axis"):
        layout.to_batch(np.zeros((1,) * ndim), rank, LAST)


@given(random_arrays.array_shapes(min_dims=2, max_dims=5, max_side=4), st.sampled_from(DataFormat), st.booleans())
def test_an_array_becomes_a_batch_and_the_same_array_again(shape, data_format, known):
    array = np.arange(np.prod(shape)).reshape(shape)
    batch = layout.to_batch(array, len(shape) - 2 if known else None, data_format)
    np.testing.assert_array_equal(layout.from_batch(batch, data_format), array, strict=True)
    channels = shape[1] if data_format is FIRST else shape[-1]
    assert (batch.shape[0], batch.shape[-1]) == (shape[0], channels)


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((0, 4, 4, 1), "Conv2D([[1]])"),
        ((1, 0, 4, 1), "GlobalMaxPooling2D()"),
        ((1, 4, 4, 0), "Softmax()"),
    ],
)
def test_an_array_without_values_is_an_error(convcli, tmp_path, shape, layer):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    done = convcli("apply", tmp_path / "x.npy", "-l", layer, "-f", "json")
    message = f"{tmp_path / 'x.npy'}: shape {shape} holds no values (at least one)"
    assert (done.exit_code, done.stderr) == (1, f"Error: {message}\n")
