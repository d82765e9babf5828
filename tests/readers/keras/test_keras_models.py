"""Models that Keras 3 and Keras 2 wrote, with their weights in every format."""

from __future__ import annotations

import copy
import json
import warnings

import numpy as np
import pytest
from conftest import ROOT

import convcli
from convcli.core.errors import ConvcliError
from convcli.io import weights_file

MODELS = ROOT / "tests" / "reference" / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.json"))


def json_of(name="siamese_3"):
    """Return the JSON of a model that Keras wrote."""
    return json.loads((MODELS / f"{name}.json").read_text())


def difference_from_keras(model, name, weights=None):
    """Return the largest difference from Keras's outputs, relative to the largest output."""
    with np.load(MODELS / f"{name}.npz") as arrays:
        inputs = {name: arrays[f"x{index}"] for index, name in enumerate(model.inputs)}
        result = convcli.apply(model, inputs, weights=weights)
        outputs = list(result.values()) if isinstance(result, dict) else [result]
        expected = [arrays[f"y{index}"] for index in range(len(outputs))]
    return max(np.abs(y - keras).max() / np.abs(keras).max() for y, keras in zip(outputs, expected, strict=True))


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *((name, suffix) for name in NAMES for suffix in (".weights.h5", ".keras", ".saved.h5")),
        *((name, ".h5") for name in NAMES if name.endswith("_2")),
        *((name, ".npz") for name in NAMES if name.endswith("_3")),
    ],
)
def test_weights_of_every_format_give_keras_s_outputs(name, suffix):
    file = MODELS / f"{name}{suffix}"
    with warnings.catch_warnings():  # the NPZ holds inputs and outputs too
        warnings.simplefilter("ignore")
        assert difference_from_keras(convcli.load(MODELS / f"{name}.json"), name, weights_file.load(str(file))) < 1e-6


@pytest.mark.parametrize("suffix", [".keras", ".saved.h5"])
@pytest.mark.parametrize("name", NAMES)
def test_what_save_writes_brings_its_weights(name, suffix):
    assert difference_from_keras(convcli.load(MODELS / f"{name}{suffix}"), name) < 1e-6


def test_every_array_of_keras_s_file_is_used():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        difference_from_keras(
            convcli.load(MODELS / "siamese_3.json"), "siamese_3", weights_file.load(str(MODELS / "siamese_3.keras"))
        )


@pytest.mark.parametrize("name", ["siamese_3", "siamese_2"])
def test_a_graph_with_shared_layers_nested_models_and_operations(name):
    rows = convcli.summarize(convcli.load(MODELS / f"{name}.json"))["layers"]
    assert [row["name"] for row in rows if "." not in row["name"]][:9] == [
        *("first", "first#2", "encoder/conv", "bn", "pool", "encoder/conv#2", "bn#2", "pool#2", "difference"),
    ]
    params = {row["name"]: row["params"] for row in rows}
    assert (params["encoder/conv"], params["encoder/conv#2"]) == (3 * 3 * 2 * 3 + 3, 0)
    operations = [
        (row["type"], row["inputs"][1:]) for row in rows if row["name"] in ("multiply", "add", "tf.math.multiply")
    ]
    assert ("Multiply", [0.5]) in operations


def test_the_parameters_of_frozen_layers_and_models_are_not_trainable():
    summary = convcli.summarize(convcli.load(MODELS / "sequence_3.json"))
    assert summary["layers"][0]["params"] == 3 * 2 * 4 + 4
    assert summary["layers"][0]["trainable_params"] == 0
    for name, trained in (("siamese_3", 57), ("siamese_2", 0)):  # in Keras 3 the layer's own word, in Keras 2 all
        frozen = json_of(name)
        layer_of(frozen, "encoder")["config"]["trainable"] = False
        rows = {row["name"]: row for row in convcli.summarize(convcli.load(frozen))["layers"]}
        assert (rows["encoder/conv"]["trainable_params"], rows["first"]["trainable_params"]) == (trained, 38)
    frozen = json_of("siamese_3")
    frozen["config"]["trainable"] = False
    assert convcli.summarize(convcli.load(frozen))["trainable_params"] == 0


def test_the_single_input_is_called_input():
    model = convcli.load(MODELS / "pictures_3.json")
    assert dict(model.inputs) == {"input": (9, 9, 2)}
    assert convcli.load(MODELS / "siamese_3.json").inputs["left"] == (8, 8, 2)


