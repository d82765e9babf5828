"""The graph that a list of layers makes: names, inputs, and layers that are called again."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError


def names(layers, **rest):
    return [node.name for node in convcli.load({"layers": layers, **rest}).nodes]


def output(mapping, x):
    return np.asarray(convcli.apply(convcli.load(mapping), x)).tolist()


# ---- names ----


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["Conv2D(1, 1)"] * 3, ["conv2d", "conv2d_1", "conv2d_2"]),
        (
            ["ReLU", "relu", "gelu", "tanh", "p_re_lu", "ELU"],
            ["re_lu", "re_lu_1", "activation", "activation_1", "p_re_lu", "elu"],
        ),
        (["flatten", "flatten(name='flatten')"], ["flatten_1", "flatten"]),
        (["flatten", "flatten(name='flatten_1')", "flatten"], ["flatten", "flatten_1", "flatten_2"]),
        (["flatten(name='Ein – Name')"], ["Ein – Name"]),
    ],
)
def test_a_layer_without_a_name_gets_the_name_that_keras_would_give_it(layers, expected):
    assert names(layers) == expected


def test_a_default_name_is_never_the_name_of_an_input():
    assert names(["flatten(inputs='flatten')"], input={"flatten": [2], "b": [2]}) == ["flatten_1"]


@pytest.mark.parametrize("name", ["''", "5", "['a']", "'a\\nb'", "'input'"])
def test_a_name_is_a_printable_word_and_not_input(name):
    with pytest.raises(ConvcliError, match="name: "):
        convcli.load([f"flatten(name={name})"])


def test_two_layers_cannot_have_the_same_name():
    with pytest.raises(ConvcliError, match=r"layers\[1\]: name: 'a' is taken"):
        convcli.load(["flatten(name='a')", "dense(1, name='a')"])


@pytest.mark.parametrize("name", ["input", "left"])
def test_a_layer_cannot_have_the_name_of_an_input(name):
    with pytest.raises(ConvcliError, match="is the name of an input"):
        convcli.load({"input": {"left": [2], "right": [2]}, "layers": [f"flatten(inputs='left', name='{name}')"]})


# ---- inputs ----


def test_a_layer_takes_the_output_of_the_layer_before_it_unless_it_names_its_inputs():
    layers = [
        "Rescaling(2)",
        "Rescaling(3)",
        "Rescaling(5, inputs='rescaling')",
        "Add(inputs=['rescaling_1', 'rescaling_2', 'input'])",
    ]
    assert output({"layers": layers}, [[1.0]]) == [[2 * 3 + 2 * 5 + 1]]


def test_merges_may_have_numbers_among_their_inputs():
    layers = [
        "Subtract(inputs=[1, 'input'])",
        "Maximum(inputs=['subtract', -1.5, 'input'])",
        "Multiply(inputs=['maximum', -2])",
    ]
    assert output({"layers": layers}, [[3.0, -4.0]]) == [[-6, -10]]


def test_merges_broadcast_in_the_models_axis_order():
    mapping = {
        "input": {"a": [2, 3], "b": [2, 1]},
        "layers": ["Add(inputs=['a', 'b'])"],
        "data_format": "channels_first",
    }
    a, b = np.arange(6).reshape(1, 2, 3), np.array([[[10], [20]]])
    assert convcli.apply(convcli.load(mapping), {"a": a, "b": b}).tolist() == [[[10, 11, 12], [23, 24, 25]]]


def test_a_layer_may_take_one_output_twice():
    assert output({"layers": ["Rescaling(2)", "Multiply(inputs=['rescaling', 'rescaling'])"]}, [[3.0]]) == [[36]]


# ---- layers that are called again ----


TWICE = {
    "input": {"left": [8, 1], "right": [8, 1]},
    "layers": [
        {"conv1d": {"name": "eye", "filters": 2, "kernel_size": 3, "inputs": "left"}},
        {"shared": {"layer": "eye", "inputs": "right"}},
        "shared('eye', inputs='left')",
        {"subtract": {"inputs": ["eye", "eye#2"]}},
    ],
}


def test_a_later_call_is_a_layer_of_the_plan_without_parameters():
    rows = convcli.summarize(convcli.load(TWICE))["layers"]
    assert [(row["name"], row["params"]) for row in rows] == [("eye", 8), ("eye#2", 0), ("eye#3", 0), ("subtract", 0)]


def test_a_later_call_uses_the_weights_of_the_first():
    x = np.arange(8.0)
    both = convcli.apply(convcli.load(TWICE), {"left": x, "right": 2 * x}, seed=1)
    first = convcli.apply(convcli.load(["Conv1D(2, 3, name='eye')"]), x, seed=1)
    assert np.allclose(both, first - convcli.apply(convcli.load(["Conv1D(2, 3, name='eye')"]), 2 * x, seed=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("shared('nose')", "layers[1]: layer: no layer 'nose' before this call (known: eye)"),
        ({"shared": {"layer": "eye", "name": "x"}}, "layers[1]: shared has no argument 'name' (layer, inputs)"),
        (
            {"shared": {"layer": "eye", "inputs": "iput"}},
            "layers[1]: layer eye#2: inputs: no layer or input 'iput' before this one (did you mean input?)",
        ),
        ("shared('eye', 'input')", "layers[1]: shared takes 1 argument by position, got 2 (in order: layer)"),
    ],
)
def test_a_later_call_that_does_not_fit_is_an_error(call, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.load(["Conv1D(2, 3, name='eye')", call])
    assert str(caught.value) == message


def test_a_later_call_needs_the_same_weights():
    model = convcli.load(["Conv1D(2, 3, name='eye')", "shared('eye')"])
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(model, (8, 1))
    assert str(caught.value) == (
        "layer eye#2: kernel: (3, 2, 2) here, (3, 1, 2) at its first call (inputs that need the same weights)"
    )
