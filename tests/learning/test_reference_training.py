"""What is learned: as Keras does it, as PyTorch differentiates it, the same again and again, and after a stop."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import convcli
from convcli.core.errors import ConvcliError
from convcli.engine.bind_weights import WeightSource, bind
from convcli.learning.checkpoints import PARTS, RECORD, unpack
from convcli.learning.network import Network
from convcli.model.plan import make_plan

REFERENCE = ROOT / "tests/reference"


def stored(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The cases of a reference and its arrays."""
    with np.load(REFERENCE / f"{name}.npz") as archive:
        return json.loads((REFERENCE / f"{name}.json").read_text()), dict(archive)


def under(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


KERAS, KERAS_ARRAYS = stored("training")
TORCH, TORCH_ARRAYS = stored("gradients")


@pytest.mark.parametrize("case", KERAS["cases"], ids=lambda case: case["name"])
def test_weights_and_losses_after_some_epochs_are_those_of_keras(case):
    arrays = under(f"{case['name']}/", KERAS_ARRAYS)
    model = convcli.load(case["layers"])
    done = convcli.fit(
        model,
        arrays["input"],
        arrays["target"],
        weights=under("before/", arrays),
        dtype="float64",
        **KERAS["options"],
        **case["options"],
    )
    after, tolerance = under("after/", arrays), case.get("tolerance", 1e-10)
    assert set(done.weights) == set(after)
    for key, value in after.items():
        np.testing.assert_allclose(done.weights[key], value, rtol=1e-9, atol=tolerance, err_msg=key)
        assert np.abs(value - arrays[f"before/{key}"]).max() > 1e-3  # it has learned at all
    np.testing.assert_allclose(done.history["loss"], case["losses"], rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize("case", TORCH["cases"], ids=lambda case: case["name"])
def test_gradients_of_a_network_are_those_of_pytorch(case):
    arrays = under(f"{case['name']}/", TORCH_ARRAYS)
    model = convcli.load(case["layers"])
    plan = make_plan(model, {"input": arrays["input"].shape[1:]})
    weights = {key: arrays[key] for key in case["weights"]}
    bound = bind(plan, WeightSource(weights, seed=0), "float64")
    with Network(plan, bound, "float64", model.outputs, inputs=["input"]) as network:
        passed = network.forward({"input": arrays["input"]}, training=True)
        np.testing.assert_allclose(passed.values[model.outputs[0]], arrays["output"], rtol=1e-10, atol=1e-12)
        by_inputs = network.backward(passed, {model.outputs[0]: arrays["goal"]})
        found = {f"{owner}/{name}": each for (owner, name), each in network.gradients.items()}
    np.testing.assert_allclose(by_inputs["input"], arrays["by/input"], rtol=1e-9, atol=1e-11)
    assert set(found) == set(case["weights"])
    for key, each in found.items():
        np.testing.assert_allclose(each, arrays[f"by/{key}"], rtol=1e-9, atol=1e-11, err_msg=key)


@pytest.mark.parametrize("record", [b"", b"[]", b"5", b"\xff", json.dumps(dict.fromkeys(PARTS, float("inf"))).encode()])
def test_a_broken_checkpoint_is_an_error(record):
    with pytest.raises(ConvcliError, match=r"^broken checkpoint: "):
        unpack({RECORD: np.frombuffer(record, np.uint8)})