def test_layers_in_any_order_come_after_their_inputs():
    reversed_model = json_of()
    reversed_model["config"]["layers"].reverse()
    shapes, reversed_shapes = (
        {row["name"]: row["output_shape"] for row in convcli.summarize(convcli.load(model))["layers"]}
        for model in (json_of(), reversed_model)
    )
    assert shapes == reversed_shapes


def layer_of(model, name):
    """Return a layer of a model by its name."""
    return next(layer for layer in model["config"]["layers"] if layer["config"]["name"] == name)


def edited(name, **changes):
    """Return the model with changes to one layer; `config` holds changes to the layer's config."""
    model = copy.deepcopy(json_of())
    layer = layer_of(layer_of(model, "encoder") if name == "bn" else model, name)
    layer["config"] |= changes.pop("config", {})
    layer |= changes
    return model


def tensor(name, shape=None):
    """Return how Keras 3 writes the output of the first call of a layer."""
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0], "shape": shape}}


def input_layer(name):
    return {"class_name": "InputLayer", "config": {"name": name, "batch_shape": [None, 8, 2]}, "name": name}


TENSOR = tensor("first")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            edited("first", inbound_nodes=[{"args": [TENSOR], "kwargs": {}}] * 2),
            "layer first: its inputs lead back to it (a graph without circles)",
        ),
        (
            edited(
                "drop",
                inbound_nodes=[
                    {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["none", 0, 0]}}]}
                ],
            ),
            "layer drop: takes call 0 of 'none', which is not in the model",
        ),
        (
            {**json_of(), "config": {**json_of()["config"], "output_layers": [["none", 0, 0]]}},
            "tensor ['none', 0, 0] is not in the model ([layer, call, output])",
        ),
        (
            {"class_name": "Sequential", "config": {"layers": []}},
            "Sequential has no layers (what model.to_json() writes)",
        ),
        (
            {"class_name": "Sequential", "config": {"layers": [{"no": "layer"}]}},
            "{'no': 'layer'} is not a layer of Keras (a mapping with class_name and config)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "model",
)
def test_a_layer_that_cannot_be_read_is_named(model, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.load(model)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("up", {"class_name": "Lambda"}, "holds code, and code in a file is never run"),
        ("up", {"class_name": "Attention"}, "is not a layer that convcli has"),
        ("up", {"class_name": "conv2d"}, "is not a layer that convcli has"),
        ("up", {"module": "mine.layers"}, "is a class of mine.layers, whose code is not in the file"),
        (
            "multiply",
            {"class_name": "Power"},
            "is not an operation that convcli has: Add, Subtract, Multiply, Maximum, Minimum",
        ),
        (
            "up",
            {"config": {"activation": {"module": "builtins", "class_name": "function", "config": "mine"}}},
            "has an activation that is not one of Keras's by name: function",
        ),
        ("up", {"config": {"activation": "mine"}}, "has an unknown activation: 'mine' is not an activation"),
        ("up", {"config": {"dtype": {"class_name": "QuantizedDTypePolicy", "config": {}}}}, "is quantized"),
        ("up", {"config": {"stride": 2}}, "has an argument that convcli does not know: stride"),
        ("up", {"config": {"padding": "area"}}, "has a padding that convcli does not know: 'area'"),
        ("up", {"registered_name": "mine>Conv2DTranspose"}, "is a class of mine, whose code is not in the file"),
        ("up", {"config": {"lora_rank": 4}}, "has LoRA weights beside its own, which are not merged"),
        ("bn", {"config": {"renorm": True}}, "renormalises its batches, with variables of its own"),
        (
            "drop",
            {"inbound_nodes": [{"args": [TENSOR], "kwargs": {"training": True}}]},
            "is called with training=True",
        ),
        (
            "drop",
            {"inbound_nodes": [{"args": ["x", TENSOR], "kwargs": {}}]},
            "is called with 'x', which is not a tensor or a number by itself",
        ),
        (
            "multiply",
            {"inbound_nodes": [{"args": [tensor("first", [None, 8]), tensor("first", [None, 8, 8, 2])]}]},
            "is called with tensors of different ranks, which broadcast with their batches",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "changes",
)
def test_a_layer_that_cannot_be_followed_is_unknown_and_says_why(name, changes, reason):
    layers = {node.name: node.layer for node in convcli.load(edited(name, **changes)).nodes}
    assert (type(layers[name]).__name__, layers[name].reason) == ("UnknownLayer", reason)


def test_hard_sigmoid_of_keras_2_is_another_function():
    layer = {"class_name": "Activation", "config": {"name": "h", "activation": "hard_sigmoid"}}
    model = convcli.load(sequential(layer, keras_version="2.15.0"))
    assert model.nodes[0].layer.reason == (
        "computes hard_sigmoid as in Keras 2, clip(0.2·x + 0.5), which is another function than Keras 3's"
    )
    assert convcli.load(sequential(layer, keras_version="3.15.0")).nodes[0].layer.activation == "hard_sigmoid"


def test_models_that_call_each_other_again_and_again_are_refused():
    # Each of 40 models calls the one before it twice: 2**40 layers.
    inner = {"class_name": "Conv1D", "config": {"name": "c", "filters": 1, "kernel_size": 1}, "name": "c"}
    inner["inbound_nodes"] = [[["i", 0, 0, {}]]]
    graph = {"name": "m0", "layers": [{"class_name": "InputLayer", "config": {"name": "i"}}, inner]}
    graph |= {"input_layers": [["i", 0, 0]], "output_layers": [["c", 0, 0]]}
    for level in range(1, 40):
        below = {"class_name": "Functional", "config": graph, "name": f"m{level - 1}"}
        below["inbound_nodes"] = [[["i", 0, 0, {}]], [[f"m{level - 1}", 1, 0, {}]]]
        layers = [{"class_name": "InputLayer", "config": {"name": "i"}}, below]
        outputs = [[f"m{level - 1}", 2, 0]]
        graph = {"name": f"m{level}", "layers": layers, "input_layers": [["i", 0, 0]], "output_layers": outputs}
    with pytest.raises(ConvcliError, match="more than 100,000 calls of layers"):
        convcli.load({"class_name": "Functional", "config": graph})


def channels_first(layer):
    """Return a channels_first model of a convolution and a layer after it."""
    config = {"name": "c", "filters": 2, "kernel_size": 1, "data_format": "channels_first"}
    layers = [{"class_name": "Conv2D", "config": {**config, "batch_input_shape": [None, 3, 4, 5]}}, layer]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}


