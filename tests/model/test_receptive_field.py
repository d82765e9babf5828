"""Receptive fields along one axis, without borders (PeriodicField) and within them (BoundedField)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.model.receptive_field import BoundedField, PeriodicField
from convcli.model.window import Window, sliding_window, transposed_window


def test_the_reach_of_a_chain():
    # 3 wide, then 2 wide at stride 2, then 3 wide: 3, 3 + 1, 4 + 2·2
    reach = PeriodicField.identity().through(Window(3)).through(Window(2, 2)).through(Window(3))
    assert (reach.extent, reach.jump) == (8, 2)
    assert [reach.span(0), reach.span(1)] == [(0, 7), (2, 9)]


def test_the_reach_of_a_transposed_window_has_a_fractional_jump():
    # k = 3 at stride 2: even outputs see two cells, odd ones see one
    reach = PeriodicField.identity().through(transposed_window(3, 2, 1, "valid", None))
    assert reach.jump == 0.5
    assert [reach.span(cell) for cell in range(4)] == [(-1, 0), (0, 0), (0, 1), (1, 1)]
    # of two neighbouring outputs, each pair sees two cells, not 2.5
    assert reach.through(Window(2)).extent == 2


def test_padding_moves_the_reach_but_does_not_widen_it():
    reach = PeriodicField.identity().through(Window(3, before=1, after=1))
    assert (reach.span(0), reach.extent) == ((-1, 1), 3)


def test_branches_see_the_hull_of_both():
    shifted = PeriodicField.identity().through(Window(1, before=2))
    assert PeriodicField.identity().union(shifted).span(0) == (-2, 0)


def test_of_branches_that_do_not_keep_step_the_larger_counts():
    slow, wide = PeriodicField.identity().through(Window(2, 2)), PeriodicField.identity().through(Window(5))
    assert slow.union(wide) == wide.union(slow) == wide


def test_within_its_borders_a_padded_cell_sees_what_is_there():
    # 3 wide with one cell of padding on either side of 4 cells
    assert BoundedField.identity(4).through(Window(3, before=1, after=1)).spans == ((0, 1), (0, 2), (1, 3), (2, 3))


def test_cells_that_no_window_reads_are_not_seen():
    # Of 8 cells every second is read, 0 2 4 6; then the last window of 3 sees cells 4 and 6, never 7.
    sparse = BoundedField.identity(8).through(Window(1, 2))
    assert sparse.through(Window(3, before=1, after=1)).spans[-1] == (4, 6)


def test_a_cell_of_nothing_but_padding_sees_nothing():
    assert BoundedField.identity(2).padded(1, 1, "zeros").spans == (None, (0, 0), (1, 1), None)


@pytest.mark.parametrize(
    ("mode", "cells"),
    [
        ("reflect", [2, 1, 0, 1, 2, 1, 0]),
        ("replicate", [0, 0, 0, 1, 2, 2, 2]),
        ("circular", [1, 2, 0, 1, 2, 0, 1]),
    ],
)
def test_padding_with_cells_of_the_value_shows_those(mode, cells):
    assert BoundedField.identity(3).padded(2, 2, mode).spans == tuple((cell, cell) for cell in cells)
    numpys = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    assert np.pad(np.arange(3), 2, mode=numpys).tolist() == cells


def test_a_single_cell_is_reflected_as_itself():
    assert BoundedField.identity(1).padded(0, 0, "reflect").spans == ((0, 0),)


windows = st.builds(
    Window,
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)


@given(st.lists(windows, min_size=1, max_size=3), st.integers(80, 90))
def test_far_from_the_borders_both_see_the_same(chain, width):
    reach, sight = PeriodicField.identity(), BoundedField.identity(width)
    for each in chain:
        reach, sight = reach.through(each), sight.through(each)
    for cell, seen in enumerate(sight.spans):
        first, last = reach.span(cell) or (0, 0)
        if first >= 0 and last < width:
            assert seen is not None
            assert first <= seen[0] <= seen[1] <= last
        if seen:  # never more than without borders
            assert max(first, 0) <= seen[0] <= seen[1] <= min(last, width - 1)


def test_padding_that_follows_from_an_unknown_width_leaves_branches_apart():
    loose = sliding_window(3, 2, 1, "same", None)
    one, other = (
        PeriodicField.identity().through(loose),
        PeriodicField.identity().through(sliding_window(1, 2, 1, "same", None)),
    )
    assert (loose.placed, one.extent, one.jump) == (False, 3, 2)
    assert one.union(other) is None
    # Both behind the same window: they are moved alike.
    assert one.union(one.through(Window(3, before=1, after=1))).extent == 7
    # Where neighbouring cells see windows of different extents, the place decides which are met.
    assert PeriodicField.identity().through(transposed_window(3, 2, 1, "valid", None)).through(loose) is None
