"""Layers of Keras that convcli lacks: what the file tells of them stands in the answer, and the rest is right."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import ROOT

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.layers import UnknownLayer

UNKNOWN = ROOT / "tests" / "reference" / "unknown"
KERAS = json.loads((UNKNOWN / "keras.json").read_text())


def rows_of(file, **options):
    """Return the rows of a model's summary by name."""
    return {row["name"]: row for row in convcli.summarize(convcli.load(UNKNOWN / file), **options)["layers"]}


def unknown_layers(value):
    """Return the reason for each layer of a model that is not known, by name."""
    layers = {node.name: node.layer for node in convcli.load(value).nodes}
    return {name: layer.reason for name, layer in layers.items() if isinstance(layer, UnknownLayer)}


# Layers whose output shape no file tells, because no layer was built on it; and those of which this kind does not.
UNTOLD = {"bidirectional", "dense_3", "re_lu"}
UNTOLD_IN = {"h5": {"embedding", "lstm", "dense"}}


@pytest.mark.parametrize("suffix", ["json", "keras", "h5"])
@pytest.mark.parametrize("name", KERAS)
def test_whatever_is_told_of_a_layer_is_what_keras_says(name, suffix):
    rows = rows_of(f"{name}.{suffix}")
    for layer, keras in KERAS[name].items():
        row = rows[layer]
        assert row["params"] == keras["params"] or (row["params"] is None and suffix == "json")
        if row["output_shape"] is None:
            assert layer in UNTOLD | UNTOLD_IN.get(suffix, set())
        else:
            pairs = zip(row["output_shape"], keras["output_shape"], strict=True)
            assert all(own in (extent, None) for own, extent in pairs)


def test_a_model_with_unknown_layers_is_not_complete_and_its_totals_are_of_the_rest():
    summary = convcli.summarize(convcli.load(UNKNOWN / "text.json"))
    row = summary["layers"][0]
    assert (summary["complete"], summary["params"], summary["macs"]) == (False, 100 + 12, 18 * 3 * 8 * 4 + 5 * 2)
    assert (row["type"], row["known"], row["output_shape"]) == ("Embedding", False, [None, 20, 8])
    assert (row["params"], row["trainable_params"], row["macs"]) == (None, None, None)
    assert "complete" not in convcli.summarize(convcli.load(["Dense(2)"]), (3,))


def test_shapes_that_the_file_tells_hold_for_its_own_input_alone():
    rows = rows_of("text.keras", input_shape=(30,))
    assert {name: row["output_shape"] for name, row in rows.items()} == {
        "embedding": None,
        "conv1d": [None, None, 4],  # its filters are known, whatever its input
        "lstm": None,
        "dense": None,
    }
    assert {name: row["params"] for name, row in rows.items()} == {  # as stored
        "embedding": 50 * 8,
        "conv1d": 3 * 8 * 4 + 4,
        "lstm": 4 * 5 * (4 + 5 + 1),
        "dense": 5 * 2 + 2,
    }


def test_the_further_outputs_and_calls_of_an_unknown_layer_have_rows_without_parameters():
    rows = rows_of("states.keras")
    assert (rows["lstm_1:1"]["output_shape"], rows["lstm_1:2"]["output_shape"]) == ([None, 6], [None, 6])
    assert rows["concatenate"]["inputs"] == ["lstm_1:1", "lstm_1:2"]
    assert (rows["multi_head_attention#2"]["params"], rows["multi_head_attention#2"]["inputs"]) == (
        0,
        ["multi_head_attention", "lstm_1"],
    )


@pytest.mark.parametrize(
    ("name", "layer", "message"),
    [
        ("picture", None, "layer random_flip: RandomFlip is not a layer that convcli has"),
        ("picture", "lambda", "layer lambda: Lambda holds code, and code in a file is never run"),
        ("text", None, "layer embedding: Embedding is not a layer that convcli has"),
    ],
)
def test_nothing_is_computed_beyond_a_layer_that_is_not_known(name, layer, message):
    model = convcli.load(UNKNOWN / f"{name}.keras")
    x = np.zeros((1, *next(iter(model.inputs.values()))), "float32")
    for command in (
        lambda: convcli.apply(model, x) if layer is None else convcli.explain(model, x, (0, 0), layer=layer),
        lambda: convcli.prepare(model) if layer is None else convcli.explain(model, x, (0, 0), layer=layer),
        lambda: convcli.fit(model, x, np.zeros((1, 3))) if layer is None else convcli.explain(model, x, layer=layer),
    ):
        with pytest.raises(ConvcliError) as caught:
            command()
        assert str(caught.value) == f"{UNKNOWN / name}.keras: {message}"


def test_a_model_file_of_one_s_own_may_hold_an_unknown_layer():
    layers = ["Conv1D(4, 3)", {"unknown": {"class_name": "LSTM", "output_shape": [5], "weights": [[4, 20], [5, 20]]}}]
    summary = convcli.summarize(convcli.load([*layers, "Dense(2)"]), (12, 1))
    assert (summary["output_shape"], summary["params"]) == ([None, 2], 3 * 4 + 4 + 4 * 20 + 5 * 20 + 5 * 2 + 2)


def test_a_lying_output_index_takes_neither_time_nor_memory():
    value = json.loads((UNKNOWN / "states.json").read_text())
    value["config"]["output_layers"].append(["lstm_1", 0, 10**12])
    assert convcli.load(value).outputs[-1] == f"lstm_1:{10**12}"


def test_a_layer_that_is_called_again_on_an_unknown_shape_keeps_its_parameters():
    layers = ["Dense(3, name='d')", {"unknown": {"class_name": "X"}}, {"shared": {"layer": "d"}}]
    rows = convcli.summarize(convcli.load(layers), (4,))["layers"]
    assert [(row["name"], row["params"]) for row in rows] == [("d", 4 * 3 + 3), ("x", None), ("d#2", 0)]


def test_the_summary_in_python_says_what_is_not_known():
    assert " Not known: embedding: Embedding is not a layer" in str(convcli.load(UNKNOWN / "text.json").summary())
