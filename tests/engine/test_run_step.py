"""Steps on whole arrays."""

from __future__ import annotations

import numpy as np
import pytest

from convcli.core.shapes import DataFormat
from convcli.engine.run_step import run_step
from convcli.model.steps import Merge


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (Merge("sum", coefficients=(1, -1)), [[1 - 3, 5 - 2]]),
        (Merge("mean"), [[(1 + 3) / 2, (5 + 2) / 2]]),
        (Merge("maximum"), [[3, 5]]),
        (Merge("sum", constants=((0, 10.0),)), [[10 + 1 + 3, 10 + 5 + 2]]),
        (Merge("hypot", constants=((2, 3.0),)), [[(1 + 9 + 9) ** 0.5, (25 + 4 + 9) ** 0.5]]),
        (Merge("concatenate", axis=0), [[1, 5, 3, 2]]),
        (Merge("interleave", axis=0), [[1, 3, 5, 2]]),
    ],
)
def test_values_are_merged_cell_by_cell_or_laid_side_by_side(step, result):
    y = run_step(step, [np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])], {})
    np.testing.assert_allclose(y, result, rtol=1e-15)


def test_values_of_different_ranks_broadcast_in_the_order_of_the_data_format():
    image = np.zeros((2, 4, 5, 3))  # (batch, height, width, channels)
    along_width = np.arange(10.0).reshape(2, 5)
    y = run_step(Merge("sum", DataFormat.CHANNELS_FIRST), [image, along_width], {})
    assert np.array_equal(y[1, 2, :, 0], [5, 6, 7, 8, 9])


def test_interleaved_values_take_turns_along_any_axis():
    a, b, c = np.random.default_rng(0).normal(size=(3, 2, 4, 5, 3))
    for axis in range(3):
        y = run_step(Merge("interleave", axis=axis), [a, b, c], {})
        for index, x in enumerate((a, b, c)):
            assert np.array_equal(np.take(y, range(index, y.shape[axis + 1], 3), axis + 1), x)
