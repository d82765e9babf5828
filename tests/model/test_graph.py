"""The graph and its plan."""

from __future__ import annotations

import pytest
from conftest import SAMPLES

import convcli
from convcli.core.errors import ConvcliError


def rank(layers, **rest):
    return convcli.load({"layers": layers, **rest}).spatial_rank("input")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["Conv2D(1, 3)"], 2),
        (["Rescaling(2)", "Dropout(0.1)", "MaxPooling1D()"], 1),
        (["Flatten()", "Dense(1)"], None),
        (["Dense(3)"], None),
        (["Reshape((8, 8, 1))", "Conv2D(1, 3)"], None),
    ],
)
def test_the_first_layer_that_has_a_rank_gives_the_inputs(layers, expected):
    assert rank(layers) == expected


def test_the_shape_of_the_input_comes_first():
    assert rank(["Dense(3)"], input=[8, 8, 1]) == 2


def test_each_of_several_inputs_has_its_own_rank():
    model = convcli.load(
        {
            "input": {"image": None, "sound": None},
            "layers": [
                {"conv2d": {"filters": 1, "kernel_size": 3, "inputs": "image"}},
                {"conv1d": {"filters": 1, "kernel_size": 3, "inputs": "sound"}},
            ],
        }
    )
    assert (model.spatial_rank("image"), model.spatial_rank("sound")) == (2, 1)


def test_several_inputs_see_apart():
    model = convcli.load(
        {
            "input": {"a": [9, 1], "b": [9, 1]},
            "layers": [
                "Conv1D(1, 3, inputs='a', padding='same')",
                "Conv1D(1, 5, inputs='b', padding='same', strides=1)",
                "Add(inputs=['conv1d', 'conv1d_1'])",
            ],
        }
    )
    row = convcli.summarize(model)["layers"][-1]
    assert row["receptive_field"] == {"a": [3], "b": [5]}
    assert row["jump"] == {"a": [1], "b": [1]}
    assert convcli.summarize(model)["input_shape"] == {"a": [None, 9, 1], "b": [None, 9, 1]}


def test_a_squeezing_branch_does_not_count_against_a_windowed_one():
    layers = [
        "Conv2D(4, 3, name='conv')",
        "GlobalAveragePooling2D(keepdims=True)",
        "Dense(4, activation='sigmoid')",
        "Multiply(inputs=['conv', 'dense'])",
    ]
    rows = convcli.summarize(convcli.load(layers), (8, 9, 1))["layers"]
    assert [row["receptive_field"] for row in rows] == [[3, 3], [8, 9], [8, 9], [3, 3]]
    assert [row["jump"] for row in rows] == [[1, 1], [None, None], [None, None], [1, 1]]


def test_normalising_groups_keeps_the_receptive_field():
    rows = convcli.summarize(convcli.load(["Conv2D(4, 3)", "GroupNormalization(2)", "Conv2D(1, 3)"]), (9, 9, 1))[
        "layers"
    ]
    assert [row["receptive_field"] for row in rows] == [[3, 3], [3, 3], [5, 5]]


def test_a_reshape_to_the_same_shape_keeps_the_receptive_field_in_either_order():
    model = convcli.load(["Reshape((3, 8, 10))", "Conv2D(1, 3)"], data_format="channels_first")
    assert convcli.summarize(model, (3, 8, 10))["layers"][-1]["receptive_field"] == [3, 3]


def test_adding_a_channel_axis_keeps_the_receptive_field():
    rows = convcli.summarize(convcli.load(["Reshape((28, 28, 1))", "Conv2D(4, 3)"]), (28, 28))["layers"]
    assert [row["receptive_field"] for row in rows] == [[1], [3]]


