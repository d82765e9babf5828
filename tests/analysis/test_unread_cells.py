"""Input cells that no position of a window covers, against counting them one by one."""

from __future__ import annotations

import pytest

from convcli.analysis.unread_cells import unread_cells
from convcli.model.window import Window


@pytest.mark.parametrize(
    "window",
    [Window(3, 2), Window(2, 3, 2, 1), Window(1, 4, before=1), Window(3, 1, 2, 2, 0, 3), Window(2, 1, 3, -1, -2, 2)],
)
@pytest.mark.parametrize("width", [7, 8, 13])
def test_unread_cells_are_those_that_no_position_of_the_window_covers(window, width):
    read = set()
    for position in range(window.output_extent(width)):
        for tap in range(window.size):
            cell, empty = divmod(position * window.stride + tap * window.dilation - window.before, window.upsample)
            if not empty:
                read.add(cell)
    unread = {cell for first, last in unread_cells(window, width) for cell in range(first, last + 1)}
    assert unread == set(range(width)) - read
