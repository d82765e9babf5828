"""Correlations by a named algorithm, and random problems for it to solve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.table import ALGORITHMS, load_algorithm
from convcli.model.window import Window

# All but the reference that they are compared with.
FAST = [name for name in ALGORITHMS if name != "plain"]


def column(*values: float) -> Array:
    """Return one sample of one channel along one axis: (1, values, 1)."""
    return np.array(values, float).reshape(1, -1, 1)


def no_finish(block: Array, filters: slice) -> None:
    """Leave a finished block as it is."""


def problem_of(x: Array, kernel: Array, windows: Sequence[Window], groups: int = 1, tolerance: float = 1e-5) -> Problem:
    """Return the problem of correlating these arrays."""
    filters, space, finite = kernel.shape[-1], x.shape[1:-1], bool(np.isfinite(kernel).all())
    arguments = (tuple(windows), groups, kernel.shape[-2], filters // groups, space, x.dtype.name, tolerance)
    return Problem(*arguments, finite_kernel=finite)


def correlate(
    algorithm: str,
    x: Array,
    kernel: Array,
    windows: Sequence[Window],
    groups: int = 1,
    tolerance: float = 1e-5,
    threads: int = 1,
) -> Array:
    """Return the correlation of x, (samples, *space, channels), and a kernel: (samples, *positions, filters)."""
    problem = problem_of(x, kernel, windows, groups, tolerance)
    _, correlation = prepare_correlation(kernel, problem, algorithm)
    y = np.full((len(x), *problem.positions, problem.filters), 1e30, x.dtype)
    with ThreadPool(threads) as workers:
        correlation.run(x, y, workers, no_finish)
    return y


def suitable(x: Array, kernel: Array, windows: Sequence[Window], groups: int = 1) -> list[str]:
    """Return the names of the fast algorithms that suit the problem of these arrays."""
    return [name for name in FAST if load_algorithm(name).suits(problem_of(x, kernel, windows, groups))]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Problem, int]:
    """A problem and a number of samples; every algorithm suits some of them."""
    rank = draw(st.integers(1, 3))
    upsample = draw(st.sampled_from([1, 1, 2, 3]))
    unit_stride = draw(st.booleans())
    same_size = draw(st.sampled_from([None, 3]))
    most = {1: 70, 2: 18, 3: 4}[rank]
    windows, space = [], []
    for _ in range(rank):
        size = same_size or draw(st.one_of(st.integers(1, 4), st.integers(1, most)))
        dilation = draw(st.integers(1, 2 if size < 5 else 1))
        stride = 1 if unit_stride else draw(st.integers(1, 4))
        before, after = (draw(st.one_of(st.integers(-1, 3), st.integers(-12, 12))) for _ in range(2))
        windows.append(Window(size, stride, dilation, before, after, upsample if stride == 1 else 1))
        space.append(windows[-1].smallest_input() + draw(st.integers(0, {1: 150, 2: 20, 3: 5}[rank])))
    groups = draw(st.sampled_from([1, 1, 1, 2, 8]))
    channels, filters = (draw(st.integers(1, 5)) for _ in range(2))
    if groups > 2:
        channels, filters = 1, draw(st.integers(1, 2))
    elif draw(st.booleans()):
        groups = channels = filters = 1
    return Problem(tuple(windows), groups, channels, filters, tuple(space)), draw(st.integers(1, 3))


def random_arrays(problem: Problem, samples: int, generator: np.random.Generator, dtype: str) -> tuple[Array, Array]:
    """Return an input and a kernel for a problem, of normally distributed numbers."""
    sizes = (window.size for window in problem.windows)
    x = generator.normal(size=(samples, *problem.space, problem.channels))
    kernel = generator.normal(size=(*sizes, problem.group_channels, problem.filters))
    return x.astype(dtype), kernel.astype(dtype)
