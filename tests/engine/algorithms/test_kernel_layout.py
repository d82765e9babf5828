"""Kernels as they are stored, and as they meet the input."""

from __future__ import annotations

import numpy as np
import pytest

from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.model.steps import Correlate, Weight
from convcli.model.window import Window


@pytest.mark.parametrize(
    ("transposed", "flip", "kernel"), [(False, False, [1, 2]), (False, True, [2, 1]), (True, False, [2, 1])]
)
def test_a_flipped_or_a_transposed_kernel_meets_the_input_in_reverse(transposed, flip, kernel):
    step = Correlate((Window(2),), Weight("kernel", (2, 1, 1)), 1, transposed=transposed, flip=flip)
    assert correlation_kernel(step, np.array([[[1.0]], [[2.0]]])).ravel().tolist() == kernel
