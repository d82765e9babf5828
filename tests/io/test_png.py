"""PNG files as they are written: Pillow reads the same values."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.io import images, png

RANDOM = np.random.default_rng(0)
SMOOTH = np.add.outer(np.arange(70), 3 * np.arange(50))  # rows that Sub and Up filter well


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (70, 50), (70, 50, 3), (3000, 400)])
def test_a_png_holds_its_pixels(dtype, shape):
    pixels = RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    pixels[: len(SMOOTH), : SMOOTH.shape[1]] = SMOOTH[: shape[0], : shape[1]].reshape(
        -1, min(shape[1], 50), *shape[2:] and [1]
    )
    read = images.decode(png.encode(pixels, {})).values
    np.testing.assert_array_equal(read, pixels, strict=True)


def test_filters_make_a_smooth_picture_small():
    assert len(png.encode(SMOOTH.astype(np.uint16), {})) < SMOOTH.size // 4  # of 2 bytes each


def test_a_png_holds_its_texts():
    content = png.encode(np.zeros((2, 2), np.uint8), {"Scale": "0 to ½", "Software": "convcli"})
    assert Image.open(io.BytesIO(content)).text == {"Scale": "0 to ½", "Software": "convcli"}


def test_a_side_that_png_cannot_count_is_an_error():
    with pytest.raises(ConvcliError, match=r"2,147,483,648×1 pixels \(at most 2,147,483,647 along a side\)"):
        png.encode(np.broadcast_to(np.uint8(0), (1, 1 << 31)), {})
