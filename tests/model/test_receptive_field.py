"""Receptive fields along one axis, without borders (PeriodicField) and within them (BoundedField)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcli.engine.run_step import NUMPY_PAD_MODES
from convcli.model.bounded_field import BoundedField
from convcli.model.padding_modes import PADDING_MODES, most_padding
from convcli.model.receptive_field import PeriodicField
from convcli.model.window import Window, sliding_window, transposed_window


def spans(field: BoundedField) -> list[Any]:
    """Return what each cell sees."""
    return [field.span(cell) for cell in range(field.extent)]


def test_a_chain_of_windows_widens_the_field_by_the_jump():
    # Windows of 3, of 2 at stride 2, of 3: 3, 3 + 1·1, 4 + 2·2.
    field = PeriodicField.identity().through(Window(3)).through(Window(2, 2)).through(Window(3))
    assert (field.extent, field.jump) == (3 + 1 * 1 + 2 * 2, 2)
    assert [field.span(0), field.span(1)] == [(0, 7), (2, 9)]


def test_a_transposed_window_has_a_fractional_jump():
    # A kernel of 3 at stride 2: even outputs see two cells, odd ones see one.
    field = PeriodicField.identity().through(transposed_window(3, 2, 1, "valid", None))
    assert field.jump == 0.5
    assert [field.span(cell) for cell in range(4)] == [(-1, 0), (0, 0), (0, 1), (1, 1)]
    # Any two neighbouring outputs see two cells together, not 2.5.
    assert field.through(Window(2)).extent == 2


def test_padding_moves_the_field_but_does_not_widen_it():
    field = PeriodicField.identity().through(Window(3, before=1, after=1))
    assert (field.span(0), field.extent) == ((-1, 1), 3)


def test_branches_see_the_hull_of_both():
    shifted = PeriodicField.identity().through(Window(1, before=2))
    assert PeriodicField.identity().union(shifted).span(0) == (-2, 0)


def test_of_branches_with_different_jumps_the_larger_field_counts():
    strided, wide = PeriodicField.identity().through(Window(2, 2)), PeriodicField.identity().through(Window(5))
    assert strided.union(wide) == wide.union(strided) == wide


def test_at_a_border_a_cell_sees_only_cells_of_the_input():
    # A window of 3 with one cell of padding on either side of 4 cells.
    assert spans(BoundedField(4).through(Window(3, before=1, after=1))) == [(0, 1), (0, 2), (1, 3), (2, 3)]


def test_cells_that_no_window_reads_are_not_seen():
    # Of 8 cells every second is read: 0, 2, 4, 6. Then the last window of 3 sees cells 4 and 6, never 7.
    every_second = BoundedField(8).through(Window(1, 2))
    assert spans(every_second.through(Window(3, before=1, after=1)))[-1] == (4, 6)


def test_a_cell_of_nothing_but_padding_sees_nothing():
    assert spans(BoundedField(2).padded(1, 1, "zeros")) == [None, (0, 0), (1, 1), None]


@pytest.mark.parametrize(
    ("mode", "cells"),
    [
        ("reflect", [2, 1, 0, 1, 2, 1, 0]),
        ("symmetric", [1, 0, 0, 1, 2, 2, 1]),
        ("replicate", [0, 0, 0, 1, 2, 2, 2]),
        ("circular", [1, 2, 0, 1, 2, 0, 1]),
    ],
)
def test_padding_with_cells_of_the_input_sees_those(mode, cells):
    assert spans(BoundedField(3).padded(2, 2, mode)) == [(cell, cell) for cell in cells]
    assert np.pad(np.arange(3), 2, mode=NUMPY_PAD_MODES[mode]).tolist() == cells


@pytest.mark.parametrize("extent", [1, 2, 3])
def test_a_mirror_behind_the_border_mirrors_again_where_the_padding_is_wider_than_the_axis(extent):
    field = BoundedField(extent).padded(8, 7, "symmetric")
    assert [first for first, _ in spans(field)] == np.pad(np.arange(extent), (8, 7), mode="symmetric").tolist()


def test_a_single_cell_is_reflected_as_itself():
    assert spans(BoundedField(1).padded(0, 0, "reflect")) == [(0, 0)]


windows = st.builds(
    Window,
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)


@given(st.lists(windows, min_size=1, max_size=3), st.integers(200, 210))  # at most 79 cells are seen
def test_far_from_the_borders_a_cell_sees_what_it_would_see_without_them(chain, extent):
    periodic, bounded = PeriodicField.identity(), BoundedField(extent)
    for window in chain:
        periodic, bounded = periodic.through(window), bounded.through(window)
    inner = 0
    for cell, seen in enumerate(spans(bounded)):
        first, last = periodic.span(cell)
        if first >= 0 and last < extent:
            inner += 1
            assert seen is not None
            assert first <= seen[0] <= seen[1] <= last
        if seen:  # never more than without borders
            assert max(first, 0) <= seen[0] <= seen[1] <= min(last, extent - 1)
    assert inner > 0


lists_of_windows = st.lists(
    st.builds(
        Window,
        size=st.integers(1, 5),
        stride=st.integers(1, 3),
        dilation=st.integers(1, 3),
        before=st.integers(-1, 4),
        after=st.integers(0, 4),
        upsample=st.integers(1, 3),
    ),
    min_size=1,
    max_size=4,
)


@given(lists_of_windows, st.sampled_from(PADDING_MODES), st.integers(3, 9), st.integers(0, 3), st.integers(0, 3))
def test_the_sets_of_cells_are_those_that_a_list_of_all_cells_gives(chain, mode, extent, before, after):
    assume(most_padding(mode, extent) is None or max(before, after) <= most_padding(mode, extent))
    field = BoundedField(extent).padded(before, after, mode)
    sets = [set() if cell < 0 else {cell} for cell in padded_cells(mode, extent, before, after)]
    for window in chain:
        assume(window.smallest_input() <= field.extent)
        field, sets = field.through(window), listed(window, sets)
    assert spans(field) == [(min(cells), max(cells)) if cells else None for cells in sets]


def padded_cells(mode: str, extent: int, before: int, after: int) -> list[int]:
    """Return the number of the cell that each cell of a padded axis repeats, -1 for an empty cell."""
    return (np.pad(np.arange(1, extent + 1), (before, after), mode=NUMPY_PAD_MODES[mode]) - 1).tolist()


def listed(window: Window, sets: list[set[int]]) -> list[set[int]]:
    """Return which input cells each position of a window sees, from those that each cell under it sees."""
    result = []
    for position in range(window.output_extent(len(sets))):
        starts = (position * window.stride - window.before + tap * window.dilation for tap in range(window.size))
        cells = [start // window.upsample for start in starts if start % window.upsample == 0]
        result.append(set().union(*(sets[cell] for cell in cells if 0 <= cell < len(sets))))
    return result


def test_a_billion_cells_take_no_more_work_than_a_few():
    field = BoundedField(8).padded(10**9, 10**9, "zeros").through(Window(10**9, before=5, after=5))
    assert field.span(8) == (0, 2)  # positions 3 to 10⁹ + 2, of which 10⁹ is the first cell of the input
    assert field.through(Window(10**9, upsample=10**9, before=10**9 - 1)).span(8 * 10**9) == (0, 2)


def test_padding_that_follows_from_an_unknown_extent_leaves_open_how_branches_lie():
    unplaced = sliding_window(3, 2, 1, "same", None)
    field = PeriodicField.identity().through(unplaced)
    assert (unplaced.placed, field.extent, field.jump) == (False, 3, 2)
    assert field.union(PeriodicField.identity().through(sliding_window(1, 2, 1, "same", None))) is None
    # Two branches behind the same window are moved alike.
    assert field.union(field.through(Window(3, before=1, after=1))).extent == 7
    # Where neighbouring cells see windows of different extents, the position decides which of them are met.
    assert PeriodicField.identity().through(transposed_window(3, 2, 1, "valid", None)).through(unplaced) is None
