"""Compiled code that applies an epilogue."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.engine.algorithms import compiled


@pytest.mark.skipif(not compiled.installed(), reason="numba is not installed")
@pytest.mark.parametrize(
    "epilogue",
    [
        ["ReLU()"],
        ["ReLU(max_value=0.5)"],
        ["BatchNormalization()", "ReLU(6)"],
        ["ReLU(max_value=0.5)", "Rescaling(-2, 1)"],
        ["Activation('relu6')", "ReLU(max_value=-1)", "ReLU()"],
        ["LeakyReLU()"],
    ],
)
@pytest.mark.parametrize(
    "layer", ["Conv2D(300, 1)", "Conv2D(5, 3)", "DepthwiseConv2D(3)", "Conv2DTranspose(3, 2, strides=2)"]
)
def test_compiled_code_applies_an_epilogue_as_numpy_does(layer, epilogue):
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 8))
    model = convcli.load([layer, *epilogue])
    compiled_result, result = (convcli.apply(model, x, seed=3, compiled=use_compiled) for use_compiled in (True, False))
    np.testing.assert_allclose(compiled_result, result, rtol=1e-12, atol=1e-12)
