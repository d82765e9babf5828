"""Winograd's tiles of the native core: within the tolerance, exact where they must be, and the same for all threads."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import correlate, no_finish, problem_of, random_arrays
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, core_at

from convcli.core.records import replace
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import winograd
from convcli.engine.algorithms.native_winograd import NativeWinograd
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.epilogue import NativeEpilogue
from convcli.model.window import Window


@st.composite
def tile_problems(draw):
    """A problem of windows of 3 × 3 or 3 × 3 × 3, with any padding, and a number of samples."""
    rank = draw(st.sampled_from([2, 2, 3]))
    windows = []
    for axis in range(rank):
        before, after = draw(st.integers(-2, 12)), draw(st.integers(-2, 12))
        dilation = draw(st.integers(1, 3)) if rank == 3 and axis == 0 else 1
        windows.append(Window(3, 1, dilation, before, after))
    space = tuple(window.smallest_input() + draw(st.integers(0, 12 if rank == 2 else 4)) for window in windows)
    channels, filters = draw(st.integers(1, 40)), draw(st.integers(1, 70))
    return Problem(tuple(windows), 1, channels, filters, space, "float32", 1e-5, native=True), draw(st.integers(1, 3))


def by_tiles(problem, kernel, m):
    return NativeWinograd(kernel, winograd.transformed_weights(kernel, m), problem, m, winograd.noise_factor(kernel, m))


def run(correlation, x, threads=2):
    problem = correlation.problem
    y = np.full((len(x), *problem.positions, problem.filters), 1e30, np.float32)
    with ThreadPool(threads) as workers:
        correlation.run(x, y, workers, no_finish)
    return y


def exact_sums(problem, x, kernel):
    return correlate("plain", x.astype(float), kernel.astype(float), problem.windows)


@at_every_level
@pytest.mark.parametrize("m", [2, 4])
@settings(max_examples=60, deadline=None)
@given(tile_problems(), st.integers(0, 99))
def test_results_are_within_the_tolerance_of_the_largest_of_their_sample(level, m, problem, seed):
    problem, samples = problem
    x, kernel = random_arrays(problem, samples, np.random.default_rng(seed), "float32")
    with core_at(level):
        y = run(by_tiles(problem, kernel, m), x)
    exact = exact_sums(problem, x, kernel)
    for mine, reference in zip(y, exact, strict=True):
        assert np.abs(mine - reference).max() <= 1e-5 * np.abs(reference).max() + 1e-6


@at_every_level
@pytest.mark.parametrize("m", [2, 4])
def test_tiles_compute_what_the_tolerance_allows(level, m):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 40, 70, (30, 26), "float32", 1e-5, native=True)
    x, kernel = random_arrays(problem, 2, np.random.default_rng(0), "float32")
    with core_at(level):
        correlation = by_tiles(problem, kernel, m)
        run(correlation, x)
    assert correlation.algorithms_used("winograd") == ("winograd",)


@at_every_level
@pytest.mark.parametrize(
    ("spoil", "used"),
    [
        (lambda x: x.__setitem__((1, 4, 5, 3), np.nan), ("winograd", "native")),
        (lambda x: x.__setitem__((0, 0, 0, 0), np.inf), ("winograd", "native")),
        (lambda x: x.__setitem__((slice(None), 29, 25, 39), -np.inf), ("native",)),
        (lambda x: x.__iadd__(np.float32(1e5)), ("native",)),
        (lambda x: x.__imul__(np.float32(1e-30)), ("native",)),
    ],
    ids=["nan", "infinity", "infinity in all", "offset", "tiny"],
)
def test_other_samples_are_sums_of_products(level, spoil, used):
    problem = Problem((Window(3),) * 2, 1, 40, 33, (30, 26), "float32", 1e-5, native=True)
    x, kernel = random_arrays(problem, 2, np.random.default_rng(0), "float32")
    kernel -= kernel.mean(axis=(0, 1, 2))  # filters that take the mean away
    spoil(x)
    with core_at(level):
        correlation = by_tiles(problem, kernel, 4)
        y = run(correlation, x)
        direct = correlate("native", x, kernel, problem.windows)
    assert correlation.algorithms_used("winograd") == used
    for sample in range(2):
        if used == ("native",) or not np.isfinite(x[sample]).all():
            assert np.array_equal(y[sample], direct[sample], equal_nan=True)
        else:
            assert np.abs(y[sample] - direct[sample]).max() < 1e-5 * np.abs(direct[sample]).max()


@at_every_level
def test_results_are_the_same_for_any_number_of_threads_and_again(level):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 32, 96, (37, 50), "float32", 1e-5, native=True)
    x, kernel = random_arrays(problem, 3, np.random.default_rng(0), "float32")
    with core_at(level):
        correlation = by_tiles(problem, kernel, 4)
        results = [run(correlation, x, threads) for threads in (1, 2, 3, 1)]
        alone = run(correlation, x[1:2])
    assert all(np.array_equal(results[0], other) for other in results)
    assert np.array_equal(results[0][1:2], alone)


@at_every_level
@pytest.mark.parametrize("tolerance", [1e-5, 1e-12])  # by tiles, and by sums of products
def test_the_epilogue_is_applied_once(level, tolerance):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 16, 40, (12, 13), "float32", tolerance, native=True)
    x, kernel = random_arrays(problem, 2, np.random.default_rng(0), "float32")
    scale, bias = np.linspace(0.5, 2, 40, dtype="f"), np.linspace(-3, 3, 40, dtype="f")
    with core_at(level):
        correlation = by_tiles(problem, kernel, 4)
        correlation.set_epilogue(NativeEpilogue(scale, bias, 0.0, 6.0))
        y = run(correlation, x)
    exact = np.clip(exact_sums(problem, x, kernel) * scale + bias, 0, 6)
    assert np.abs(y - exact).max() < 1e-3


@at_every_level
def test_whole_numbers_are_computed_by_sums_of_products(level):
    x, kernel = np.ones((1, 60, 60, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
    problem = replace(problem_of(x, kernel, [Window(3)] * 2), samples=1 << 20)
    with core_at(level):
        from convcli.engine.algorithms.prepare import prepare_correlation

        chosen, _ = prepare_correlation(kernel, problem)
        tiles, _ = prepare_correlation(kernel / 3, problem)
    assert (chosen, tiles) == ("native", "winograd")
