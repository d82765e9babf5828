"""Windows along one axis: output sizes, smallest inputs and padding, by the arithmetic beside them."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError
from convcli.model.window import Window, adjoint_window, sliding_window, sliding_windows, transposed_window


@pytest.mark.parametrize(
    ("extent", "window", "expected"),
    [
        (8, Window(3), 8 - 3 + 1),
        (224, Window(7, 2, before=3, after=3), (224 - 7 + 3 + 3) // 2 + 1),
        (10, Window(3, 2, dilation=3), (10 - 7) // 2 + 1),
        (5, Window(3, before=-1, after=-1), 1),
        (None, Window(3), None),
        # ceil: 3 positions of a window of 2 cells at stride 2 over 5 cells, of which the last hangs over by one
        (5, Window(2, 2, ceil=True), 3),
        # a fourth position would start in the padding after the input (3·2 >= 1 + 5), so it does not count
        (5, Window(2, 2, before=1, after=1, ceil=True), 3),
        (2, Window(3, 2, ceil=True), 1),
        # stretched by 2, 3 cells take up 5
        (3, Window(4, before=3, after=3, upsample=2), 5 - 4 + 3 + 3 + 1),
    ],
)
def test_the_output_extent_follows_from_the_formula(extent, window, expected):
    assert window.output_extent(extent) == expected


@pytest.mark.parametrize(
    ("window", "smallest"),
    [
        (Window(5), 5),
        (Window(5, before=1, after=1), 3),
        (Window(3, dilation=4), 9),
        (Window(3, 2, ceil=True), 2),
        (Window(5, upsample=2), 3),
        (Window(2, before=2, after=2), 1),
    ],
)
def test_the_smallest_input_is_the_first_that_fits(window, smallest):
    assert window.smallest_input() == smallest
    assert window.output_extent(smallest) >= 1
    with pytest.raises(ConvcliError, match=f"at least {smallest} would do"):
        window.output_extent(smallest - 1)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "extent", "before", "after"),
    [
        (3, 1, "same", 8, 1, 1),
        (4, 1, "same", 8, 1, 2),
        (4, 1, "same_lower", 8, 2, 1),
        # ceil(8 / 3) = 3 positions need 2·3 + 3 = 9 cells: one more than there are, and it goes after
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
def test_padding_is_worked_out_in_cells(size, stride, padding, extent, before, after):
    window = sliding_window(size, stride, 1, padding, extent)
    assert (window.before, window.after) == (before, after)


def test_padding_in_cells_is_given_axis_by_axis():
    windows = sliding_windows((3, 5), (1, 2), (1, 1), ((1, 0), (2, 2)), (8, 8))
    assert windows == (Window(3, before=1), Window(5, 2, before=2, after=2))


@pytest.mark.parametrize(
    ("size", "stride", "placed"),
    [(3, 1, True), (1, 2, True), (3, 2, False)],  # the padding is the same for every extent, or depends on it
)
def test_a_window_over_an_unknown_extent_is_placed_where_its_padding_is_known(size, stride, placed):
    assert sliding_window(size, stride, 1, "same", None).placed is placed


@pytest.mark.parametrize(
    ("size", "stride", "dilation", "padding", "output_padding", "expected"),
    [
        # W = 5
        (4, 2, 1, "valid", None, 5 * 2 + max(4 - 2, 0)),
        (2, 3, 1, "valid", None, 5 * 3),
        (2, 3, 1, "valid", 1, 4 * 3 + 2 + 1),
        (3, 2, 1, "same", None, 5 * 2),
        (3, 2, 2, "same", 1, 4 * 2 + 5 - 2 * 2 + 1),
        (3, 2, 1, (1, 0), 1, 4 * 2 + 3 - 1 + 1),
        (4, 2, 1, (1, 1), None, 4 * 2 + 4 - 2),
    ],
)
def test_the_output_extent_of_a_transposed_window_is_tensorflow_s(
    size, stride, dilation, padding, output_padding, expected
):
    assert transposed_window(size, stride, dilation, padding, output_padding).output_extent(5) == expected


def cells_met(window, extent):
    """Return the pairs of output cell and input cell that meet in a window, each with the tap where they meet."""
    pairs = {}
    for output in range(window.output_extent(extent)):
        for tap in range(window.size):
            position = output * window.stride - window.before + tap * window.dilation
            if position % window.upsample == 0 and 0 <= position // window.upsample < extent:
                pairs[output, position // window.upsample] = tap
    return pairs


@pytest.mark.parametrize(
    "window",
    [
        Window(3),
        Window(3, 2, before=1, after=1),
        Window(2, 3, dilation=2, before=2),
        Window(4, before=3, after=2, upsample=2),
    ],
)
def test_an_adjoint_window_meets_the_same_pairs_of_cells_from_the_other_side(window):
    adjoint = adjoint_window(window, 8)
    assert adjoint.output_extent(window.output_extent(8)) == 8
    back = cells_met(adjoint, window.output_extent(8))
    assert {(output, cell): window.size - 1 - tap for (cell, output), tap in back.items()} == cells_met(window, 8)
