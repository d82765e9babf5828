"""Transforms keep to the tolerance: where their rounding errors would be too large, a sample is computed directly."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import correlate, no_finish
from levels import numpy_core  # noqa: F401

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import winograd
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

pytestmark = pytest.mark.usefixtures("numpy_core")  # the native core has tests of its own

SQUARE = [Window(3)] * 2


@pytest.mark.parametrize("name", ["winograd", "space_to_depth", "fourier"])
@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_what_a_filter_takes_away_does_not_drown_the_rest(name, offset):
    # A filter whose weights sum to zero leaves of 1000 ± 1 what it leaves of ± 1; a transform rounds by the thousand.
    generator = np.random.default_rng(0)
    x = np.float32(offset) + np.rint(generator.normal(size=(1, 40, 40, 1)) * 8).astype(np.float32) / 8
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 0], kernel[1, 2] = 0.5, -0.5
    exact = correlate("plain", x.astype(float), kernel.astype(float), SQUARE)
    assert np.array_equal(correlate(name, x, kernel, SQUARE), exact)


def test_a_quiet_sample_is_not_measured_by_a_loud_one():
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((2, 9, 9, 16), (3, 3, 16, 16)))
    x[1] += 3000
    kernel -= kernel.mean(axis=(0, 1, 2))
    x[0] *= 1e6
    loud, quiet = correlate("winograd", x, kernel, SQUARE)
    assert np.array_equal(quiet, correlate("patches", x[1:], kernel, SQUARE)[0])
    assert not np.array_equal(loud, correlate("patches", x[:1], kernel, SQUARE)[0])


@pytest.mark.parametrize("scale", [2.0**-90, 2.0**-40, 1.0, 2.0**60])
def test_the_tolerance_holds_at_any_scale(scale):
    generator = np.random.default_rng(0)
    x = (4096 + generator.integers(0, 2, (1, 12, 12, 4))).astype(np.float32) * np.float32(scale)
    kernel = np.zeros((3, 3, 4, 4), np.float32)
    kernel[1, 0], kernel[1, 1] = -0.5, 0.5
    exact = correlate("plain", x.astype(float), kernel.astype(float), SQUARE)
    assert np.array_equal(correlate("winograd", x, kernel, SQUARE), exact)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e30])
def test_filters_may_be_of_any_size(scale):
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((1, 12, 12, 4), (3, 3, 4, 4)))
    kernel *= np.float32(scale)
    direct = correlate("patches", x, kernel, SQUARE)
    assert np.abs(correlate("winograd", x, kernel, SQUARE) - direct).max() <= 1e-5 * np.abs(direct).max()


def test_the_matrices_of_minimal_filtering_are_exact():
    # y = A'[(G g) * (B' d)] is the correlation of d by g
    for m in winograd.POINTS:
        a, g, b = winograd.transform_matrices(m)
        data, weights = np.arange(m + 2.0) ** 2, np.array([3.0, -1.0, 5.0])
        y = a @ ((g @ weights) * (b @ data))
        assert np.allclose(y, [data[start : start + 3] @ weights for start in range(m)], rtol=1e-13)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("space", [(13, 22), (53, 15)])
def test_tiles_of_any_dilation_are_within_the_tolerance(dilation, space):
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((2, *space, 8), (3, 3, 8, 5)))
    windows = (Window(3, dilation=dilation, before=1, after=2),) * 2
    problem = Problem(windows, 1, 8, 5, space, "float32", 1e-5, 1)
    grid = winograd.TileGrid((-1, -1), (dilation, dilation))
    correlation = winograd.WinogradCorrelation(kernel, kernel, problem, grid, 4)
    y = np.empty((2, *problem.positions, 5), np.float32)
    with pytest.MonkeyPatch.context() as patch, ThreadPool(2) as workers:
        patch.setattr(winograd, "BLOCK_BYTES", 1 << 15)
        correlation.run(x, y, workers, no_finish)
    assert correlation.algorithms_used("winograd") == ("winograd",)
    exact = correlate("plain", x.astype(float), kernel.astype(float), windows)
    assert np.abs(y - exact).max() <= 1e-5 * np.abs(exact).max()
