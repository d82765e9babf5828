"""Where windows land, by hand."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.model.window import Window, sliding_window, transposed_window

FIRST, LAST = DataFormat.CHANNELS_FIRST, DataFormat.CHANNELS_LAST


@pytest.mark.parametrize(
    ("width", "setting", "expected"),
    [
        (8, Window(3), 8 - 3 + 1),
        (224, Window(7, 2, before=3, after=3), (224 - 7 + 3 + 3) // 2 + 1),
        (10, Window(3, 2, dilation=3), (10 - 7) // 2 + 1),
        (5, Window(3, before=-1, after=-1), 1),
        (None, Window(3), None),
        # ceil: 3 places of a 2-wide window at stride 2 over 5 cells, the last hanging out by one
        (5, Window(2, 2, ceil=True), 3),
        # the fourth would start in the trailing padding (0 + 6 >= 5 + 1), so it is dropped
        (5, Window(2, 2, before=1, after=1, ceil=True), 3),
        (2, Window(3, 2, ceil=True), 1),
        # stretched by 2, 3 cells take up 5; a 4-wide window over 3 + 5 + 3 of them
        (3, Window(4, before=3, after=3, upsample=2), 8),
    ],
)
def test_positions(width, setting, expected):
    assert setting.output_extent(width) == expected


@pytest.mark.parametrize(
    ("setting", "smallest"),
    [
        (Window(5), 5),
        (Window(5, before=1, after=1), 3),
        (Window(3, dilation=4), 9),
        (Window(3, 2, ceil=True), 2),
        (Window(5, upsample=2), 3),
        (Window(2, before=2, after=2), 1),
    ],
)
def test_the_smallest_width_is_the_first_that_fits(setting, smallest):
    assert setting.smallest_input() == smallest
    assert (setting.output_extent(smallest) or 0) >= 1
    with pytest.raises(ConvcliError, match=f"at least {smallest} would do"):
        setting.output_extent(smallest - 1)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "width", "before", "after"),
    [
        (3, 1, "same", 8, 1, 1),
        (4, 1, "same", 8, 1, 2),
        (4, 1, "same_lower", 8, 2, 1),
        # ceil(8 / 3) = 3 places need 2·3 + 3 = 9 cells: one more, and it goes after
        (3, 3, "same", 8, 0, 1),
        (3, 3, "same_lower", 8, 1, 0),
        (1, 2, "same", 8, 0, 0),
        (3, 1, "full", 8, 2, 2),
        (3, 1, "causal", 8, 2, 0),
        (3, 1, "valid", 8, 0, 0),
        (3, 1, (4, 5), 8, 4, 5),
        (3, 2, "same", None, 0, 1),
    ],
)
def test_padding(size, stride, padding, width, before, after):
    found = sliding_window(size, stride, 1, padding, width)
    assert (found.before, found.after) == (before, after)


@pytest.mark.parametrize(
    ("size", "stride", "dilation", "padding", "extra", "expected"),
    [
        # from the contract's formulas, W = 5
        (4, 2, 1, "valid", None, 5 * 2 + max(4 - 2, 0)),
        (2, 3, 1, "valid", None, 5 * 3),
        (2, 3, 1, "valid", 1, 4 * 3 + 2 + 1),
        (3, 2, 1, "same", None, 5 * 2),
        (3, 2, 2, "same", 1, 4 * 2 + 5 - 2 * 2 + 1),
        (3, 2, 1, (1, 0), 1, 4 * 2 + 3 - 1 + 1),
        (4, 2, 1, (1, 1), None, 4 * 2 + 4 - 2),
    ],
)
def test_transposed_sizes(size, stride, dilation, padding, extra, expected):
    assert transposed_window(size, stride, dilation, padding, extra).output_extent(5) == expected


@pytest.mark.parametrize(
    ("layout", "axis", "place"),
    [(LAST, 1, 0), (LAST, -1, 2), (LAST, 3, 2), (FIRST, 1, 2), (FIRST, -1, 1), (FIRST, 2, 0)],
)
def test_axis_numbers_are_keras_s(layout, axis, place):
    assert layout.resolve_axis(axis, 3) == place


@pytest.mark.parametrize("axis", [0, 4, -4])
def test_an_axis_that_is_not_there(axis):
    with pytest.raises(ConvcliError, match=f"axis {axis} is not one of the input's 4 axes"):
        LAST.resolve_axis(axis, 3)


def test_data_formats_are_inverse():
    assert FIRST.to_channels_last((3, 28, 20)) == (28, 20, 3)
    assert FIRST.from_channels_last((28, 20, 3)) == (3, 28, 20)
    assert FIRST.from_channels_last((10,)) == (10,)
