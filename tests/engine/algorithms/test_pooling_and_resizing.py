"""Pooling and resizing, on figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import column, no_finish

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.pooling import pool, windows_on_input
from convcli.engine.algorithms.resizing import resize
from convcli.model.scaling import Scaling
from convcli.model.steps import Pool, Resize
from convcli.model.window import Window, sliding_window


def pooled(x, windows, kind, count_padding=False):
    positions = [window.output_extent(width) for window, width in zip(windows, x.shape[1:-1], strict=True)]
    y = np.empty((len(x), *positions, x.shape[-1]), x.dtype)
    with ThreadPool(2) as workers:
        pool(Pool(kind=kind, windows=tuple(windows), count_padding=count_padding), x, y, workers, no_finish)
    return y.ravel().tolist()


def test_pooling_by_hand():
    x = column(5, 1, 2, 9, 4)
    assert pooled(x, [Window(2, 2, ceil=True)], "max") == [5, 9, 4]
    assert pooled(-x, [Window(3, 2, before=1, after=1)], "max") == [-1, -1, -4]
    assert pooled(x, [Window(2, 2, before=1)], "average", False) == [5, 1.5, 6.5]
    assert pooled(x, [Window(2, 2, before=1)], "average", True) == [2.5, 1.5, 6.5]
    # the last window hangs over by one cell, which no count includes
    assert pooled(x, [Window(2, 2, ceil=True)], "average", True) == [3, 5.5, 4]


@pytest.mark.parametrize("size", [10, 1000, 2_000_000_000])
def test_windows_larger_than_the_input_take_no_more_than_the_input(size):
    x, window = column(5, 1, 3), sliding_window(size, 1, 1, "same", 3)
    assert pooled(x, [window], "max") == [5, 5, 5]
    assert pooled(x, [window], "average") == [3, 3, 3]
    assert pooled(x, [sliding_window(size, size, 1, "same", 3)], "max") == [5]


def test_window_cells_that_meet_padding_alone_are_left_out():
    # Of the input's cells 0 to 4, position 3, from cell -4 on, meets the first with window cell 4, and position 2, from
    # cell -6 on, the last with window cell 10. These are seven cells. At position 3 they cover cells 0 to 6.
    window, region = Window(99, stride=2, before=10, after=94), (slice(0, 1), slice(2, 4))
    assert windows_on_input([window], [5], region) == (Window(7, stride=2, before=6, after=2),)


def test_resizing_by_hand():
    # centres at -1/4, 1/4, 3/4, 5/4
    assert resize(column(0, 4), Resize((Scaling(2),), "bilinear")).ravel().tolist() == [0, 1, 3, 4]
    assert resize(column(0, 4), Resize((Scaling(2),))).ravel().tolist() == [0, 0, 4, 4]


def test_resizing_keeps_nan_near():
    y = resize(column(np.nan, 1, 1, 1, 1), Resize((Scaling(2),), "bilinear"))
    assert np.isnan(y.ravel()).tolist() == [True] * 3 + [False] * 7
