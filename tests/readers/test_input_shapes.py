"""Shapes as the user writes them. Messages are in test_messages."""

from __future__ import annotations

import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.readers.input_shapes import parse_shape


@pytest.mark.parametrize(
    ("value", "extents"),
    [
        ([28, 28, 1], (28, 28, 1)),
        ((5,), (5,)),
        ("28x28x1", (28, 28, 1)),
        ("28, 28,1", (28, 28, 1)),
        ("?xNonex3", (None, None, 3)),
        ("(28, 28, 1)", (28, 28, 1)),
        ("[None, 28]", (None, 28)),
        (" (8,) ", (8,)),
        ([None, "?", "none", "7"], (None, None, None, 7)),
    ],
)
def test_a_shape_is_a_list_or_text(value, extents):
    assert parse_shape(value) == extents


@pytest.mark.parametrize(
    "value",
    ["", "()", "(8", "8)", "x", "8x", "0", "-1", "1.5", "²", "٣", [], None, 8, {}, [0], [-1], [True], [1.0], [[1]]],
)
def test_any_other_value_is_not_a_shape(value):
    with pytest.raises(ConvcliError):
        parse_shape(value)


def test_an_extent_of_too_many_digits_is_an_error():
    with pytest.raises(ConvcliError):
        parse_shape("8" * 5000)


def test_the_input_shape_is_in_the_model_s_order_of_axes():
    model = convcli.load({"input": [3, 8, 9], "data_format": "channels_first", "layers": ["flatten"]})
    assert model.inputs == {"input": (8, 9, 3)}
    assert convcli.summarize(model)["input_shape"] == [None, 3, 8, 9]


@pytest.mark.parametrize(("given", "shape"), [((100,), (100, 1)), ((8, 2), (8, 2)), ((None,), (None, 1))])
def test_a_shape_of_space_alone_has_one_channel(given, shape):
    summary = convcli.summarize(convcli.load(["Conv1D(4, 3)"]), given)
    assert summary["input_shape"] == [None, *shape]


def test_a_shape_without_channels_does_not_suit_an_input_of_several():
    model = convcli.load({"input": [32, 3], "layers": ["Conv1D(4, 3)"]})
    with pytest.raises(ConvcliError, match="takes 2 axes"):
        convcli.summarize(model, (64,))


def test_the_first_layer_may_say_the_input_s_shape_as_in_keras():
    for first in ("Input(shape=(8, 1))", "keras.Input((8, 1))", {"InputLayer": {"batch_shape": [None, 8, 1]}}):
        assert convcli.load([first, "Conv1D(4, 3)"]).inputs == {"input": (8, 1)}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (["flatten", "Input((8, 1))"], "Input: is not the first layer (input: NAME: SHAPE for several inputs)"),
        (["Input((8, 1))"], "Input: is the only layer (layers after it)"),
        (["Input()", "flatten"], "Input: shape is missing (shape=(28, 28, 1))"),
        (["Input((8, 1), shap=3)", "flatten"], "Input: has no argument 'shap' (did you mean shape?)"),
        (
            {"input": [8, 1], "layers": ["Input((8, 1))", "flatten"]},
            "input and an Input layer both say the input's shape (one of them)",
        ),
    ],
)
def test_an_input_layer_says_a_shape_in_the_first_place_and_no_more(model, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.load(model)
    assert str(caught.value) == message
