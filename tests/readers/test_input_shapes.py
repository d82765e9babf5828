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
        ([None, "?", "none", "7"], (None, None, None, 7)),
    ],
)
def test_a_shape_is_a_list_or_text(value, extents):
    assert parse_shape(value) == extents


@pytest.mark.parametrize(
    "value", ["", "x", "8x", "0", "-1", "1.5", "²", "٣", [], None, 8, {}, [0], [-1], [True], [1.0], [[1]]]
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
