"""The names of feature maps."""

from __future__ import annotations

import pytest

import convcli
from convcli.analysis.map_names import map_index, map_names
from convcli.core.errors import ConvcliError
from convcli.model.plan import make_plan


def plan(layers, shape):
    return make_plan(convcli.load(layers), {"input": shape})


def test_maps_keep_the_names_of_their_filters():
    filters = {"down": [1, 1], "up": [-1, 1]}
    names = map_names(plan([{"conv1d": {"filters": filters}}, "relu", "MaxPooling1D()", "Dense(3)"], (8, 1)))
    assert names["conv1d"] == names["re_lu"] == names["max_pooling1d"] == ("down", "up")
    assert names["dense"] == ("map 0", "map 1", "map 2")


def test_maps_of_a_depthwise_layer_name_their_channel():
    names = map_names(plan([{"depthwise_conv1d": {"filters": {"a": [1, 1], "b": [2, 2]}}}], (8, 2)))
    assert names["depthwise_conv1d"] == ("a, channel 0", "b, channel 0", "a, channel 1", "b, channel 1")


@pytest.mark.parametrize(("requested", "index"), [("up", 1), (1, 1), ("0", 0), ("down", 0)])
def test_a_map_is_found_by_its_name_or_its_number(requested, index):
    assert map_index(("down", "up"), requested) == index


@pytest.mark.parametrize(
    ("names", "requested", "message"),
    [
        (("down", "up"), 2, "2: no such map (maps 0 to 1: down, up)"),
        (("down", "up"), "dwon", "dwon: no such map (did you mean down?)"),
        (("map 0",), "up", "up: no such map (map 0)"),
        (("map 0", "map 1"), "up", "up: no such map (maps 0 to 1)"),
    ],
)
def test_a_map_that_is_not_there_is_an_error(names, requested, message):
    with pytest.raises(ConvcliError) as caught:
        map_index(names, requested)
    assert str(caught.value) == message
