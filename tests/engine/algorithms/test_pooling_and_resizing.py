"""Pooling and resizing, on figures worked out by hand; compiled pooling against the other."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import column, no_finish
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.pooling import pool, suits_compiled, windows_on_input
from convcli.engine.algorithms.resizing import resize
from convcli.model.steps import Pool
from convcli.model.window import Window, sliding_window

needs_numba = pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")


def pooled(x, windows, kind, count_padding=False, use_compiled=False):
    positions = [window.output_extent(width) for window, width in zip(windows, x.shape[1:-1], strict=True)]
    y = np.empty((len(x), *positions, x.shape[-1]), x.dtype)
    with ThreadPool(2) as workers:
        pool(
            Pool(kind=kind, windows=tuple(windows), count_padding=count_padding), x, y, workers, no_finish, use_compiled
        )
    return y.ravel().tolist()


@pytest.mark.parametrize("use_compiled", [False, pytest.param(True, marks=needs_numba)])
def test_pooling_by_hand(use_compiled):
    x = column(5, 1, 2, 9, 4)
    assert pooled(x, [Window(2, 2, ceil=True)], "max", use_compiled=use_compiled) == [5, 9, 4]
    assert pooled(-x, [Window(3, 2, before=1, after=1)], "max", use_compiled=use_compiled) == [-1, -1, -4]
    assert pooled(x, [Window(2, 2, before=1)], "average", False, use_compiled) == [5, 1.5, 6.5]
    assert pooled(x, [Window(2, 2, before=1)], "average", True, use_compiled) == [2.5, 1.5, 6.5]
    # the last window hangs over by one cell, which no count includes
    assert pooled(x, [Window(2, 2, ceil=True)], "average", True, use_compiled) == [3, 5.5, 4]


@pytest.mark.parametrize("use_compiled", [False, pytest.param(True, marks=needs_numba)])
@pytest.mark.parametrize("size", [10, 1000, 2_000_000_000])
def test_windows_larger_than_the_input_take_no_more_than_the_input(size, use_compiled):
    x, window = column(5, 1, 3), sliding_window(size, 1, 1, "same", 3)
    assert pooled(x, [window], "max", use_compiled=use_compiled) == [5, 5, 5]
    assert pooled(x, [window], "average", use_compiled=use_compiled) == [3, 3, 3]
    assert pooled(x, [sliding_window(size, size, 1, "same", 3)], "max", use_compiled=use_compiled) == [5]


def test_window_cells_that_meet_padding_alone_are_left_out():
    # Of the input's cells 0 to 4, position 3, from cell -4 on, meets the first with window cell 4, and position 2, from
    # cell -6 on, the last with window cell 10. These are seven cells. At position 3 they cover cells 0 to 6.
    window, region = Window(99, stride=2, before=10, after=94), (slice(0, 1), slice(2, 4))
    assert windows_on_input([window], [5], region) == (Window(7, stride=2, before=6, after=2),)


def test_compiled_code_is_for_small_windows():
    assert suits_compiled([Window(3), Window(3)])
    assert not suits_compiled([Window(3), Window(4)])
    assert not suits_compiled([Window(2), Window(2), Window(2)])


@st.composite
def pooling_windows(draw):
    size, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    before, after = (min(draw(st.integers(0, 2)), (size - 1) * dilation) for _ in range(2))
    return Window(size, stride, dilation, before, after, ceil=draw(st.booleans()))


@needs_numba
@settings(max_examples=100, deadline=None)
@given(
    st.lists(pooling_windows(), min_size=1, max_size=2),
    st.integers(0, 99),
    st.sampled_from(["max", "average"]),
    st.booleans(),
)
def test_compiled_pooling_is_the_same(windows, seed, kind, count_padding):
    generator = np.random.default_rng(seed)
    x = generator.integers(-9, 9, (2, *(generator.integers(7, 11) for _ in windows), 3)) + 0.0
    x.reshape(-1)[generator.integers(0, x.size)] = np.nan
    result, expected = (pooled(x, windows, kind, count_padding, use_compiled) for use_compiled in (True, False))
    np.testing.assert_allclose(result, expected, rtol=1e-15)


def test_resizing_by_hand():
    # centres at -1/4, 1/4, 3/4, 5/4
    assert resize(column(0, 4), [2], "bilinear").ravel().tolist() == [0, 1, 3, 4]
    assert resize(column(0, 4), [2], "nearest").ravel().tolist() == [0, 0, 4, 4]


def test_resizing_keeps_nan_near():
    y = resize(column(np.nan, 1, 1, 1, 1), [2], "bilinear")
    assert np.isnan(y.ravel()).tolist() == [True] * 3 + [False] * 7
