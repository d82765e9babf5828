"""The graph: ranks of its inputs and names of its layers."""

from __future__ import annotations

import pytest

import convcli


def rank(layers, **keys):
    """Return the number of spatial axes of the model's input."""
    return convcli.load({"layers": layers, **keys}).spatial_rank("input")


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
def test_the_first_layer_that_has_a_rank_says_that_of_the_input(layers, expected):
    assert rank(layers) == expected


def test_the_shape_of_the_input_says_its_rank_before_any_layer():
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


def test_unnamed_layers_are_numbered_past_names_that_are_taken():
    names = [node.name for node in convcli.load(["relu", {"relu": {"name": "re_lu_2"}}, *["relu"] * 3]).nodes]
    assert names == ["re_lu", "re_lu_2", "re_lu_1", "re_lu_3", "re_lu_4"]
