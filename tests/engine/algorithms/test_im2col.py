"""Patches as a matrix: against the reference's padded input, and without a copy where that is possible."""

from __future__ import annotations

import numpy as np
import pytest
from correlations import column, problems, random_arrays
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import plain
from convcli.engine.algorithms.im2col import im2col
from convcli.model.window import Window

WHOLE = (slice(0, 1), slice(0, 4))  # one sample, four positions


def test_patches_by_hand():
    with ThreadPool(1) as workers:
        matrix = im2col(column(1, 2, 4, 8), [Window(2, before=1)], WHOLE, workers)
    assert matrix.tolist() == [[0, 1], [1, 2], [2, 4], [4, 8]]


def test_patches_of_one_cell_are_the_input_itself():
    x = column(1, 2, 4, 8)
    with ThreadPool(1) as workers:
        assert np.shares_memory(im2col(x, [Window(1)], WHOLE, workers), x)


def test_patches_are_written_where_the_caller_wants_them():
    x, out = column(1, 2, 4, 8), np.empty((4, 1))
    with ThreadPool(1) as workers:
        assert im2col(x, [Window(1)], WHOLE, workers, out) is out
    assert out.ravel().tolist() == [1, 2, 4, 8]


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 99), st.sampled_from([0, 1 << 30]), st.data())
def test_a_row_is_what_the_reference_sees_at_that_position(problem, seed, largest, data):
    problem, samples = problem
    assume(problem.unstretched)
    x, _ = random_arrays(problem, samples, np.random.default_rng(seed), "float32")
    bounds = [
        sorted(data.draw(st.tuples(*[st.integers(0, count)] * 2).filter(lambda pair: pair[0] != pair[1])))
        for count in (samples, *problem.positions)
    ]
    region = tuple(slice(*pair) for pair in bounds)
    with pytest.MonkeyPatch.context() as patch, ThreadPool(1) as workers:
        patch.setattr("convcli.engine.algorithms.im2col.LARGEST_PADDED_INPUT", largest)
        matrix = im2col(x, problem.windows, region, workers)
    cells = np.ndindex(*(axis.stop - axis.start for axis in region))
    assert len(matrix) == np.prod([axis.stop - axis.start for axis in region])
    for row, cell in zip(matrix, cells, strict=True):
        sample, *position = (axis.start + index for axis, index in zip(region, cell, strict=True))
        padded = plain.stretch_and_pad(x[sample : sample + 1], problem.windows)
        assert np.array_equal(row, plain.patch_at(padded, problem.windows, position).ravel())
