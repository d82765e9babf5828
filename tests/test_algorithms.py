"""The ways to correlate, and pooling and resizing, on small figures; test_laws compares the ways with each other."""

from __future__ import annotations

import numpy as np
import pytest

from convcli import algorithms
from convcli.algorithms import passes, patches, plain, pooling, resizing
from convcli.errors import ConvcliError
from convcli.geometry import Window


def column(*values):
    return np.array(values, float).reshape(1, -1, 1)


@pytest.mark.parametrize("name", [name for name in algorithms.WAYS if algorithms.way(name).suits([Window(2)], 1, 1, 1)])
def test_a_correlation_by_hand(name):
    y = algorithms.correlate(column(1, 2, 4, 8), column(1, 10).reshape(2, 1, 1), [Window(2, before=1)], 1, name)
    assert y.ravel().tolist() == [10, 21, 42, 84]


@pytest.mark.parametrize(
    "name", [name for name in algorithms.WAYS if algorithms.way(name).suits([Window(2, upsample=2)], 1, 1, 1)]
)
def test_a_stretched_correlation_by_hand(name):
    # 1 0 2 under a window of two, with one empty cell before and after
    setting = [Window(2, before=1, after=1, upsample=2)]
    y = algorithms.correlate(column(1, 2), column(1, 10).reshape(2, 1, 1), setting, 1, name)
    assert y.ravel().tolist() == [10, 1, 20, 2]


def test_a_way_that_does_not_suit_says_so():
    with pytest.raises(ConvcliError) as caught:
        algorithms.correlate(column(1, 2), column(1).reshape(1, 1, 1), [Window(1)], 1, "spread")
    assert str(caught.value) == "algorithm spread does not suit this layer (passes or patches or plain, or auto)"


def test_laying_out():
    laid = plain.lay_out(column(1, 2), [Window(1, before=1, after=2, upsample=3)])
    assert laid.ravel().tolist() == [0, 1, 0, 0, 2, 0, 0]
    assert plain.lay_out(column(1, 2, 3, 4), [Window(1, before=-1, after=-2)]).ravel().tolist() == [2]


@pytest.mark.parametrize("limit", [1, 100, 1000, 10_000])
def test_blocks_of_any_size_give_the_same(limit, monkeypatch):
    generator = np.random.default_rng(0)
    x, kernel = generator.integers(-9, 9, (3, 6, 7, 4)) + 0.0, generator.integers(-9, 9, (3, 2, 2, 6)) + 0.0
    windows = [Window(3, before=1), Window(2, 2)]
    whole = patches.correlate(x, kernel, windows, 2)
    monkeypatch.setattr(patches, "BLOCK_BYTES", limit)
    assert np.array_equal(patches.correlate(x, kernel, windows, 2), whole)


def test_patches_of_a_large_input_stay_small():
    import tracemalloc

    x, kernel = np.zeros((1, 300, 300, 8), np.float32), np.zeros((9, 9, 8, 4), np.float32)
    tracemalloc.start()
    y = patches.correlate(x, kernel, [Window(9), Window(9)], 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # all patches together would be 292 · 292 · 81 · 8 floats, 221 MB
    assert peak < y.nbytes + 3 * patches.BLOCK_BYTES


@pytest.mark.parametrize("limit", [1, 100, 10_000])
def test_blocks_of_passes_of_any_size_give_the_same(limit, monkeypatch):
    generator = np.random.default_rng(0)
    x, kernel = generator.integers(-9, 9, (3, 6, 7, 20)) + 0.0, generator.integers(-9, 9, (3, 2, 1, 20)) + 0.0
    windows = [Window(3, 2, before=1), Window(2, dilation=2, after=1)]
    expected = plain.correlate(x, kernel, windows, 20)
    monkeypatch.setattr(passes, "BLOCK_BYTES", limit)
    assert np.array_equal(passes.correlate(x, kernel, windows, 20), expected)


def test_nan_and_infinity_stay_in_the_windows_that_hold_them():
    x = column(1, np.nan, 1, 1, np.inf, 1, 1)
    y = algorithms.correlate(x, column(1, 1).reshape(2, 1, 1), [Window(2)], 1)
    assert np.isnan(y.ravel()).tolist() == [True, True, False, False, False, False]
    assert np.isinf(y.ravel()).tolist() == [False, False, False, True, True, False]
    assert y.ravel()[[2, 5]].tolist() == [2, 2]


def test_pooling_by_hand():
    x = column(5, 1, 2, 9, 4)
    assert pooling.max_pool(x, [Window(2, 2, ceil=True)]).ravel().tolist() == [5, 9, 4]
    assert pooling.max_pool(-x, [Window(3, 2, before=1, after=1)]).ravel().tolist() == [-1, -1, -4]
    assert pooling.average_pool(x, [Window(2, 2, before=1)], False).ravel().tolist() == [5, 1.5, 6.5]
    assert pooling.average_pool(x, [Window(2, 2, before=1)], True).ravel().tolist() == [2.5, 1.5, 6.5]
    # the last window hangs over by one cell, which no count includes
    assert pooling.average_pool(x, [Window(2, 2, ceil=True)], True).ravel().tolist() == [3, 5.5, 4]


def test_resizing_by_hand():
    # centres at -1/4, 1/4, 3/4, 5/4
    assert resizing.resize(column(0, 4), [2], "bilinear").ravel().tolist() == [0, 1, 3, 4]
    assert resizing.resize(column(0, 4), [2], "nearest").ravel().tolist() == [0, 0, 4, 4]


def test_resizing_keeps_nan_near():
    y = resizing.resize(column(np.nan, 1, 1, 1, 1), [2], "bilinear")
    assert np.isnan(y.ravel()).tolist() == [True] * 3 + [False] * 7
