"""Arithmetic with unknown extents, shapes as text, and the two data formats."""

from __future__ import annotations

import pytest

from convcli.core import shapes
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat

LAST, FIRST = DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST


def test_what_follows_from_an_unknown_extent_is_unknown():
    assert (shapes.product([2, 3, 4]), shapes.product([2, None, 4]), shapes.product([])) == (24, None, 1)
    assert (shapes.total([2, 3, 4]), shapes.total([2, None, 4]), shapes.total([])) == (9, None, 0)
    assert (shapes.quotient(7, 2), shapes.quotient(None, 2), shapes.quotient(7, None)) == (3, None, None)


def test_shapes_and_extents_as_text():
    assert shapes.format_shape((None, 26, 26, 40)) == "(None, 26, 26, 40)"
    assert shapes.format_shape((5,)) == "(5,)"
    assert shapes.format_extents((28, None, 1)) == "28×?×1"
    assert shapes.format_extents((2.5, 1 / 3)) == "2.5×0.333333333333"
    assert shapes.format_extents((28, None), unknown="any", show=lambda extent: f"<{extent}>") == "<28>×any"


def test_axes_have_names_up_to_three_dimensions():
    assert shapes.axis_names(2) == ("height", "width")
    assert shapes.axis_names(4) == ("axis 0", "axis 1", "axis 2", "axis 3")


@pytest.mark.parametrize(
    ("data_format", "axis", "index"),
    [(LAST, 1, 0), (LAST, -1, 2), (LAST, 3, 2), (FIRST, 1, 2), (FIRST, -1, 1), (FIRST, 2, 0)],
)
def test_axis_numbers_are_keras_s(data_format, axis, index):
    assert data_format.resolve_axis(axis, 3) == index


@pytest.mark.parametrize("axis", [0, 4, -4])
def test_an_axis_that_the_input_lacks_is_an_error(axis):
    with pytest.raises(ConvcliError, match=f"axis {axis} is not one of the input's 4 axes"):
        LAST.resolve_axis(axis, 3)


def test_data_formats_are_inverse():
    assert FIRST.to_channels_last((3, 28, 20)) == (28, 20, 3)
    assert FIRST.from_channels_last((28, 20, 3)) == (3, 28, 20)
    assert FIRST.from_channels_last((10,)) == (10,)
    assert LAST.reinterpret((3, 28, 20)) == (28, 20, 3)
    assert FIRST.reinterpret((28, 20, 3)) == (3, 28, 20)


def test_an_unknown_data_format_is_an_error():
    with pytest.raises(ConvcliError, match=r"^data_format: 'NCHW' \(channels_last or channels_first\)$"):
        DataFormat.parse("NCHW")
