"""Weight values as a model file writes them. Messages are in test_messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcli
from convcli.core.errors import ConvcliError
from convcli.readers.weight_values import FilterSet, WeightValue, read_filters, to_keras_layout, weight_value

HERE = ""


def maps(layer, x):
    """Return the output of a model of one layer for one sample."""
    return convcli.apply(convcli.load([layer]), np.array([x]))[0].tolist()


@pytest.mark.parametrize(
    ("value", "shape", "array"),
    [
        (3, (), 3),
        (True, (), 1),
        ("Infinity", (), np.inf),
        ([1, 2], (2,), [1, 2]),
        ([[1], ["-Infinity"]], (2, 1), [[1], [-np.inf]]),
        ({"data": [1, 2], "dtype": "uint8"}, (2,), [1, 2]),
        (np.arange(2), (2,), [0, 1]),
        ("bump", (3,), [0, 1, 0]),
    ],
)
def test_a_weight_value_is_a_number_a_list_a_mapping_an_array_or_a_filter(value, shape, array):
    weight = weight_value(value, HERE)
    assert weight.shape == shape
    assert weight.array().tolist() == array
    assert weight.array().dtype == "float64"


def test_names_of_files_are_relative_to_the_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "row.csv").write_text("1,2,3\n")
    np.savez(tmp_path / "two.npz", a=[1.0], b=[2.0])
    for name, value in (("sub/row.csv", [1, 2, 3]), ("two.npz:b", [2]), (str(tmp_path / "two.npz:a"), [1])):
        assert weight_value(name, tmp_path).array().tolist() == value


def test_float32_stays_float32():
    assert weight_value(np.ones(2, "float16"), HERE).array().dtype == "float32"


def test_a_shape_is_known_without_the_array():
    def fail():
        raise AssertionError

    filters = FilterSet(("a", "b"), (1, 2), None, (WeightValue((1, 2), fail),) * 2)
    kernel = filters.stack("IO", 1)
    assert kernel.shape == (1, 2, None, 2)
    with pytest.raises(AssertionError):
        kernel.array()


@pytest.mark.parametrize(
    "value", [None, "", "3", "no-such-filter", "file.h5", "none.npy", [1, None], [[1], [2, 3]], {}]
)
def test_any_other_value_is_not_a_weight_value(value):
    with pytest.raises(ConvcliError):
        weight_value(value, HERE)


# ---- filters ----


@pytest.mark.parametrize(
    ("value", "rank", "names", "size", "depth"),
    [
        ([1, 2, 3], 1, ("0",), (3,), None),
        ("bump", 1, ("bump",), (3,), None),
        ([[1, 2, 3], [4, 5, 6]], 1, ("0", "1"), (3,), None),
        ([[1, 2, 3], [4, 5, 6]], 2, ("0",), (2, 3), None),
        ([[[1, 2, 3], [4, 5, 6]]], 1, ("0",), (2,), 3),  # one filter with channels is a list of one
        ({"a": [1, 2]}, 1, ("a",), (2,), None),
        ({"a": [[1, 2]], "b": [[3, 4]]}, 1, ("a", "b"), (1,), 2),
        ({1: [1, 2], 0.5: [3, 4]}, 1, ("1", "0.5"), (2,), None),
        (["bump", [1, 2, 3]], 1, ("bump", "1"), (3,), None),
        (["bump", "bump"], 1, ("bump 0", "bump 1"), (3,), None),
        (np.zeros((4, 3, 3, 2)), 2, ("0", "1", "2", "3"), (3, 3), 2),
    ],
)
def test_filters_are_one_array_a_list_or_a_mapping(value, rank, names, size, depth):
    filters = read_filters(value, rank, HERE)
    assert (filters.names, filters.size, filters.depth) == (names, size, depth)


@pytest.mark.parametrize(
    ("value", "rank"),
    [
        *(([], 1), ({}, 1), (5, 1), ("NaN", 1), ([[], []], 1), ([[1], [2, 3]], 1), ([1, 2], 2), ([[[[[1]]]]], 2)),
        *((["bump", [1, 2]], 1), ({"a": [1], "b": [[1]]}, 1), ({"a": 5}, 1), ({"a": ["x"]}, 1), ([None], 1)),
    ],
)
def test_any_other_value_is_not_filters(value, rank):
    with pytest.raises(ConvcliError):
        read_filters(value, rank, HERE)


def test_each_filter_makes_a_map():
    layer = {"conv1d": {"filters": {"sum": [1, 1], "difference": [-1, 1]}}}
    assert maps(layer, [[1], [2], [4]]) == [[3, 1], [6, 2]]


def test_a_filter_has_the_depth_of_its_input():
    layer = {"conv1d": {"filters": [[[1, 10], [100, 1000]]], "bias": 5}}
    assert maps(layer, [[1, 2], [3, 4]]) == [[1 + 20 + 300 + 4000 + 5]]


def test_filters_in_groups_see_their_own_channels():
    layer = {"conv1d": {"filters": {"a": [1, 10], "b": [2, 20], "c": [3, 30], "d": [4, 40]}, "groups": 2}}
    assert maps(layer, [[1, 5], [1, 5]]) == [[11, 22, 5 * 33, 5 * 44]]


def test_filters_of_a_transposed_layer_have_the_depth_of_its_input():
    layer = {"conv1d_transpose": {"filters": {"a": [[1, 10], [2, 20]], "b": [[3, 30], [4, 40]]}}}
    assert maps(layer, [[1, 5]]) == [[1 + 50, 3 + 150], [2 + 100, 4 + 200]]


def test_filters_in_groups_of_a_transposed_layer_see_their_own_channels():
    layer = {"conv1d_transpose": {"filters": [[1, 2], [3, 4], [5, 6], [7, 8]], "groups": 2}}
    assert maps(layer, [[1, 10]]) == [[1, 3, 50, 70], [2, 4, 60, 80]]


def test_filters_in_groups_of_a_transposed_layer_have_the_depth_of_a_group():
    layer = {"conv1d_transpose": {"filters": [[[1, 10]], [[2, 20]], [[3, 30]], [[4, 40]]], "groups": 2}}
    assert maps(layer, [[1, 2, 5, 7]]) == [[1 + 20, 2 + 40, 15 + 210, 20 + 280]]


def test_a_filter_of_a_depthwise_layer_sees_every_channel_by_itself():
    layer = {"depthwise_conv2d": {"filters": {"sum": [[1, 1]], "first": [[1, 0]]}, "bias": [0, 1, 2, 3]}}
    assert maps(layer, [[[1, 10], [2, 20]]]) == [[[3, 1 + 1, 30 + 2, 10 + 3]]]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_kernel_is_in_keras_s_layout_whatever_the_data_format(data_format):
    kernel = np.arange(2 * 3).reshape(1, 2, 3)  # (cells, in, filters)
    model = convcli.load([{"conv1d": {"kernel": kernel}}], data_format=data_format)
    x = np.array([[[1, 10]]]) if data_format == "channels_last" else np.array([[[1], [10]]])
    assert convcli.apply(model, x).ravel().tolist() == [30, 1 + 40, 2 + 50]


@pytest.mark.parametrize(
    ("layer", "x", "y"),
    [
        ({"dense": {"kernel": [[1, 2], [3, 4], [5, 6]], "kernel_layout": "OI"}}, [1, 10], [21, 43, 65]),
        ({"conv1d": {"kernel": [[[1, 2], [3, 4]]], "kernel_layout": "OIK"}}, [[1, 10], [2, 20]], [[1 + 4 + 30 + 80]]),
        (
            {"conv1d_transpose": {"kernel": [[[1, 2], [3, 4]]], "kernel_layout": "IOK"}},  # as PyTorch has it
            [[1], [10]],
            [[1, 3], [2 + 10, 4 + 30], [20, 40]],
        ),
        (
            {"depthwise_conv1d": {"kernel": [[[1, 2]], [[3, 4]]], "kernel_layout": "IOK"}},
            [[1, 10], [2, 20]],
            [[1 + 4, 30 + 80]],
        ),
    ],
    ids=["dense", "conv", "transposed", "depthwise"],
)
def test_a_kernel_may_be_in_another_layout(layer, x, y):
    assert maps(layer, x) == y


@given(st.data(), st.integers(0, 3), st.sampled_from(["IO", "OI"]), st.booleans())
def test_any_layout_reads_back_as_keras_s(data, rank, last, nameless):
    letters = "DHW"[3 - rank :] + last
    layout = "".join(data.draw(st.permutations(letters)))
    extents = data.draw(st.permutations([2, 3, 4, 5, 6]).map(lambda each: each[: rank + 2]))
    kernel = np.arange(np.prod(extents)).reshape(extents)  # in Keras's layout
    if nameless:  # K for each of the spatial axes, which keep their order
        space = iter(letters[:rank])
        layout = "".join(next(space) if each in "DHW" else each for each in layout)
    stored = kernel.transpose([letters.index(each) for each in layout])
    written = "".join("K" if nameless and each in "DHW" else each for each in layout)
    result = to_keras_layout(weight_value(stored, HERE), written, rank, last)
    assert result.shape == kernel.shape
    assert np.array_equal(result.array(), kernel)


@pytest.mark.parametrize("layout", ["OIH", "OIHWD", "OIHH", "OOHW", "OIXY", "oihw", "OIDHW", "KKIK", ""])
def test_a_layout_has_one_letter_an_axis(layout):
    with pytest.raises(ConvcliError, match="such as OIHW"):
        to_keras_layout(weight_value(np.zeros((1, 1, 1, 1)), HERE), layout, 2, "IO")


@pytest.mark.parametrize("value", [{"data": [1, 2]}, np.array([1, 2])], ids=["mapping", "array"])
def test_a_filter_in_a_list_may_be_a_mapping_or_an_array(value):
    assert read_filters([value, value], 1, HERE).size == (2,)


def test_a_layout_of_a_dense_kernel_has_two_letters():
    with pytest.raises(ConvcliError, match="such as OI"):
        to_keras_layout(weight_value([[1, 2]], HERE), "OIHW", 0, "IO")


def test_a_filter_of_the_bank_is_not_taken_apart():
    with pytest.raises(ConvcliError, match="rank 1 for the 1 spatial axis"):
        read_filters("sobel-x", 1, HERE)
