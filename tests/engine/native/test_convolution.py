"""The convolutions of the native core against the plain reference, at every level of the machine."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import correlate, no_finish, problems, random_arrays
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, core_at

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import native
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window


def native_and_exact(problem, samples, seed, dtype, threads=2):
    """Return the core's result and the reference's, both of small whole numbers, which every order of sums keeps."""
    x, kernel = (np.rint(4 * array) for array in random_arrays(problem, samples, np.random.default_rng(seed), dtype))
    arguments = (x, kernel, problem.windows, problem.groups)
    return correlate("native", *arguments, threads=threads), correlate("plain", *arguments)


@at_every_level
@settings(max_examples=150, deadline=None)
@given(problems(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_whole_numbers_are_exact(level, problem, seed, dtype):
    problem, samples = problem
    with core_at(level):
        if not native.suits(problem):
            return
        y, exact = native_and_exact(problem, samples, seed, dtype)
    assert np.array_equal(y, exact)


@st.composite
def wide_problems(draw):
    """A problem with so many channels and filters that they fill some blocks and leave a rest."""
    rank = draw(st.integers(1, 3))
    most = {1: 40, 2: 12, 3: 4}[rank]
    windows = tuple(
        Window(
            draw(st.integers(1, 3)),
            draw(st.integers(1, 3)),
            draw(st.integers(1, 3)),
            draw(st.integers(-2, 12)),
            draw(st.integers(-2, 12)),
        )
        for _ in range(rank)
    )
    space = tuple(window.smallest_input() + draw(st.integers(0, most)) for window in windows)
    groups, most_channels, most_filters = draw(st.sampled_from([(1, 40, 70), (3, 40, 70), (40, 1, 1), (11, 4, 16)]))
    groups, channels, filters = (draw(st.integers(1, most)) for most in (groups, most_channels, most_filters))
    return Problem(windows, groups, channels, filters, space), draw(st.integers(1, 3))


@at_every_level
@settings(max_examples=100, deadline=None)
@given(wide_problems(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_blocks_of_filters_and_their_rest_are_exact(level, problem, seed, dtype):
    with core_at(level):
        y, exact = native_and_exact(*problem, seed, dtype)
    assert np.array_equal(y, exact)


@at_every_level
@pytest.mark.parametrize("filters", [1, 7, 8, 9, 16, 17, 31, 32, 33, 65])
@pytest.mark.parametrize("width", [1, 3, 7, 13, 14, 15, 29])
def test_every_rest_of_rows_and_filters(level, filters, width):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 17, filters, (3, width))
    with core_at(level):
        y, exact = native_and_exact(problem, 1, 0, "float32")
    assert np.array_equal(y, exact)


@at_every_level
@pytest.mark.parametrize("channels", [1, 3, 4, 15, 16, 17, 35])
@pytest.mark.parametrize("width", [1, 4, 6, 7, 8, 14, 17])
@pytest.mark.parametrize(
    "window", [Window(3, before=1, after=1), Window(3, 2, 1, 1, 2), Window(5, 1, 1, 2, 2), Window(2)]
)
def test_every_rest_of_rows_and_channels_of_a_depthwise_layer(level, channels, width, window):
    width = max(width, window.smallest_input())
    problem = Problem((Window(3, before=1, after=1), window), channels, 1, 1, (4, width))
    with core_at(level):
        y, exact = native_and_exact(problem, 1, 0, "float32")
    assert np.array_equal(y, exact)


@at_every_level
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize("sizes", [(1, 4), (2, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize("space", [(5, 7), (9, 65), (37, 530)])
def test_every_rest_of_tiles_of_an_image(level, channels, filters, sizes, space):
    windows = tuple(
        Window(size, before=before, after=after) for size, before, after in zip(sizes, (2, -1), (0, 3), strict=True)
    )
    problem = Problem(windows, 1, channels, filters, space)
    with core_at(level):
        y, exact = native_and_exact(problem, 1, 0, "float32")
    assert np.array_equal(y, exact)


@at_every_level
@pytest.mark.parametrize("upsample", [2, 3, 5])
@pytest.mark.parametrize("groups", [1, 6])
def test_transposed_layers_are_exact_in_every_phase(level, upsample, groups):
    windows = (Window(4, dilation=2, before=3, after=1, upsample=upsample), Window(3, before=1, upsample=upsample))
    problem = Problem(windows, groups, 12 // groups, 6 // groups, (5, 6))
    with core_at(level):
        y, exact = native_and_exact(problem, 2, 0, "float32")
    assert np.array_equal(y, exact)


@at_every_level
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_are_as_exact_as_their_rounding(level, dtype):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 64, 48, (20, 20), dtype)
    x, kernel = random_arrays(problem, 1, np.random.default_rng(0), dtype)
    with core_at(level):
        y = correlate("native", x, kernel, problem.windows)
    exact = correlate("plain", x.astype("float64"), kernel.astype("float64"), problem.windows)
    magnitude = np.abs(exact).max()
    assert np.abs(y - exact).max() <= 20 * np.finfo(dtype).eps * magnitude


@at_every_level
def test_results_are_the_same_for_any_number_of_threads(level):
    problem = Problem((Window(3, before=1, after=1),) * 2, 1, 48, 96, (56, 56), "float32")
    x, kernel = random_arrays(problem, 2, np.random.default_rng(0), "float32")
    with core_at(level):
        first, *others = (correlate("native", x, kernel, problem.windows, threads=count) for count in (1, 2, 3, 7))
    assert all(np.array_equal(first, other) for other in others)


@at_every_level
@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x[:, ::2, 1:-1],
        lambda x: x.transpose(0, 2, 1, 3),
        lambda x: np.frombuffer(b"?" + np.ascontiguousarray(x).tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
        lambda x: x[..., ::-1],
    ],
    ids=["strided", "transposed", "misaligned", "reversed"],
)
def test_an_input_may_lie_in_memory_as_it_likes(level, spoil):
    x = spoil(np.rint(4 * np.random.default_rng(0).normal(size=(2, 9, 11, 5))).astype(np.float32))
    kernel = np.arange(3 * 3 * 5 * 6, dtype=np.float32).reshape(3, 3, 5, 6) % 7 - 3
    with core_at(level):
        y = correlate("native", x, kernel, [Window(3, before=1, after=1)] * 2)
    assert np.array_equal(y, correlate("plain", np.array(x), kernel, [Window(3, before=1, after=1)] * 2))


@at_every_level
@pytest.mark.parametrize("spoil", ["x", "y"])
def test_arrays_that_do_not_fit_the_record_are_not_passed_on(level, spoil):
    problem = Problem((Window(3),) * 2, 1, 4, 6, (8, 8), "float32")
    arrays = {"x": np.zeros((1, 8, 8, 4), np.float32), "y": np.zeros((1, 6, 6, 6), np.float32)}
    arrays[spoil] = arrays[spoil][:, 1:]
    with core_at(level), ThreadPool(1) as workers, pytest.raises(ValueError, match="not the"):
        native.prepare(np.zeros((3, 3, 4, 6), np.float32), problem).run(arrays["x"], arrays["y"], workers, no_finish)
