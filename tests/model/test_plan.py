"""The plan: receptive fields, counts, and checks of what layers are given."""

from __future__ import annotations

import pytest
from conftest import SAMPLES

import convcli
from convcli.core.errors import ConvcliError
from convcli.model.plan import make_plan, try_plan


def summarized(layers, shape):
    """Return what the plan says of each layer."""
    return convcli.summarize(convcli.load(layers), shape)["layers"]


def test_each_input_has_a_receptive_field_and_jump_of_its_own():
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


def test_a_branch_that_sees_the_whole_does_not_widen_one_with_a_window():
    layers = [
        "Conv2D(4, 3, name='conv')",
        "GlobalAveragePooling2D(keepdims=True)",
        "Dense(4, activation='sigmoid')",
        "Multiply(inputs=['conv', 'dense'])",
    ]
    planned = summarized(layers, (8, 9, 1))
    assert [layer["receptive_field"] for layer in planned] == [[3, 3], [8, 9], [8, 9], [3, 3]]
    assert [layer["jump"] for layer in planned] == [[1, 1], [None, None], [None, None], [1, 1]]


def test_statistics_of_groups_do_not_count_in_the_receptive_field():
    planned = summarized(["Conv2D(4, 3)", "GroupNormalization(2)", "Conv2D(1, 3)"], (9, 9, 1))
    assert [layer["receptive_field"] for layer in planned] == [[3, 3], [3, 3], [5, 5]]


def test_a_reshape_to_the_same_shape_keeps_the_receptive_field_with_channels_first_too():
    model = convcli.load(["Reshape((3, 8, 10))", "Conv2D(1, 3)"], data_format="channels_first")
    assert convcli.summarize(model, (3, 8, 10))["layers"][-1]["receptive_field"] == [3, 3]


def test_adding_a_channel_axis_keeps_the_receptive_field():
    planned = summarized(["Reshape((28, 28, 1))", "Conv2D(4, 3)"], (28, 28))
    assert [layer["receptive_field"] for layer in planned] == [[1], [3]]


def test_a_branch_of_one_cell_is_seen_from_everywhere():
    layers = ["Conv2D(1, 3, strides=6, name='g')", "Multiply(inputs=['input', 'g'])", "Conv2D(1, 3)"]
    planned = summarized(layers, (8, 8, 1))
    assert [layer["jump"] for layer in planned] == [[6, 6], [None, None], [None, None]]
    assert planned[-1]["receptive_field"] == [8, 8]


def test_the_receptive_field_of_vgg16_is_the_published_one():
    # Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019
    planned = convcli.summarize(convcli.load(SAMPLES / "vgg16.yaml"))["layers"]
    (last,) = (layer for layer in planned if layer["name"] == "block5_pool")
    assert last["receptive_field"] == [212, 212]
    assert last["jump"] == [32, 32]


def test_a_transposed_layer_halves_the_jump():
    (layer,) = summarized(["Conv2DTranspose(8, 4, strides=2)"], (16, 16, 3))
    assert layer["jump"] == [0.5, 0.5]
    assert layer["receptive_field"] == [2, 2]


def test_a_layer_that_is_not_trainable_has_no_trainable_parameters():
    summary = convcli.summarize(convcli.load(["Dense(2, trainable=False)", "BatchNormalization()"]), (3,))
    dense, normalization = 3 * 2 + 2, 4 * 2  # of the latter, gamma and beta are trainable
    assert summary["params"] == dense + normalization
    assert summary["trainable_params"] == 2 * 2
    assert summary["non_trainable_params"] == dense + 2 * 2


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"batch_normalization": {"center": False, "beta": [1]}},
            "layer batch_normalization: beta: the layer has no such weight "
            "(weights: gamma, moving_mean, moving_variance; arguments: axis, momentum, epsilon, center, scale)",
        ),
        ({"dense": {"units": 2, "bias": [1, 2, 3]}}, "layer dense: bias: shape (3,) ((2,) here)"),
    ],
)
def test_a_weight_that_does_not_fit_its_layer_is_an_error(layer, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.summarize(convcli.load([layer]), (3,))
    assert str(caught.value) == message


def test_what_all_extents_agree_on_is_known_for_an_unknown_one():
    shortcut = [
        "MaxPooling2D(3, 2, padding='same', name='pool')",
        "Conv2D(1, 1, strides=2, padding='same', inputs='input', name='short')",
        "Add(inputs=['pool', 'short'])",
    ]
    row = convcli.summarize(convcli.load(shortcut), ("?", "?", 1))["layers"][-1]
    assert (row["receptive_field"], row["jump"]) == ([3, 3], [2, 2])


def test_what_depends_on_an_unknown_extent_is_not_known():
    # For even extents "same" pads no cell before, for odd ones one: 5 cells or 4 in all.
    branches = [
        "Conv1D(1, 3, strides=2, padding='same', name='a')",
        "Conv1D(1, 3, strides=2, padding=[2, 0], inputs='input', name='b')",
        "Concatenate(inputs=['a', 'b'])",
    ]
    fields = {extent: summarized(branches, (extent, 1))[-1]["receptive_field"] for extent in (40, 41)}
    assert fields == {40: [5], 41: [4]}
    assert summarized(branches, ("?", 1))[-1]["receptive_field"] == [None]


@pytest.mark.parametrize("layer", ["UpSampling1D(1000000000)", "Conv1DTranspose(1, 3, strides=1000000000)"])
def test_more_than_1e100_values_are_an_error(layer):
    with pytest.raises(ConvcliError, match=r"more than 1e100 values"):
        convcli.summarize(convcli.load([layer] * 20), (8, 1))


def test_a_jump_that_is_too_large_is_unknown():
    planned = summarized(["MaxPooling1D(1, 1000000000)"] * 2000, (8, 1))
    assert planned[0]["jump"] == [10**9]
    assert planned[-1]["jump"] == [None]


def test_a_plan_pruned_to_some_values_keeps_the_layers_that_they_depend_on():
    layers = ["Conv2D(1, 3, name='a')", "Conv2D(2, 3, name='b')", "Conv2D(4, 1, inputs='a', name='c')"]
    plan = make_plan(convcli.load(layers), {"input": (9, 9, 1)})
    assert [layer.name for layer in plan.pruned_to(["c"]).layers] == ["a", "c"]
    assert plan.pruned_to(["input"]).layers == ()


def test_try_plan_returns_none_where_the_input_does_not_fit():
    model = convcli.load(["Conv2D(1, 5)"])
    assert try_plan(model, {"input": (4, 4, 1)}) is None
    assert try_plan(model, {"input": (5, 5, 1)}).output_shapes == {"conv2d": (1, 1, 1)}
