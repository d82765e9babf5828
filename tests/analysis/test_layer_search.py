"""The search for settings: every answer gives the requested size, and none is missing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcli
from convcli.analysis import layer_search
from convcli.analysis.layer_search import SearchRequest, closest_setting, find_settings
from convcli.core.errors import ConvcliError
from convcli.core.records import replace


def explicit(settings):
    """Return (F, S, before, after, d) of the settings of one axis with explicit padding."""
    return {
        (each.kernel_size[0], each.strides[0], *each.padding[0], each.dilation_rate[0])
        for each in settings
        if not isinstance(each.padding, str)
    }


def test_the_first_layer_of_resnet_is_found():
    results = find_settings(SearchRequest((224,), (112,), kernel_size=(7,), strides=(2,), dilation_rate=(1,)))
    assert [each.padding for each in results[:2]] == [((3, 3),), "same"]
    # (224 - 7 + P) / 2 + 1 is 112, rounded down: 217 + P is 222 or 223, so P is 5 or 6, with at most 6 on a side.
    assert explicit(results) == {(7, 2, a, b, 1) for a in range(7) for b in range(7) if a + b in (5, 6)}


def test_the_most_usual_setting_comes_first():
    first = find_settings(SearchRequest((28,), (28,)))[0]
    assert (first.kernel_size, first.strides, first.padding, first.dilation_rate) == ((3,), (1,), ((1, 1),), (1,))


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(1, 40))
def test_no_setting_is_missing(width, output):
    # floor((W - D + P) / S) + 1, for every setting
    expected = set()
    for size, stride, dilation in product(range(1, 12), range(1, 5), range(1, 4)):
        extent = dilation * (size - 1) + 1
        for before, after in product(range(extent), repeat=2):
            room = width - extent + before + after
            if room >= 0 and room // stride + 1 == output:
                expected.add((size, stride, before, after, dilation))
    assert explicit(find_settings(SearchRequest((width,), (output,)))) == expected


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 30), st.integers(1, 60), st.booleans())
def test_a_layer_with_any_of_the_settings_has_the_requested_output(width, output, transpose):
    for setting in find_settings(SearchRequest((width,), (output,), transpose=transpose))[:40]:
        arguments = {
            "filters": 1,
            "kernel_size": setting.kernel_size[0],
            "strides": setting.strides[0],
            "dilation_rate": setting.dilation_rate[0],
            "padding": setting.padding if isinstance(setting.padding, str) else list(map(list, setting.padding)),
        }
        if setting.output_padding is not None:
            arguments["output_padding"] = setting.output_padding[0]
        model = convcli.load([{"conv1d_transpose" if transpose else "conv1d": arguments}])
        assert convcli.summarize(model, (width, 1))["output_shape"] == [None, output, 1]


def test_transposed_settings_name_their_output_padding():
    results = find_settings(
        SearchRequest((7,), (14,), kernel_size=(3,), strides=(2,), dilation_rate=(1,), transpose=True)
    )
    pairs = [(each.padding, each.output_padding) for each in results]
    assert pairs[0] == ("same", None)
    assert (((1, 1),), (1,)) in pairs  # (7 - 1)·2 + 3 - 1 - 1 + 1
    assert ("same", (1,)) in pairs


def test_searched_settings_are_the_same_on_all_axes():
    results = find_settings(SearchRequest((224, 112), (112, 56), kernel_size=(3, 3), dilation_rate=(1, 1)))
    assert results[0].strides == (2, 2)
    assert results[0].padding == ((1, 1), (1, 1))
    assert find_settings(SearchRequest((9, 9), (9, 3), dilation_rate=(1, 1))) == []


@pytest.mark.parametrize(
    ("search", "output"),
    [
        (SearchRequest((224,), (300,)), (254,)),
        (SearchRequest((10,), (1,), kernel_size=(3,), strides=(2,), padding="valid"), (2,)),
    ],
)
def test_the_closest_setting_is_found_where_none_fits(search, output):
    assert find_settings(search) == []
    assert closest_setting(search).output == output


def test_there_is_no_closest_setting_where_no_window_fits():
    assert closest_setting(SearchRequest((2,), (9,), kernel_size=(7,), padding="valid")) is None


def test_output_padding_is_smaller_than_the_stride_or_dilation():
    # (7 - 1)·2 + 3 - 1 + 3 = 17, but an output padding of 3 is not less than a stride of 2 or a dilation of up to 3.
    search = SearchRequest((7,), (17,), kernel_size=(3,), strides=(2,), transpose=True, output_padding=(3,))
    assert find_settings(search) == []
    assert find_settings(replace(search, dilation_rate=(4,))) != []


def test_no_setting_is_listed_twice():
    for transpose in (False, True):
        results = find_settings(SearchRequest((8,), (8,), transpose=transpose))
        assert len(set(results)) == len(results)


@pytest.mark.parametrize(
    "search",
    [
        SearchRequest((8,), (16,), kernel_size=(10**9,)),
        SearchRequest((8,), (16,), strides=(10**9,), transpose=True),
        SearchRequest((8,), (1,), kernel_size=(5000,), strides=(10_000,)),
    ],
)
def test_too_many_settings_are_an_error(search, monkeypatch):
    monkeypatch.setattr(layer_search, "MOST_TRIED", 1000)
    with pytest.raises(ConvcliError, match=r"^more than 1,000 settings to try"):
        find_settings(search)
