"""Keras models that say channels_first, wholly or in part, compute what Keras computes with PyTorch."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT

import convcli

REFERENCE = ROOT / "tests" / "reference"
MODELS = json.loads((REFERENCE / "channels_first.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_the_values_are_keras_s(name):
    with np.load(REFERENCE / "channels_first.npz") as arrays:
        own = {key.removeprefix(f"{name}/"): arrays[key] for key in arrays if key.startswith(f"{name}/")}
    x, y = own.pop("x"), own.pop("y")
    weights = {key.removeprefix("w/"): value for key, value in own.items()}
    model = convcli.load(MODELS[name])
    result = convcli.apply(model, x, weights=weights, dtype="float64")
    assert result.shape == y.shape
    assert np.abs(result - y).max() < 1e-5 * np.abs(y).max()
    assert convcli.summarize(model)["output_shape"][1:] == list(y.shape[1:])