def test_a_dense_layer_of_keras_works_along_the_last_axis_whatever_the_order():
    model = convcli.load(channels_first({"class_name": "Dense", "config": {"name": "d", "units": 7}}))
    row = convcli.summarize(model)["layers"][1]
    assert (row["output_shape"], row["kernel_shape"]) == ([None, 2, 4, 7], [5, 7])
    kernel = np.arange(35.0).reshape(5, 7)
    x = np.random.default_rng(0).integers(-4, 5, (1, 3, 4, 5)).astype(float)
    weights = {"c/kernel": np.ones((1, 1, 3, 2)), "c/bias": np.zeros(2), "d/kernel": kernel, "d/bias": np.zeros(7)}
    maps = np.repeat(x.sum(axis=1, keepdims=True), 2, axis=1)  # (1, 2, 4, 5)
    assert np.array_equal(convcli.apply(model, x, weights=weights), maps @ kernel)


def test_an_activation_of_keras_works_along_the_last_axis_too():
    model = convcli.load(channels_first({"class_name": "Activation", "config": {"name": "a", "activation": "softmax"}}))
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 5))
    assert np.allclose(convcli.apply(model, x, seed=0).sum(axis=-1), 1)


def test_a_nested_model_takes_several_inputs():
    # Keras 3 writes a mask for each tensor, here None for both.

    def graph(name, inputs, inner, output):
        layers = [*map(input_layer, inputs), inner]
        config = {"name": name, "layers": layers, "output_layers": [output]}
        config["input_layers"] = [[each, 0, 0] for each in inputs]
        return {"class_name": "Functional", "config": config, "name": name}

    add = {"class_name": "Add", "config": {"name": "add"}, "name": "add"}
    add["inbound_nodes"] = [{"args": [[tensor("a"), tensor("b")]], "kwargs": {}}]
    inner = graph("inner", ("a", "b"), add, ["add", 0, 0])
    inner["inbound_nodes"] = [{"args": [[tensor("p"), tensor("q")]], "kwargs": {"mask": [None, None]}}]
    # Among the outputs, Keras 3 numbers the calls of a nested model from 1.
    model = convcli.load(graph("outer", ("p", "q"), inner, ["inner", 1, 0]))
    assert [row["inputs"] for row in convcli.summarize(model)["layers"]] == [["p", "q"]]


def test_keyword_operands_come_in_the_order_of_their_names():
    nodes = [{"args": [], "kwargs": {"x2": {**TENSOR}, "x1": 10.0}}]
    subtract = edited("multiply", class_name="Subtract", inbound_nodes=nodes)
    assert {node.name: node.inputs for node in convcli.load(subtract).nodes}["multiply"] == (10.0, "first")


