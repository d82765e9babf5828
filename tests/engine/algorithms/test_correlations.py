"""Every algorithm against figures worked out by hand, and against the plain reference on random problems."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from correlations import column, correlate, no_finish, problem_of, problems, random_arrays, suitable
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import core_at, numpy_core  # noqa: F401

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import approximate, blocks, fourier, im2col, patches, plain, winograd
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.table import load_algorithm
from convcli.model.window import Window

pytestmark = pytest.mark.usefixtures("numpy_core")  # the native core has tests of its own


def suitable_for_numpy(*arguments):
    """Return the algorithms that suit a problem without the native core."""
    with core_at("numpy"):
        return suitable(*arguments)


# ---- by hand ----


def suitable_to_numpy(x, kernel, windows):
    """Return the fast algorithms that suit without the native core, which is there while tests are collected."""
    with core_at("numpy"):
        return suitable(x, kernel, windows)


TWO = (column(1, 2, 4, 8), column(1, 10).reshape(2, 1, 1), [Window(2, before=1)])


@pytest.mark.parametrize("name", [*suitable_to_numpy(*TWO), "plain", "auto"])
def test_a_correlation_by_hand(name):
    # 0 · 1 + 1 · 10, 1 · 1 + 2 · 10, …
    assert correlate(name, *TWO).ravel().tolist() == [10, 21, 42, 84]


# 1 0 2 under a window of two, with one empty cell before and after
STRETCHED = (column(1, 2), column(1, 10).reshape(2, 1, 1), [Window(2, before=1, after=1, upsample=2)])


@pytest.mark.parametrize("name", [*suitable_to_numpy(*STRETCHED), "plain", "auto"])
def test_a_stretched_correlation_by_hand(name):
    assert correlate(name, *STRETCHED).ravel().tolist() == [10, 1, 20, 2]


def test_the_reference_stretches_pads_and_crops():
    padded = plain.stretch_and_pad(column(1, 2), [Window(1, before=1, after=2, upsample=3)])
    assert padded.ravel().tolist() == [0, 1, 0, 0, 2, 0, 0]
    assert plain.stretch_and_pad(column(1, 2, 3, 4), [Window(1, before=-1, after=-2)]).ravel().tolist() == [2]


@pytest.mark.parametrize("upsample", [4, 50, 10**12])
def test_phases_are_prepared_only_where_the_kernel_meets_input(upsample):
    kernel, window = column(1, 10, 100).reshape(3, 1, 1), Window(3, before=2, after=upsample - 1, upsample=upsample)
    phases = load_algorithm("phases").prepare(kernel, problem_of(column(7), kernel, [window]))
    assert ([bundle.phases for bundle in phases.bundles], phases.covers_all) == ([[3]], False)


# Each axis has 500 phases, and a block of 2 MiB holds 4,096 of 8 × 8 numbers: 8 rows of 500 phases, or 16 of 250. With
# 501 cells, one phase of each axis meets two of them: 499 · 499 phases in 63 blocks, 499 twice, and 1.
@pytest.mark.parametrize(("size", "phases", "bundles"), [(500, 500, 63), (501, 500, 63 + 2 + 1), (250, 250, 16)])
def test_phases_that_meet_the_same_input_are_computed_together_a_block_at_a_time(size, phases, bundles):
    kernel, windows = np.ones((size, size, 1, 1)), [Window(size, before=size - 1, after=499, upsample=500)] * 2
    correlation = load_algorithm("phases").prepare(kernel, problem_of(np.ones((1, 8, 8, 1)), kernel, windows))
    assert len(correlation.bundles) == bundles
    assert sum(np.prod(bundle.phases) for bundle in correlation.bundles) == phases**2


def test_outputs_between_the_cells_of_a_far_stretched_input_are_what_becomes_of_zero():
    # 7 and 8 are 50 cells apart, each met by the kernel in reverse; after the bias of 1, the maximum with 5.
    x, kernel, window = column(7, 8), column(3, 2, 1).reshape(3, 1, 1), Window(3, before=2, after=49, upsample=50)
    correlation = load_algorithm("phases").prepare(kernel, problem_of(x, kernel, [window]))
    y = np.full((1, 100, 1), np.nan)

    def finish(block, filters):
        np.add(block, [1], out=block)
        np.maximum(block, 5, out=block)

    with ThreadPool(2) as workers:
        correlation.run(x, y, workers, finish)
    assert y.ravel().tolist() == [8, 15, 22, *[5] * 47, 9, 17, 25, *[5] * 47]


# ---- against the plain reference ----


def results_of_all(problem, samples, seed, dtype, spoil=None, whole=False):
    """Yield the name and result of each fast algorithm that suits, and the reference's in float64, on random numbers.

    `spoil` changes the input and the kernel in place.
    """
    generator = np.random.default_rng(seed)
    x, kernel = random_arrays(problem, samples, generator, dtype)
    if whole:
        x, kernel = np.rint(9 * x), np.rint(9 * kernel)
    if spoil:
        spoil(x, kernel, generator)
    exact = correlate("plain", x.astype(float), kernel.astype(float), problem.windows, problem.groups)
    arguments = (x, kernel, problem.windows, problem.groups)
    for name in suitable(*arguments):
        yield name, correlate(name, *arguments, threads=2), exact


def largest_of_samples(exact):
    """Return the largest finite magnitude of each sample."""
    return np.abs(np.where(np.isfinite(exact), exact, 0)).reshape(len(exact), -1).max(axis=1)


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_whole_numbers_stay_exact(problem, seed, dtype):
    for name, y, exact in results_of_all(*problem, seed, dtype, whole=True):
        assert np.array_equal(y, exact), name


def is_within(y, exact, rounding):
    """Return whether each sample is within 1e-5 of its largest value, but for the rounding of its sums of products."""
    worst = np.abs(y - exact).reshape(len(y), -1).max(axis=1)
    return np.all(worst <= 1e-5 * largest_of_samples(exact) + rounding)


def make_uneven(x, generator):
    """Give numbers all magnitudes, make one sample very much larger, and offset one by what most filters take away."""
    x *= np.exp(generator.uniform(-12, 12, x.shape))
    x[0] *= 1e6
    x[-1] += 1000


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 99))
@pytest.mark.parametrize("spoil", [None, make_uneven], ids=["normal", "uneven"])
def test_float32_is_within_the_tolerance_of_the_largest_value_of_its_sample(spoil, problem, seed):
    problem, samples = problem
    x, kernel = random_arrays(problem, samples, np.random.default_rng(seed), "float32")
    if spoil:
        spoil(x, np.random.default_rng(seed))
    x64, kernel64 = x.astype(float), kernel.astype(float)
    exact = correlate("plain", x64, kernel64, problem.windows, problem.groups)
    magnitudes = correlate("plain", np.abs(x64), np.abs(kernel64), problem.windows, problem.groups)
    rounding = 4 * approximate.EPS * largest_of_samples(magnitudes)
    for name in suitable(x, kernel, problem.windows, problem.groups):
        y = correlate(name, x, kernel, problem.windows, problem.groups, threads=2)
        assert is_within(y, exact, rounding), name


def put_undefined_into_input(x, kernel, generator):
    cells = generator.integers(0, x.size, 3)
    x.reshape(-1)[cells] = [np.nan, np.inf, -np.inf]


def put_undefined_into_kernel(x, kernel, generator):
    cells = generator.integers(0, kernel.size, 3)
    kernel.reshape(-1)[cells] = [np.nan, np.inf, -np.inf]


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
@pytest.mark.parametrize("spoil", [put_undefined_into_input, put_undefined_into_kernel])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_and_infinity_stay_in_the_windows_that_hold_them(spoil, problem, seed, dtype):
    for name, y, exact in results_of_all(*problem, seed, dtype, spoil):
        assert np.array_equal(np.isnan(y), np.isnan(exact)), name
        assert np.array_equal(np.isinf(y), np.isinf(exact)), name
        finite = np.isfinite(exact)
        assert np.all(np.abs(y - exact)[finite] <= 1e-5 * max(largest_of_samples(exact))), name


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("size", [3, 12])
def test_numbers_near_the_end_of_float32_do_not_overflow_on_the_way(size):
    x = np.full((1, 30, 30, 1), 2e38, np.float32)
    kernel = np.zeros((size, size, 1, 1), np.float32)
    kernel[0, 0] = 1.5
    names = suitable(x, kernel, [Window(size)] * 2)
    assert {"patches", "banded", "space_to_depth", "fourier"} <= set(names)
    for name in names:
        assert np.all(correlate(name, x, kernel, [Window(size)] * 2) == np.float32(3e38)), name


# ---- blocks and threads ----


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 99))
def test_results_are_the_same_for_any_number_of_threads(problem, seed):
    problem, samples = problem
    x, kernel = random_arrays(problem, samples, np.random.default_rng(seed), "float32")
    for name in suitable(x, kernel, problem.windows, problem.groups):
        first, *others = (
            correlate(name, x, kernel, problem.windows, problem.groups, threads=threads).tobytes()
            for threads in (1, 2, 3)
        )
        assert all(other == first for other in others), name


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 99), st.sampled_from([1, 3000, 100_000]))
def test_results_are_the_same_for_blocks_of_any_size(problem, seed, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ENOUGH_MACS", 1)
        patch.setattr(blocks, "FEWEST_FILTERS", 1)
        patch.setattr(patches, "FEW_ROWS", 1 << 20)
        patch.setattr(fourier, "TILE", {1: 16, 2: 16})
        patch.setattr(fourier, "CELLS_TOGETHER", 64)
        for module in (blocks, winograd):
            patch.setattr(module, "BLOCK_BYTES", limit)
        patch.setattr(im2col, "LARGEST_PADDED_INPUT", limit)
        for name, y, exact in results_of_all(*problem, seed, "float64", whole=True):
            assert np.array_equal(y, exact), name
        for name, y, exact in results_of_all(*problem, seed, "float32"):
            assert np.abs(y - exact).max() <= 2e-5 * np.abs(exact).max() + 1e-6, name


# ---- memory ----


@pytest.mark.parametrize(
    ("shape", "size", "filters"),
    [((4096, 4096, 1), 15, 1), ((224, 224, 64), 3, 64)],
    ids=["one channel, 15 × 15", "64 channels, 3 × 3"],
)
@pytest.mark.parametrize("tolerance", [0, 1e-5])
def test_no_algorithm_needs_more_than_a_few_megabytes_a_thread(shape, size, filters, tolerance):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((1, *shape), np.float32)
    kernel = generator.standard_normal((size, size, shape[-1], filters), np.float32)
    problem = problem_of(x, kernel, [Window(size, before=size // 2, after=size // 2)] * 2, tolerance=tolerance)
    _, correlation = prepare_correlation(kernel, problem)
    y = np.empty((1, *problem.positions, filters), np.float32)
    with ThreadPool(2) as workers:
        tracemalloc.start()
        correlation.run(x, y, workers, no_finish)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # all patches together would be 4096² · 15² · 4 = 15 GB and 224² · 64 · 3² · 4 = 116 MB
    assert peak < 2 * 10e6
