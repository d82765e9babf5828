"""TIFF files as they are written: Pillow reads the same values, page by page."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.io import images, tiff

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("description", ["", "0 to 1", "five!"])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 3)])
@pytest.mark.parametrize("count", [1, 3])
def test_a_tiff_holds_its_pages(count, shape, dtype, description):
    if dtype == "float32" and len(shape) == 3:
        pytest.skip("Pillow reads no colour in float")
    pages = RANDOM.integers(0, 256, (count, *shape)).astype(dtype)
    content = tiff.encode(pages, description)
    read = images.decode(content)
    assert (read.values.dtype, read.is_stack) == (pages.dtype.newbyteorder("="), count > 1)
    np.testing.assert_array_equal(read.values, pages if count > 1 else pages[0])
    assert Image.open(io.BytesIO(content)).tag_v2[270] == description


def test_more_than_a_tiff_holds_is_an_error_before_the_pixels_are_copied():
    with pytest.raises(ConvcliError, match=r"4,294,967,296 bytes of pixels in a TIFF file \(at most 4 GiB"):
        tiff.encode(np.broadcast_to(np.uint8(0), (1, 1 << 16, 1 << 16)))