def test_models_without_layers_that_call_each_other_again_and_again_are_refused():
    graph = {"name": "g0", "layers": [{"class_name": "InputLayer", "config": {"name": "i"}}]}
    graph |= {"input_layers": [["i", 0, 0]], "output_layers": [["i", 0, 0]]}
    for level in range(1, 40):
        below = {"class_name": "Functional", "config": graph, "name": f"g{level - 1}"}
        below["inbound_nodes"] = [[["i", 0, 0, {}]], [[f"g{level - 1}", 1, 0, {}]]]
        layers = [{"class_name": "InputLayer", "config": {"name": "i"}}, below]
        outputs = [[f"g{level - 1}", 2, 0]]
        graph = {"name": f"g{level}", "layers": layers, "input_layers": [["i", 0, 0]], "output_layers": outputs}
    with pytest.raises(ConvcliError, match="more than 100,000 calls of layers"):
        convcli.load({"class_name": "Functional", "config": graph})


def sequential(layer, **rest):
    """Return a sequential model of an input (4, 3) and one layer."""
    layers = [{"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 4, 3]}}, layer]
    return {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, **rest}


def test_an_empty_list_of_axes_is_one_mean_for_all_values():
    layer = {"class_name": "Normalization", "config": {"name": "n", "axis": []}}
    assert convcli.summarize(convcli.load(sequential(layer)))["params"] == 3  # mean, variance, count


def test_tensors_in_a_mapping_go_to_the_inputs_that_its_keys_name():
    subtract = {"class_name": "Subtract", "config": {"name": "less"}, "name": "less"}
    subtract["inbound_nodes"] = [{"args": [[tensor("z"), tensor("a")]], "kwargs": {}}]
    config = {
        "name": "inner",
        "layers": [input_layer("z"), input_layer("a"), subtract],
        "output_layers": [["less", 0, 0]],
    }
    for inputs in ([["z", 0, 0], ["a", 0, 0]], {"z": ["z", 0, 0], "a": ["a", 0, 0]}):
        inner = {"class_name": "Functional", "config": {**config, "input_layers": inputs}, "name": "inner"}
        inner["inbound_nodes"] = [{"args": [{"z": tensor("p"), "a": tensor("q")}], "kwargs": {}}]
        outer = {
            "name": "outer",
            "layers": [input_layer("p"), input_layer("q"), inner],
            "output_layers": [["inner", 1, 0]],
        }
        outer["input_layers"] = [["p", 0, 0], ["q", 0, 0]]
        model = convcli.load({"class_name": "Functional", "config": outer})
        assert [node.inputs for node in model.nodes] == [("p", "q")]


@pytest.mark.parametrize(
    ("inputs", "argument", "message"),
    [
        ([], tensor("p"), "layer inner: inner takes 0 inputs, got 1"),
        ({"a": ["a", 0, 0]}, {"a": [tensor("p"), tensor("p")]}, "layer inner: inner takes 1 input, got 2"),
    ],
)
def test_a_nested_model_that_is_called_on_other_inputs_than_it_has_is_an_error(inputs, argument, message):
    flatten = {
        "class_name": "Flatten",
        "config": {"name": "f"},
        "name": "f",
        "inbound_nodes": [{"args": [tensor("a")]}],
    }
    config = {"name": "inner", "layers": [input_layer("a"), flatten], "output_layers": [["f", 0, 0]]}
    inner = {"class_name": "Functional", "name": "inner", "config": {**config, "input_layers": inputs}}
    inner["inbound_nodes"] = [{"args": [argument]}]
    outer = {"name": "outer", "layers": [input_layer("p"), inner], "input_layers": [["p", 0, 0]]}
    outer["output_layers"] = [["inner", 1, 0]]
    with pytest.raises(ConvcliError) as caught:
        convcli.load({"class_name": "Functional", "config": outer})
    assert str(caught.value) == message


def test_a_model_in_mixed_precision_causes_one_warning():
    model = json_of("sequence_3")
    for layer in model["config"]["layers"]:
        layer["config"]["dtype"] = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    with pytest.warns(UserWarning, match="mixed_float16") as caught:
        convcli.load(model)
    (warning,) = caught
    assert str(warning.message) == (
        "layer conv1d and 4 others: the dtype mixed_float16 is ignored; dtype= sets the number type of the computation"
    )
