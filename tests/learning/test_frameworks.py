"""Training as Keras does it, and gradients as PyTorch computes them: stored figures of both."""

from __future__ import annotations

import json
from typing import Any

import learning_cases
import numpy as np
import pytest
from conftest import ROOT

import convcli

REFERENCE = ROOT / "tests/reference"
Arrays = dict[str, np.ndarray]


def read_reference(name: str) -> tuple[dict[str, Any], Arrays]:
    """Return the cases of a reference and its arrays."""
    with np.load(REFERENCE / f"{name}.npz") as archive:
        return json.loads((REFERENCE / f"{name}.json").read_text()), dict(archive)


def under(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose keys begin with the prefix, by the rest of the key."""
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


KERAS, KERAS_ARRAYS = read_reference("training")
TORCH, TORCH_ARRAYS = read_reference("gradients")


@pytest.mark.parametrize("case", KERAS["cases"], ids=lambda case: case["name"])
def test_weights_and_losses_after_some_epochs_are_those_of_keras(case):
    arrays = under(f"{case['name']}/", KERAS_ARRAYS)
    before, after, tolerance = under("before/", arrays), under("after/", arrays), case.get("tolerance", 1e-10)
    options = {**KERAS["options"], **case["options"]}
    model = convcli.load(case["layers"])
    fitted = convcli.fit(model, arrays["input"], arrays["target"], weights=before, dtype="float64", **options)
    assert set(fitted.weights) == set(after)
    for key, expected in after.items():
        np.testing.assert_allclose(fitted.weights[key], expected, rtol=1e-9, atol=tolerance, err_msg=key)
        assert np.abs(expected - before[key]).max() > 1e-3  # so that a run that learns nothing fails
    np.testing.assert_allclose(fitted.history["loss"], case["losses"], rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize("case", TORCH["cases"], ids=lambda case: case["name"])
def test_gradients_of_a_network_are_those_of_pytorch(case):
    arrays = under(f"{case['name']}/", TORCH_ARRAYS)
    model = convcli.load(case["layers"])
    weights = {key: arrays[key] for key in case["weights"]}
    shapes = {"input": arrays["input"].shape[1:]}
    with learning_cases.network(model, shapes, weights, gradient_inputs=["input"]) as network:
        done = network.forward({"input": arrays["input"]}, training=True)
        by_inputs = network.backward(done, {model.outputs[0]: arrays["goal"]})
        gradients = {f"{layer}/{name}": array for (layer, name), array in network.weights.gradients.items()}
    np.testing.assert_allclose(done.outputs[model.outputs[0]], arrays["output"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_inputs["input"], arrays["by/input"], rtol=1e-9, atol=1e-11)
    assert set(gradients) == set(case["weights"])
    for key, gradient in gradients.items():
        np.testing.assert_allclose(gradient, arrays[f"by/{key}"], rtol=1e-9, atol=1e-11, err_msg=key)
