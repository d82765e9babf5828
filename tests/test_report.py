"""Answers as data."""

from __future__ import annotations

import convcli
from convcli import report


def plan(layers, shape, **rest):
    model = convcli.load({"layers": layers, **rest})
    return model.plan(dict.fromkeys(model.inputs, shape))


def test_the_keys_of_the_json_are_promises():
    summary = convcli.summarize(convcli.load(["Conv2D(40, 3)"]), (28, 28, 1))
    assert list(summary) == [
        *("name", "data_format", "input_shape", "output_shape", "params", "trainable_params", "non_trainable_params"),
        *("macs", "layers"),
    ]
    assert summary["layers"] == [
        {
            "name": "conv2d",
            "type": "Conv2D",
            "inputs": ["input"],
            "output_shape": [None, 26, 26, 40],
            "kernel_shape": [3, 3, 1, 40],
            "kernels_2d": 40,
            "params": 400,
            "trainable_params": 400,
            "macs": 26 * 26 * 3 * 3 * 40,
            "receptive_field": [3, 3],
            "jump": [1, 1],
        }
    ]


def test_a_separable_layer_has_two_kernels():
    (row,) = convcli.summarize(convcli.load(["SeparableConv2D(8, 3, depth_multiplier=2)"]), (9, 9, 4))["layers"]
    assert row["kernel_shape"] == [3, 3, 4, 2]
    assert row["pointwise_kernel_shape"] == [1, 1, 8, 8]
    assert row["macs"] == 7 * 7 * (3 * 3 * 4 * 2 + 8 * 8)


def test_a_layer_without_a_kernel_has_null():
    (row,) = convcli.summarize(convcli.load(["MaxPooling2D()"]), (9, 9, 4))["layers"]
    assert (row["kernel_shape"], row["kernels_2d"], row["macs"]) == (None, None, 0)


def test_channels_first_shapes_are_in_their_order():
    summary = convcli.summarize(convcli.load(["Conv2D(40, 3)"], data_format="channels_first"), (1, 28, 20))
    assert summary["input_shape"] == [None, 1, 28, 20]
    assert summary["output_shape"] == [None, 40, 26, 18]
    assert summary["layers"][0]["kernel_shape"] == [3, 3, 1, 40]


def test_macs_are_unknown_where_an_extent_is():
    summary = convcli.summarize(convcli.load(["Conv2D(4, 3)", "GlobalMaxPooling2D()", "Dense(2)"]), ("?", 8, 1))
    assert [row["macs"] for row in summary["layers"]] == [None, 0, 4 * 2]
    assert summary["macs"] is None
    assert summary["layers"][1]["receptive_field"] == [None, 8]


def test_maps_keep_the_names_of_their_filters():
    filters = {"down": [1, 1], "up": [-1, 1]}
    names = report.map_names(plan([{"conv1d": {"filters": filters}}, "relu", "MaxPooling1D()", "Dense(3)"], (8, 1)))
    assert names["conv1d"] == names["re_lu"] == names["max_pooling1d"] == ("down", "up")
    assert names["dense"] == ("map 0", "map 1", "map 2")


def test_maps_of_a_depthwise_layer_name_their_channel():
    names = report.map_names(plan([{"depthwise_conv1d": {"filters": {"a": [1, 1], "b": [2, 2]}}}], (8, 2)))
    assert names["depthwise_conv1d"] == ("a, channel 0", "b, channel 0", "a, channel 1", "b, channel 1")


def test_it_says_what_was_done_with_the_kernels():
    layers = ["Conv1D(1, 3)", "Conv1D(1, 3, flip_kernel=True)", "Conv1DTranspose(1, 2)", "Dense(2)"]
    assert report.operations(plan(layers, (9, 1))) == (
        "Cross-correlation (the kernel is not flipped): conv1d",
        "Convolution (the kernel is flipped): conv1d_1",
        "Transposed cross-correlation (the kernel is not flipped): conv1d_transpose",
    )
