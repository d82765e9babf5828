"""Gradients of every step against finite differences in float64, along random directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import layers

import convcli
from convcli.engine.bind_weights import WeightSource, bind
from convcli.learning.network import Network
from convcli.model.activations import ACTIVATIONS, PULLBACKS
from convcli.model.activations.pointwise import SELU_SCALE
from convcli.model.plan import make_plan

STEPS = (1e-5, 1e-6)  # where a maximum changes hands within one of them, the other tells
WORST = 1e-6


def worst_error(model: Any, shapes: dict[str, tuple[int, ...]], training: bool = True, seed: int = 0) -> float:
    """The largest relative error of gradients along random directions, by inputs and by all weights.

    A fourth-order difference, (8·(f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, errs by h⁴ only.
    """
    random = np.random.default_rng(seed)
    plan = make_plan(model, shapes)
    bound = bind(plan, WeightSource(seed=1), "float64")
    inputs = {name: random.normal(size=(3, *shape)) for name, shape in shapes.items()}
    errors = []
    with Network(plan, bound, "float64", model.outputs, inputs=list(shapes)) as network:
        network.flat += random.normal(size=network.flat.shape) * 0.3
        network.flat[network.learned :] = np.abs(network.flat[network.learned :]) + 0.5  # variances
        passed = network.forward(inputs, training, (seed,))
        goals = {name: random.normal(size=value.shape) for name, value in passed.values.items()}
        by_inputs = network.backward(passed, goals)
        start, gradient = network.flat.copy(), network.gradient.copy()

        def value(moved: Any, at: Any) -> float:
            network.flat[...] = start
            network.flat[: network.learned] += moved
            done = network.forward(at, training, (seed,))
            return sum(float(np.sum(goals[name] * done.values[name])) for name in goals) + done.penalty

        for number in range(2):
            way = random.normal(size=network.learned)
            ways = {name: random.normal(size=x.shape) for name, x in inputs.items()}
            along, at = (way, dict.fromkeys(inputs, 0.0)) if number else (way * 0, ways)
            exact = float(gradient @ along) + sum(float(np.sum(by_inputs[name] * at[name])) for name in inputs)

            def moved(h: float, along: Any = along, at: Any = at) -> float:
                return value(h * along, {name: x + h * at[name] for name, x in inputs.items()})

            def error(h: float, moved: Any = moved, exact: float = exact) -> float:
                found = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
                return abs(found - exact) / max(abs(exact), abs(found), 1e-2)

            errors.append(min(map(error, STEPS)))
    return max(errors)


@given(layers, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
@example(({"conv1d_transpose": {"filters": 1, "kernel_size": 1, "strides": 2, "padding": 2}}, (5, 1)), 0)
def test_layers(case, seed):
    layer, shape = case
    if isinstance(layer, dict):  # smooth, so that no difference spans a corner
        ((kind, arguments),) = layer.items()
        layer = {kind: {**arguments, "activation": "tanh"}} if arguments.get("activation") else layer
    assert worst_error(convcli.load([layer]), {"input": shape}, seed=seed) < WORST


MERGES = ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("merge", MERGES)
def test_merges_of_a_branch_and_of_itself(merge, data_format):
    branch = {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same", "inputs": "input", "name": "branch"}}
    layers = [branch, {merge: {"inputs": ["branch", "input"], "name": "merged"}}]
    if merge not in ("concatenate", "subtract"):
        layers.append({merge: {"inputs": ["merged", "branch", 0.3, "merged"]}})
    model = convcli.load(layers, data_format=data_format)
    assert worst_error(model, {"input": (4, 5, 2)}) < WORST


@pytest.mark.parametrize("merge", ["add", "multiply", "average", "maximum", "minimum"])
def test_merges_that_broadcast(merge):
    inputs = {"a": [4, 3, 2], "b": [3, 1], "c": [1, 1, 2]}
    document = {"input": inputs, "layers": [{merge: {"inputs": list(inputs)}}]}
    for data_format in ("channels_last", "channels_first"):
        model = convcli.load({**document, "data_format": data_format})
        assert worst_error(model, dict(model.inputs)) < WORST


@pytest.mark.parametrize(
    "layer",
    [
        "Dropout(0.4)",
        "AlphaDropout(0.4)",
        "GaussianDropout(0.4)",
        "SpatialDropout2D(0.4)",
        "GaussianNoise(0.4)",
        "ActivityRegularization(0.1, 0.2)",
        "BatchNormalization()",
        "BatchNormalization(scale=False)",
        "CustomScaleLayer",
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_layers_in_training_and_outside(layer, training):
    if layer == "CustomScaleLayer":
        layer = {"custom_scale_layer": {"scale": 0.3, "inputs": ["conv2d", "input"]}}
    model = convcli.load(["Conv2D(2, 3, padding='same')", layer, "Dense(2)"])
    assert worst_error(model, {"input": (4, 5, 2)}, training) < WORST


def test_a_layer_that_is_called_again_gathers_the_gradients_of_all_calls():
    convolution = {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same", "name": "twice", "activation": "tanh"}}
    model = convcli.load([convolution, "BatchNormalization(name='norm')", {"shared": {"layer": "twice"}}, "Flatten()"])
    assert any(node.shares_with for node in model.nodes)
    assert worst_error(model, {"input": (4, 5, 2)}) < WORST


def test_several_outputs_and_inputs():
    document = {
        "input": {"a": [4, 4, 1], "b": [3]},
        "layers": [
            {"conv2d": {"name": "c", "filters": 3, "kernel_size": 2, "inputs": "a"}},
            {"multiply": {"name": "m", "inputs": ["c", "b"]}},
            {"dense": {"name": "d", "units": 2, "inputs": "m"}},
        ],
        "outputs": ["d", "c", "m"],
    }
    model = convcli.load(document)
    assert worst_error(model, dict(model.inputs)) < WORST


@pytest.mark.parametrize("name", sorted({each.__name__ for each in ACTIVATIONS.values()}))
def test_activations(name):
    assert worst_error(convcli.load([f"Activation('{name}')"]), {"input": (4, 6)}) < WORST


@pytest.mark.parametrize(
    ("layer", "at", "slope"),
    [
        ("ReLU()", 0, 0),
        ("ReLU(6)", 6, 0),
        ("ReLU(3)", 3, 1),
        ("ReLU(3, threshold=1)", 3, 1),
        ("ReLU(negative_slope=0.25)", 0, 0.25),
        ("ReLU(negative_slope=0.25, threshold=1)", 1, 0),
        ("ReLU(3, negative_slope=0.25)", 0, 0),
        ("LeakyReLU(0.25)", 0, 0.25),
        ("ELU(0.25)", 0, 0.25),
        ("selu", 0, SELU_SCALE),
        ("hard_tanh", 1, 1),
        ("hard_tanh", -1, 1),
        ("hard_sigmoid", 3, 0),
        ("soft_shrink", 0.5, 0),
        ({"p_re_lu": {"alpha": [0.25]}}, 0, 0),
        ({"p_re_lu": {"alpha": [0.25]}}, -1, 0.25),
    ],
)
def test_slopes_at_corners_are_those_of_keras(layer, at, slope):
    model = convcli.load([layer])
    bound = bind(make_plan(model, {"input": (1,)}), WeightSource(seed=0), "float64")
    with Network(make_plan(model, {"input": (1,)}), bound, "float64", model.outputs, inputs=["input"]) as network:
        passed = network.forward({"input": np.array([[float(at)]])}, training=True)
        (by_input,) = network.backward(passed, {model.outputs[0]: np.ones((1, 1))}).values()
    np.testing.assert_allclose(by_input, [[slope]], rtol=1e-14)


def test_every_activation_has_a_way_back():
    assert {each.__name__ for each in ACTIVATIONS.values()} == set(PULLBACKS)
