"""Every layer against what Keras, PyTorch, ONNX and SciPy computed; see reference/README.md."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import convcli
from convcli.model.layers import LAYERS, canonical_name

REFERENCE = ROOT / "tests/reference"
FRAMEWORKS = ("keras", "torch", "onnx", "scipy")


@lru_cache
def stored(framework: str) -> dict[str, np.ndarray]:
    """Return all arrays of a framework."""
    with np.load(REFERENCE / f"{framework}.npz") as archive:
        return dict(archive)


def document(name: str) -> Any:
    """Return a JSON file."""
    return json.loads((REFERENCE / f"{name}.json").read_text())


CASES = [
    pytest.param(framework, case, id=f"{framework}-{case['name']}")
    for framework in FRAMEWORKS
    for case in document(framework)["cases"]
]


def build(case: dict[str, Any], inputs: dict[str, np.ndarray]) -> convcli.Model:
    """Return a model of the case's one layer."""
    ((kind, arguments),) = case["layer"].items()
    shapes = {name: list(array.shape[1:]) for name, array in inputs.items()}
    if len(inputs) > 1:
        return convcli.load({"input": shapes, "layers": [{kind: {**arguments, "inputs": list(inputs)}}]})
    return convcli.load({"input": shapes["input"], "layers": [{kind: arguments}]})


@pytest.mark.parametrize(("framework", "case"), CASES)
def test_a_layer_computes_what_the_framework_did(framework, case):
    arrays = stored(framework)
    inputs = {name: arrays[f"{case['name']}/{name}"] for name in case["inputs"]}
    expected = arrays[f"{case['name']}/output"]
    model = build(case, inputs)
    (node,) = model.nodes
    weights = {f"{node.name}/{name}": arrays[f"{case['name']}/{name}"] for name in case["weights"]}
    scale = np.abs(expected).max()
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-5)):
        for algorithm in ("auto", "plain"):
            result = convcli.apply(model, inputs, weights=weights, dtype=dtype, algorithm=algorithm)
            assert result.dtype == dtype
            assert result.shape == expected.shape
            assert np.abs(result - expected).max() <= max(tolerance * scale, case.get("tolerance", 0))
            if case["name"].endswith("-integer"):
                assert np.array_equal(result, expected)


@pytest.mark.parametrize("name", sorted(document("keras_signatures")))
def test_arguments_are_in_keras_s_order(name):
    training_only = (
        "initializer",
        "regularizer",
        "constraint",
        "renorm",
        "lora",
        "synchronized",
        "seed",
        "noise_shape",
    )
    other = ("name", "dtype", "quantization_config")
    signature = document("keras_signatures")[name]
    expected = [
        argument
        for argument, _ in signature["arguments"]
        if argument not in other and not any(word in argument for word in training_only)
    ]
    layer = LAYERS[canonical_name(name)]
    if name != "PReLU":  # its argument comes behind three that matter in training only, so it goes by name
        assert list(layer.positional_arguments())[: len(expected)] == expected
    for alias in signature["aliases"]:
        assert LAYERS[canonical_name(alias)] is layer


def test_every_layer_has_a_figure_or_is_tried_by_hand():
    tried = {canonical_name(next(iter(case["layer"]))) for name in FRAMEWORKS for case in document(name)["cases"]}
    counted = {canonical_name(next(iter(case["layer"]))) for case in document("keras_counts")["layers"]}
    untried = {layer.__name__ for layer in LAYERS.values() if canonical_name(layer.__name__) not in tried | counted}
    assert untried == {  # these are tried by hand, in test_layers
        *("AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout3D", "GaussianNoise"),
        *("Identity", "ActivityRegularization", "LayerScale", "CustomScaleLayer", "FeatureAlphaDropout"),
        "Interleave",
    }


@pytest.mark.parametrize("case", document("keras_counts")["layers"], ids=lambda case: json.dumps(case["layer"]))
def test_shapes_and_parameters_of_a_layer_are_keras_s(case):
    summary = convcli.summarize(convcli.load([case["layer"]]), case["input_shape"])
    assert summary["output_shape"] == [None, *case["output_shape"]]
    assert (summary["params"], summary["trainable_params"]) == (case["params"], case["trainable_params"])


@pytest.mark.parametrize("case", document("keras_counts")["models"], ids=lambda case: case["rows"][0][0])
def test_names_shapes_and_parameters_of_a_model_are_keras_s(case):
    summary = convcli.summarize(convcli.load(case["model"]))
    keys = ("name", "type", "output_shape", "params")
    assert [[layer[key] for key in keys] for layer in summary["layers"]] == case["rows"]
    assert (summary["params"], summary["trainable_params"]) == (case["params"], case["trainable_params"])
