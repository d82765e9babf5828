"""The mapping of a whole model: its keys, data format and outputs. Messages are in test_messages."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat


def output(mapping, x):
    return np.asarray(convcli.apply(convcli.load(mapping), x)).tolist()


@pytest.mark.parametrize(
    "mapping",
    [
        {"layers": []},
        {"layers": "flatten"},
        {"layers": {"flatten": {}}},
        {"layers": [["flatten"]]},
        {"layers": ["flatten"], "outputs": []},
        {"layers": ["flatten"], "outputs": ["flatten", "flatten"]},
        {"layers": ["flatten"], "outputs": "input"},
        {"layers": ["flatten"], "outputs": [{"flatten": 1}]},
        {"layers": ["flatten"], "input": {}},
        {"layers": ["flatten"], "input": 5},
        {"layers": ["flatten"], "input": {"a": [1], "b": [1]}},
        {"layers": ["flatten"], "data_format": "NHWC"},
        {"layers": ["flatten"], "data_format": ["channels_last"]},
        {"layers": ["flatten"], "input_shape": [1]},
        {"layers": ["flatten"], 1: 2},
        {"layers": ["add(inputs=['input', 'add'])"]},  # itself
        {"layers": ["flatten(inputs='dense')", "dense(1)"]},  # a later one
        {"layers": ["add(inputs=['input', '3'])"]},
        {"layers": ["add(inputs=['input', True])"]},
        {"layers": ["add(inputs=['input', ['input']])"]},
        {"layers": ["add(inputs={'input': 1})"]},
        {"layers": ["flatten", "flatten(input_shape=(1, 2))"]},
        {"layers": ["flatten(trainable=1)"]},
    ],
)
def test_a_mapping_that_is_not_a_model_is_an_error(mapping):
    with pytest.raises(ConvcliError):
        convcli.load(mapping)


def test_outputs_come_in_the_order_of_the_mapping():
    model = convcli.load({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": ["rescaling_1", "rescaling"]})
    assert list(convcli.apply(model, [[1.0]])) == ["rescaling_1", "rescaling"]


def test_the_output_need_not_be_the_last_layer():
    assert output({"layers": ["Rescaling(2)", "Rescaling(3)"], "outputs": "rescaling"}, [[1.0]]) == [[2]]


def test_input_shape_of_the_first_layer_is_the_models_input():
    assert convcli.load(["Conv2D(1, 3, input_shape=(8, 9, 1))", "Flatten()"]).inputs == {"input": (8, 9, 1)}


def test_the_model_s_own_data_format_is_stronger_than_the_requested_one():
    own = convcli.load({"layers": ["flatten"], "data_format": "channels_last"}, data_format="channels_first")
    other = convcli.load(["flatten(data_format='channels_first')"], data_format="channels_first")
    assert (own.data_format, other.data_format) == (DataFormat.CHANNELS_LAST, DataFormat.CHANNELS_FIRST)


def test_the_data_format_that_layers_agree_on_is_the_model_s():
    model = convcli.load(["Conv2D(4, 3, data_format='channels_first')", "flatten"])
    assert convcli.summarize(model, (3, 8, 9))["layers"][0]["output_shape"] == [None, 4, 6, 7]


def test_the_first_layer_that_says_a_data_format_says_the_model_s_and_flatten_is_the_last_to():
    layers = ["flatten(data_format='channels_last')", "reshape([4, 6])", "Conv1D(4, 3, data_format='channels_first')"]
    assert convcli.load(layers).data_format is DataFormat.CHANNELS_FIRST
    assert convcli.load(layers[:1]).data_format is DataFormat.CHANNELS_LAST
    both = ["Conv1D(4, 3, data_format='channels_last')", "max_pooling1d(2, data_format='channels_first')"]
    summary = convcli.summarize(convcli.load(both), (8, 1))
    assert (summary["data_format"], summary["output_shape"]) == ("channels_last", [None, 6, 2])  # pools the channels


def test_an_unknown_data_format_is_an_error():
    with pytest.raises(ConvcliError):
        convcli.load(["flatten"], data_format="NHWC")


LONG = "k" * 500
CUT = "'" + "k" * 56 + "..."  # 60 characters, the quotation mark and the dots included


@pytest.mark.parametrize(
    "mapping",
    [
        {"layers": ["flatten"], LONG: 1},
        {"layers": [{LONG: {}}]},
        {"layers": [{"flatten": {LONG: 1}}]},
        {"layers": [{"flatten": {"inputs": LONG}}]},
        {"layers": ["flatten"], "outputs": LONG},
        {"layers": [{"dense": {"units": 1, "activation": LONG}}]},
    ],
)
def test_a_message_about_an_unknown_name_quotes_no_more_of_it_than_of_any_value(mapping):
    with pytest.raises(ConvcliError) as error:
        convcli.load(mapping)
    assert CUT in str(error.value)
    assert LONG[:57] not in str(error.value)