def test_a_branch_of_one_cell_is_seen_from_everywhere():
    layers = ["Conv2D(1, 3, strides=6, name='g')", "Multiply(inputs=['input', 'g'])", "Conv2D(1, 3)"]
    rows = convcli.summarize(convcli.load(layers), (8, 8, 1))["layers"]
    assert [row["jump"] for row in rows] == [[6, 6], [None, None], [None, None]]
    assert rows[-1]["receptive_field"] == [8, 8]


def test_published_receptive_field_of_vgg16():
    # Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019
    rows = convcli.summarize(convcli.load(SAMPLES / "vgg16.yaml"))["layers"]
    (last,) = (row for row in rows if row["name"] == "block5_pool")
    assert last["receptive_field"] == [212, 212]
    assert last["jump"] == [32, 32]


def test_a_transposed_layer_halves_the_jump():
    rows = convcli.summarize(convcli.load(["Conv2DTranspose(8, 4, strides=2)"]), (16, 16, 3))["layers"]
    assert rows[0]["jump"] == [0.5, 0.5]
    assert rows[0]["receptive_field"] == [2, 2]


def test_trainable_false_moves_the_count():
    summary = convcli.summarize(convcli.load(["Dense(2, trainable=False)", "BatchNormalization()"]), (3,))
    assert (summary["params"], summary["trainable_params"], summary["non_trainable_params"]) == (8 + 8, 4, 12)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"dense": {"units": 1, "use_bias": False, "bias": [1]}},
            "layer dense: bias: the layer has no such weight "
            "(weights: kernel; arguments: units, activation, use_bias, axis)",
        ),
        ({"dense": {"units": 2, "bias": [1, 2, 3]}}, "layer dense: bias: shape (3,) ((2,) here)"),
    ],
)
def test_a_weight_that_does_not_fit(layer, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(convcli.load([layer]), (3,))
    assert str(caught.value) == message


def test_what_all_widths_agree_on_is_known_of_an_unknown_one():
    shortcut = [
        "MaxPooling2D(3, 2, padding='same', name='pool')",
        "Conv2D(1, 1, strides=2, padding='same', inputs='input', name='short')",
        "Add(inputs=['pool', 'short'])",
    ]
    row = convcli.summarize(convcli.load(shortcut), ("?", "?", 1))["layers"][-1]
    assert (row["receptive_field"], row["jump"]) == ([3, 3], [2, 2])


def test_what_depends_on_an_unknown_width_is_not_known():
    # At even widths "same" pads no cell before, at odd ones one: 5 cells or 4 in all.
    apart = [
        "Conv1D(1, 3, strides=2, padding='same', name='a')",
        "Conv1D(1, 3, strides=2, padding=[2, 0], inputs='input', name='b')",
        "Concatenate(inputs=['a', 'b'])",
    ]
    fields = {
        width: convcli.summarize(convcli.load(apart), (width, 1))["layers"][-1]["receptive_field"] for width in (40, 41)
    }
    assert fields == {40: [5], 41: [4]}
    assert convcli.summarize(convcli.load(apart), ("?", 1))["layers"][-1]["receptive_field"] == [None]


@pytest.mark.parametrize("layer", ["UpSampling1D(1000000000)", "Conv1DTranspose(1, 3, strides=1000000000)"])
def test_more_values_than_figures_are_printed_for_are_an_error(layer):
    with pytest.raises(ConvcliError, match=r"more than 1e100 values"):
        convcli.summarize(convcli.load([layer] * 20), (8, 1))


def test_a_jump_beyond_measure_is_unknown():
    rows = convcli.summarize(convcli.load(["MaxPooling1D(1, 1000000000)"] * 2000), (8, 1))["layers"]
    assert rows[0]["jump"] == [10**9]
    assert rows[-1]["jump"] == [None]


def test_unnamed_layers_are_numbered_past_names_that_are_taken():
    names = [node.name for node in convcli.load(["relu", {"relu": {"name": "re_lu_2"}}, *["relu"] * 3]).nodes]
    assert names == ["re_lu", "re_lu_2", "re_lu_1", "re_lu_3", "re_lu_4"]
