"""Shapes and data formats."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat

FIRST, LAST = DataFormat.CHANNELS_FIRST, DataFormat.CHANNELS_LAST


@pytest.mark.parametrize(
    ("data_format", "axis", "index"),
    [(LAST, 1, 0), (LAST, -1, 2), (LAST, 3, 2), (FIRST, 1, 2), (FIRST, -1, 1), (FIRST, 2, 0)],
)
def test_axis_numbers_are_keras_s(data_format, axis, index):
    assert data_format.resolve_axis(axis, 3) == index


@pytest.mark.parametrize("axis", [0, 4, -4])
def test_an_axis_that_is_not_there_is_an_error(axis):
    with pytest.raises(ConvcliError, match=f"axis {axis} is not one of the input's 4 axes"):
        LAST.resolve_axis(axis, 3)


def test_a_shape_goes_to_channels_last_and_back():
    assert FIRST.to_channels_last((3, 28, 20)) == (28, 20, 3)
    assert FIRST.from_channels_last((28, 20, 3)) == (3, 28, 20)
    assert FIRST.from_channels_last((10,)) == (10,)
