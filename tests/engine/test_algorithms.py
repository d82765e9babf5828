"""The ways to correlate against the plain one, and pooling and resizing, on small figures and random settings."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcli
from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.threads import Team
from convcli.engine.algorithms import (
    approximate,
    blocks,
    choose,
    compiled,
    fourier,
    im2col,
    patches,
    plain,
    pooling,
    resizing,
    winograd,
)
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.table import ALGORITHMS, load_algorithm
from convcli.model.window import Window

FAST = [name for name in ALGORITHMS if name != "plain" and (name != "compiled" or compiled.installed())]


def column(*values):
    return np.array(values, float).reshape(1, -1, 1)


def nothing(block, filters):
    """What a correlation alone does to a block when it is there."""


def work_of(x, kernel, windows, groups=1, tolerance=1e-5):
    space, filters = x.shape[1:-1], kernel.shape[-1]
    return Problem(tuple(windows), groups, kernel.shape[-2], filters // groups, space, x.dtype.name, tolerance)


def correlate(name, x, kernel, windows, groups=1, tolerance=1e-5, threads=1):
    problem = work_of(x, kernel, windows, groups, tolerance)
    _, prepared = prepare_correlation(kernel, problem, name)
    y = np.full((len(x), *problem.positions, problem.filters), 1e30, x.dtype)
    with Team(threads) as team:
        prepared.run(x, y, team, nothing)
    return y


def suited(*arguments):
    return [name for name in FAST if load_algorithm(name).suits(work_of(*arguments))]


# ---- by hand ----

TWO = (column(1, 2, 4, 8), column(1, 10).reshape(2, 1, 1), [Window(2, before=1)])


@pytest.mark.parametrize("name", [*suited(*TWO), "plain", "auto"])
def test_a_correlation_by_hand(name):
    assert correlate(name, *TWO).ravel().tolist() == [10, 21, 42, 84]


# 1 0 2 under a window of two, with one empty cell before and after
STRETCHED = (column(1, 2), column(1, 10).reshape(2, 1, 1), [Window(2, before=1, after=1, upsample=2)])


@pytest.mark.parametrize("name", [*suited(*STRETCHED), "plain", "auto"])
def test_a_stretched_correlation_by_hand(name):
    assert correlate(name, *STRETCHED).ravel().tolist() == [10, 1, 20, 2]


def test_a_way_that_does_not_suit_says_so():
    with pytest.raises(ConvcliError) as caught:
        correlate("phases", *TWO)
    assert str(caught.value) == (
        "algorithm phases does not suit this layer: it is for transposed convolutions "
        "(patches or banded or interleaved or plain, or auto)"
    )


# ---- against the plain way ----


@st.composite
def works(draw: st.DrawFn) -> tuple[Problem, int]:
    """What is to be correlated, and for how many samples."""
    rank = draw(st.integers(1, 3))
    upsample = draw(st.sampled_from([1, 1, 2, 3]))
    unit_stride = draw(st.booleans())
    same = draw(st.sampled_from([None, 3]))
    most = {1: 70, 2: 18, 3: 4}[rank]
    windows, space = [], []
    for _ in range(rank):
        size = same or draw(st.one_of(st.integers(1, 4), st.integers(1, most)))
        dilation = draw(st.integers(1, 2 if size < 5 else 1))
        stride = 1 if unit_stride else draw(st.integers(1, 4))
        before, after = (draw(st.one_of(st.integers(-1, 3), st.integers(-12, 12))) for _ in range(2))
        windows.append(Window(size, stride, dilation, before, after, upsample if stride == 1 else 1))
        space.append(windows[-1].smallest_input() + draw(st.integers(0, {1: 150, 2: 20, 3: 5}[rank])))
    groups = draw(st.sampled_from([1, 1, 1, 2, 8]))
    seen, made = (draw(st.integers(1, 5)) for _ in range(2))
    if groups > 2:
        seen, made = 1, draw(st.integers(1, 2))
    elif draw(st.booleans()):
        groups = seen = made = 1
    return Problem(tuple(windows), groups, seen, made, tuple(space)), draw(st.integers(1, 3))


def arrays(problem, batch, generator, dtype):
    sizes = (window.size for window in problem.windows)
    shapes = (batch, *problem.space, problem.channels), (*sizes, problem.group_channels, problem.filters)
    return [generator.normal(size=shape).astype(dtype) for shape in shapes]


def every_way(problem, batch, seed, dtype, spoil=None, whole=False):
    """The name and result of each fast way that suits, and the plain result in float64, on random numbers."""
    generator = np.random.default_rng(seed)
    x, kernel = arrays(problem, batch, generator, dtype)
    if whole:
        x, kernel = np.rint(9 * x), np.rint(9 * kernel)
    if spoil:
        spoil(x, generator)
    exact = correlate("plain", x.astype(float), kernel.astype(float), problem.windows, problem.groups)
    setting = (x, kernel, problem.windows, problem.groups)
    for name in suited(*setting):
        yield name, correlate(name, *setting, threads=2), exact


def largest(exact):
    """The largest finite value of each sample."""
    return np.abs(np.where(np.isfinite(exact), exact, 0)).reshape(len(exact), -1).max(axis=1)


@settings(max_examples=100, deadline=None)
@given(works(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
def test_whole_numbers_stay_exact(setting, seed, dtype):
    for name, y, exact in every_way(*setting, seed, dtype, whole=True):
        assert np.array_equal(y, exact), name


def within(y, exact, rounding):
    """Whether each sample is within 1e-5 of its largest value, but for the rounding of its sums of products."""
    worst = np.abs(y - exact).reshape(len(y), -1).max(axis=1)
    return np.all(worst <= 1e-5 * largest(exact) + rounding)


def wild(x, generator):
    """Numbers of all magnitudes, one sample very much larger, and an offset that most filters take away."""
    x *= np.exp(generator.uniform(-12, 12, x.shape))
    x[0] *= 1e6
    x[-1] += 1000


@settings(max_examples=100, deadline=None)
@given(works(), st.integers(0, 99))
@pytest.mark.parametrize("spoil", [None, wild], ids=["normal", "wild"])
def test_float32_is_within_the_tolerance_of_the_largest_value_of_its_sample(spoil, setting, seed):
    problem, batch = setting
    x, kernel = arrays(problem, batch, np.random.default_rng(seed), "float32")
    if spoil:
        spoil(x, np.random.default_rng(seed))
    exact, sums = (
        correlate("plain", *(each(part.astype(float)) for part in (x, kernel)), problem.windows, problem.groups)
        for each in (np.asarray, np.abs)
    )
    rounding = 4 * approximate.EPS * largest(sums)
    for name in suited(x, kernel, problem.windows, problem.groups):
        assert within(correlate(name, x, kernel, problem.windows, problem.groups, threads=2), exact, rounding), name


@pytest.mark.parametrize("name", ["winograd", "space_to_depth", "fourier"])
@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_what_a_filter_takes_away_does_not_drown_the_rest(name, offset):
    # A filter whose weights sum to zero leaves of 1000 ± 1 what it leaves of ± 1; a transform rounds by the thousand.
    generator = np.random.default_rng(0)
    x = np.float32(offset) + np.rint(generator.normal(size=(1, 40, 40, 1)) * 8).astype(np.float32) / 8
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 0], kernel[1, 2] = 0.5, -0.5
    windows = [Window(3)] * 2
    exact = correlate("plain", x.astype(float), kernel.astype(float), windows)
    assert np.array_equal(correlate(name, x, kernel, windows), exact)


def test_a_quiet_sample_is_not_measured_by_a_loud_one():
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((2, 9, 9, 16), (3, 3, 16, 16)))
    x[1] += 3000
    kernel -= kernel.mean(axis=(0, 1, 2))
    x[0] *= 1e6
    loud, quiet = correlate("winograd", x, kernel, [Window(3)] * 2)
    assert np.array_equal(quiet, correlate("patches", x[1:], kernel, [Window(3)] * 2)[0])
    assert not np.array_equal(loud, correlate("patches", x[:1], kernel, [Window(3)] * 2)[0])


@pytest.mark.parametrize("scale", [2.0**-90, 2.0**-40, 1.0, 2.0**60])
def test_the_tolerance_holds_at_any_scale(scale):
    generator = np.random.default_rng(0)
    x = (4096 + generator.integers(0, 2, (1, 12, 12, 4))).astype(np.float32) * np.float32(scale)
    kernel = np.zeros((3, 3, 4, 4), np.float32)
    kernel[1, 0], kernel[1, 1] = -0.5, 0.5
    exact = correlate("plain", x.astype(float), kernel.astype(float), [Window(3)] * 2)
    assert np.array_equal(correlate("winograd", x, kernel, [Window(3)] * 2), exact)


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e30])
def test_filters_of_any_size(scale):
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((1, 12, 12, 4), (3, 3, 4, 4)))
    kernel *= np.float32(scale)
    direct = correlate("patches", x, kernel, [Window(3)] * 2)
    assert np.abs(correlate("winograd", x, kernel, [Window(3)] * 2) - direct).max() <= 1e-5 * np.abs(direct).max()


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("space", [(13, 22), (53, 15)])
def test_compiled_tiles_of_any_dilation(native, dilation, space):
    generator = np.random.default_rng(0)
    x, kernel = (generator.normal(size=shape).astype(np.float32) for shape in ((2, *space, 8), (3, 3, 8, 5)))
    windows = (Window(3, dilation=dilation, before=1, after=2),) * 2
    problem = Problem(windows, 1, 8, 5, space, "float32", 1e-5, 1, native)
    prepared = winograd.WinogradCorrelation(
        kernel, kernel, problem, winograd.TileGrid((-1, -1), (dilation, dilation)), 4
    )
    y = np.empty((2, *problem.positions, 5), np.float32)
    with pytest.MonkeyPatch.context() as patch, Team(2) as team:
        patch.setattr(winograd, "BLOCK_BYTES", 1 << 15)
        prepared.run(x, y, team, nothing)
    assert "direct" not in vars(prepared)
    exact = correlate("plain", x.astype(float), kernel.astype(float), windows)
    assert np.abs(y - exact).max() <= 1e-5 * np.abs(exact).max()


def holes(x, generator):
    places = generator.integers(0, x.size, 3)
    x.reshape(-1)[places] = [np.nan, np.inf, -np.inf]


@settings(max_examples=100, deadline=None)
@given(works(), st.integers(0, 99), st.sampled_from(["float32", "float64"]))
@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_and_infinity_stay_in_the_windows_that_hold_them(setting, seed, dtype):
    for name, y, exact in every_way(*setting, seed, dtype, holes):
        assert np.array_equal(np.isnan(y), np.isnan(exact)), name
        assert np.array_equal(np.isinf(y), np.isinf(exact)), name
        finite = np.isfinite(exact)
        assert np.all(np.abs(y - exact)[finite] <= 1e-5 * max(largest(exact))), name


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("size", [3, 12])
def test_numbers_near_the_end_of_float32_do_not_overflow_on_the_way(size):
    x = np.full((1, 30, 30, 1), 2e38, np.float32)
    kernel = np.zeros((size, size, 1, 1), np.float32)
    kernel[0, 0] = 1.5
    for name in suited(x, kernel, [Window(size)] * 2):
        assert np.all(correlate(name, x, kernel, [Window(size)] * 2) == np.float32(3e38)), name


@settings(max_examples=60, deadline=None)
@given(works(), st.integers(0, 99))
def test_results_are_the_same_for_any_number_of_threads(setting, seed):
    problem, batch = setting
    x, kernel = arrays(problem, batch, np.random.default_rng(seed), "float32")
    for name in suited(x, kernel, problem.windows, problem.groups):
        first, *others = (
            correlate(name, x, kernel, problem.windows, problem.groups, threads=threads).tobytes()
            for threads in (1, 2, 3)
        )
        assert all(other == first for other in others), name


@settings(max_examples=60, deadline=None)
@given(works(), st.integers(0, 99), st.sampled_from([1, 3000, 100_000]))
def test_blocks_of_any_size_give_the_same(setting, seed, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ENOUGH_MACS", 1)
        patch.setattr(blocks, "FEWEST_FILTERS", 1)
        patch.setattr(patches, "FEW_ROWS", 1 << 20)
        patch.setattr(fourier, "TILE", {1: 16, 2: 16})
        patch.setattr(fourier, "CELLS_TOGETHER", 64)
        limits = [(blocks, "BLOCK_BYTES"), (winograd, "BLOCK_BYTES"), (compiled, "BLOCK_BYTES")]
        for module, name in (*limits, (im2col, "LARGEST_PADDED_INPUT")):
            patch.setattr(module, name, limit)
        for name, y, exact in every_way(*setting, seed, "float64", whole=True):
            assert np.array_equal(y, exact), name
        for name, y, exact in every_way(*setting, seed, "float32"):
            assert np.abs(y - exact).max() <= 2e-5 * np.abs(exact).max() + 1e-6, name


@settings(max_examples=100, deadline=None)
@given(works(), st.sampled_from([0.0, 1e-5]), st.sampled_from(["float32", "float64"]), st.booleans())
def test_the_rule_chooses_what_suits(setting, tolerance, dtype, native):
    problem, batch = setting
    problem = Problem(
        problem.windows,
        problem.groups,
        problem.group_channels,
        problem.group_filters,
        problem.space,
        dtype,
        tolerance,
        batch,
        native,
    )
    chosen = load_algorithm(choose.choose(problem))
    assert chosen.suits(problem)
    if tolerance == 0 or dtype == "float64":
        assert not issubclass(
            getattr(chosen, "WinogradCorrelation", getattr(chosen, "FourierCorrelation", Problem)),
            approximate.ApproximateCorrelation,
        )


def test_every_way_but_the_plain_one_is_chosen_for_something():
    def chosen(windows, groups, seen, made, space, dtype="float32", native=False):
        return choose.choose(Problem(tuple(windows), groups, seen, made, space, dtype, 1e-5, 1 << 20, native))

    image = (4096, 4096)
    found = {
        chosen([Window(3)] * 2, 1, 1, 1, image),
        chosen([Window(15)] * 2, 1, 1, 1, image),
        chosen([Window(3)] * 2, 1, 64, 64, (56, 56)),
        chosen([Window(1)] * 2, 1, 64, 64, (56, 56)),
        chosen([Window(3)] * 2, 64, 1, 1, (56, 56)),
        chosen([Window(400, 160)], 1, 1, 40, (160_000,)),
        chosen([Window(1025)], 1, 1, 1, (1_000_000,)),
        chosen([Window(4, upsample=2)] * 2, 1, 64, 32, (56, 56)),
        chosen([Window(3)] * 2, 1, 1, 1, image, native=True),
    }
    assert found == {*ALGORITHMS} - {"plain"}


# ---- memory ----


@pytest.mark.parametrize(
    ("name", "shape", "size", "filters"),
    [("img15", (4096, 4096, 1), 15, 1), ("vgg1", (224, 224, 64), 3, 64)],
)
@pytest.mark.parametrize("tolerance", [0, 1e-5])
def test_no_algorithm_needs_more_than_a_few_megabytes_a_thread(name, shape, size, filters, tolerance):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((1, *shape), np.float32)
    kernel = generator.standard_normal((size, size, shape[-1], filters), np.float32)
    problem = work_of(x, kernel, [Window(size, before=size // 2, after=size // 2)] * 2, tolerance=tolerance)
    _, prepared = prepare_correlation(kernel, problem)
    y = np.empty((1, *problem.positions, filters), np.float32)
    with Team(2) as team:
        tracemalloc.start()
        prepared.run(x, y, team, nothing)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # all patches together would be 15 GB and 116 MB
    assert peak < 2 * 10e6


def test_laying_out():
    laid = plain.stretch_and_pad(column(1, 2), [Window(1, before=1, after=2, upsample=3)])
    assert laid.ravel().tolist() == [0, 1, 0, 0, 2, 0, 0]
    assert plain.stretch_and_pad(column(1, 2, 3, 4), [Window(1, before=-1, after=-2)]).ravel().tolist() == [2]


def test_the_matrices_of_minimal_filtering_are_exact():
    # y = A'[(G g) * (B' d)] is the correlation of d by g
    for m in winograd.POINTS:
        spread, weigh, fold = winograd.transform_matrices(m)
        data, taps = np.arange(m + 2.0) ** 2, np.array([3.0, -1.0, 5.0])
        found = spread @ ((weigh @ taps) * (fold @ data))
        assert np.allclose(found, [data[at : at + 3] @ taps for at in range(m)], rtol=1e-13)


# ---- pooling and resizing ----


def pooled(x, windows, kind, count_padding=False, native=False):
    places = [window.output_extent(width) for window, width in zip(windows, x.shape[1:-1], strict=True)]
    y = np.empty((len(x), *places, x.shape[-1]), x.dtype)
    with Team(2) as team:
        pooling.pool(x, y, windows, kind, count_padding, team, nothing, native)
    return y.ravel().tolist()


@pytest.mark.parametrize(
    "native",
    [False, pytest.param(True, marks=pytest.mark.skipif(not compiled.installed(), reason="numba is not installed"))],
)
def test_pooling_by_hand(native):
    x = column(5, 1, 2, 9, 4)
    assert pooled(x, [Window(2, 2, ceil=True)], "max", native=native) == [5, 9, 4]
    assert pooled(-x, [Window(3, 2, before=1, after=1)], "max", native=native) == [-1, -1, -4]
    assert pooled(x, [Window(2, 2, before=1)], "average", False, native) == [5, 1.5, 6.5]
    assert pooled(x, [Window(2, 2, before=1)], "average", True, native) == [2.5, 1.5, 6.5]
    # the last window hangs over by one cell, which no count includes
    assert pooled(x, [Window(2, 2, ceil=True)], "average", True, native) == [3, 5.5, 4]


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2), st.booleans()
        ),
        min_size=1,
        max_size=2,
    ),
    st.integers(0, 99),
    st.sampled_from(["max", "average"]),
    st.booleans(),
)
def test_compiled_pooling_is_the_same(axes, seed, kind, count_padding):
    windows = [
        Window(size, stride, dilation, min(before, (size - 1) * dilation), min(after, (size - 1) * dilation), ceil=ceil)
        for size, stride, dilation, before, after, ceil in axes
    ]
    generator = np.random.default_rng(seed)
    x = generator.integers(-9, 9, (2, *(generator.integers(5, 9) for _ in axes), 3)) + 0.0
    x.reshape(-1)[generator.integers(0, x.size)] = np.nan
    found, expected = (pooled(x, windows, kind, count_padding, native) for native in (True, False))
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_resizing_by_hand():
    # centres at -1/4, 1/4, 3/4, 5/4
    assert resizing.resize(column(0, 4), [2], "bilinear").ravel().tolist() == [0, 1, 3, 4]
    assert resizing.resize(column(0, 4), [2], "nearest").ravel().tolist() == [0, 0, 4, 4]


def test_resizing_keeps_nan_near():
    y = resizing.resize(column(np.nan, 1, 1, 1, 1), [2], "bilinear")
    assert np.isnan(y.ravel()).tolist() == [True] * 3 + [False] * 7


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
def test_numba_has_memory_or_is_not_asked(monkeypatch):
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(memory, "room", lambda: 100 << 20)
    with pytest.raises(ConvcliError, match=r"^needs 160.0 MiB of memory, 100.0 MiB is free \(--no-compiled\)$"):
        compiled.numba_loops()
    large = np.ones((1, 3000, 3000, 1), "float32")
    with convcli.prepare(convcli.load(["Conv2D(1, 3)"]), large.shape[1:], seed=0) as prepared:
        assert prepared.algorithms == {"conv2d": ("banded",)}
