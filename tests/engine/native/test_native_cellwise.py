"""Pooling and joins of the native core against NumPy's, at every level of the machine."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import no_finish
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, core_at

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.native_cellwise import (
    JOINS,
    bind_cellwise,
    join_record,
    pool_factors,
    pooling_record,
    suits_pooling,
)
from convcli.engine.algorithms.pooling import pool
from convcli.engine.native.records import Scratch, run_records
from convcli.model.steps import Pool
from convcli.model.window import Window

NUMPY = {"sum": np.add, "product": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


def pooled(core, step, x, threads=2):
    """Return the result of the core and that of NumPy."""
    positions = [window.output_extent(width) for window, width in zip(step.windows, x.shape[1:-1], strict=True)]
    y, expected = (np.full((len(x), *positions, x.shape[-1]), 1e30, x.dtype) for _ in range(2))
    factors = pool_factors(step, x.shape[1:-1], x.dtype.name)
    record = pooling_record(core, step, x.shape[1:-1], x.shape[-1], x.dtype.name, factors)
    bind_cellwise(record, x, y)
    run_records(core, record, threads, Scratch())
    with ThreadPool(1) as workers:
        pool(step, x, expected, workers, no_finish)
    return y, expected


@st.composite
def pools(draw):
    """A pooling step, and the shape of an input for it."""
    windows, space = [], []
    for _ in range(draw(st.integers(1, 3))):
        size, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        before, after = (min(draw(st.integers(0, 2)), (size - 1) * dilation) for _ in range(2))
        windows.append(Window(size, stride, dilation, before, after, ceil=draw(st.booleans())))
        space.append(windows[-1].smallest_input() + draw(st.integers(0, 12)))
    kind, divisor = draw(st.sampled_from([("max", None), ("average", None), ("average", 5)]))
    step = Pool(kind=kind, windows=tuple(windows), count_padding=draw(st.booleans()), divisor=divisor)
    return step, (draw(st.integers(1, 2)), *space, draw(st.integers(1, 70)))


@at_every_level
@settings(max_examples=150, deadline=None)
@given(pools(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_pooling_is_that_of_numpy(level, pooling, seed, dtype):
    step, shape = pooling
    generator = np.random.default_rng(seed)
    x = generator.integers(-9, 9, shape).astype(dtype)
    x.reshape(-1)[generator.integers(0, x.size, 3)] = np.nan, np.inf, -np.inf
    with core_at(level) as core, np.errstate(invalid="ignore"):
        y, expected = pooled(core, step, x)
    np.testing.assert_array_equal(y, expected)


@at_every_level
def test_the_mean_of_a_large_map_is_as_exact_as_a_mean_of_its_rows(level):
    x = np.random.default_rng(0).uniform(size=(1, 500, 500, 3)).astype("float32")
    with core_at(level) as core:
        y, _ = pooled(core, Pool(kind="average", windows=(Window(500),) * 2), x)
    assert np.abs(y - x.mean((1, 2), "float64")).max() < 1e-5


def test_windows_that_overlap_much_are_left_to_numpy():
    assert suits_pooling([Window(3), Window(3)])
    assert suits_pooling([Window(56, 56), Window(56, 56)])
    assert not suits_pooling([Window(9), Window(9)])


@at_every_level
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(JOINS), st.integers(1, 70), st.integers(1, 9), st.booleans(), st.sampled_from(["f4", "f8"]))
def test_joins_are_those_of_numpy(level, how, channels, width, repeats, dtype):
    generator = np.random.default_rng(0)
    x, z = (generator.normal(size=(2, 3, width, channels)).astype(dtype) for _ in range(2))
    x[0, 0, 0, 0], z[0, 1, 0, 0] = np.nan, np.nan
    z = z[:, :1, :1] if repeats else z
    y = np.empty_like(x)
    with core_at(level) as core:
        record = join_record(core, how, x.shape[1:-1], channels, x.dtype.name)
        bind_cellwise(record, x, y, None if how == "nothing" else z)
        run_records(core, record, 2, Scratch())
    expected = x if how == "nothing" else (x + z) / 2 if how == "mean" else NUMPY[how](x, z)
    np.testing.assert_array_equal(y, expected)


@at_every_level
def test_a_value_may_be_written_between_others(level):
    x, y = np.arange(60.0).reshape(1, 4, 5, 3), np.zeros((1, 4, 5, 9))
    with core_at(level) as core:
        record = join_record(core, "nothing", (4, 5), 3, "float64")
        record["low"] = 7
        bind_cellwise(record, x, y[..., 4:7])
        run_records(core, record, 2, Scratch())
    assert np.array_equal(y[..., 4:7], np.maximum(x, 7))
    assert not y[..., :4].any()
    assert not y[..., 7:].any()


@at_every_level
@pytest.mark.parametrize("spoil", ["x", "y", "z"])
def test_arrays_that_do_not_fit_are_not_passed_on(level, spoil):
    arrays = {name: np.zeros((1, 4, 4, 3)) for name in "xyz"}
    arrays[spoil] = arrays[spoil][..., :2]
    with core_at(level) as core, pytest.raises(ValueError, match="channels"):
        bind_cellwise(join_record(core, "sum", (4, 4), 3, "float64"), **arrays)
