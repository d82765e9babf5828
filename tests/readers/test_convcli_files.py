"""convcli's own model files in each of their forms. Messages are in test_messages."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli.core.errors import ConvcliError
from convcli.readers import bare_kernel, convcli_files


@pytest.mark.parametrize(
    ("value", "layers"),
    [
        ({"layers": ["flatten"], "name": "x"}, ["flatten"]),
        (["flatten", {"dense": 10}], ["flatten", {"dense": 10}]),
        ({"conv2d": {"filters": 1}}, [{"conv2d": {"filters": 1}}]),
        ({"flatten": None}, [{"flatten": None}]),
        ("Conv2D(40, 3)", ["Conv2D(40, 3)"]),
        ([1, 2], [{"conv1d": {"filters": {"mine": [1, 2]}}}]),
        ([[1, 2]], [{"conv2d": {"filters": {"mine": [[1, 2]]}}}]),
        ([[[1]]], [{"conv1d": {"kernel": [[[1]]]}}]),
        ([[[[1]]]], [{"conv2d": {"kernel": [[[[1]]]]}}]),
        ([[[[[1]]]]], [{"conv3d": {"kernel": [[[[[1]]]]]}}]),
    ],
)
def test_every_form_becomes_a_mapping_with_layers(value, layers):
    assert convcli_files.mapping(value, "mine")["layers"] == layers


@pytest.mark.parametrize("value", [{"name": "x", "input": [8]}, {"conv2d": {}, "dense": {}}, {"layres": ["flatten"]}])
def test_a_mapping_with_other_keys_is_left_to_the_validator(value):
    assert convcli_files.mapping(value, "mine") == value
    with pytest.raises(ConvcliError, match=r"unknown key|no layers"):
        convcli.load(value)


@pytest.mark.parametrize("value", [None, 5, [], {}, [[[[[[1]]]]]], [[1], [2, 3]]])
def test_a_value_that_is_not_a_model_is_an_error(value):
    with pytest.raises(ConvcliError):
        convcli_files.mapping(value, "mine")


@pytest.mark.parametrize("shape", [(), (1,) * 6])
def test_a_kernel_has_one_to_five_axes(shape):
    with pytest.raises(ConvcliError, match="rank 1 or 2: one filter"):
        bare_kernel.mapping(np.zeros(shape), "mine")
