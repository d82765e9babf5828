"""Nested lists of numbers and the documents that hold them. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as random_arrays

from convcli.core.errors import ConvcliError
from convcli.io import nested_lists


@given(random_arrays.arrays("float32", 5))
def test_float32_is_written_with_the_fewest_digits_that_read_back_the_same(array):
    value = json.loads(json.dumps(nested_lists.from_array(array)))
    np.testing.assert_array_equal(nested_lists.to_array(value).astype("float32"), array, strict=True)
    assert nested_lists.from_array(np.array([0.1], "float32")) == [0.1]


def test_a_large_array_is_written_like_a_small_one():
    array = np.arange(2 * 300 * 300, dtype="float32").reshape(2, 300, 300) / 10
    assert array.size > nested_lists.MAX_TEXT_VALUES
    assert nested_lists.from_array(array)[1][299] == nested_lists.from_array(array[1, 299])


def test_infinite_and_undefined_numbers_are_words():
    value = [[float("nan"), float("inf")], [-float("inf"), 0.5]]
    words = [["NaN", "Infinity"], ["-Infinity", 0.5]]
    assert nested_lists.spell_nonfinite(value) == nested_lists.from_array(np.array(value)) == words
    np.testing.assert_array_equal(nested_lists.to_array(words), value)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (5, ()),
        ([], (0,)),
        ([[], []], (2, 0)),
        ([1, 2.5], (2,)),
        (((1, 2), ["NaN", 3]), (2, 2)),
        ([[[True]]], (1, 1, 1)),
    ],
)
def test_the_shape_of_a_nested_list_is_known_without_numpy(value, shape):
    assert nested_lists.shape_of(value) == nested_lists.to_array(value).shape == shape


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, [2]], r"\[1\]: shape \(1,\), its neighbours have \(\) \(rows of equal length\)"),
        ([[1, 2], [3]], r"\[1\]: shape \(1,\), its neighbours have \(2,\) \(rows of equal length\)"),
        ([None], r"\[0\]: None is not a number"),
        (["1"], r"\[0\]: '1' is not a number"),
        ([{"a": 1}], r"\[0\]: {'a': 1} is not a number"),
        ([9007199254740993, 0.5], r"\[0\]: float64 does not hold the whole number 9007199254740993 exactly \("),
        ([18446744073709551615, -1], r"\[0\]: float64 does not hold the whole number 18446744073709551615 exactly \("),
    ],
)
def test_a_list_of_anything_but_equal_rows_of_numbers_is_an_error(value, message):
    with pytest.raises(ConvcliError, match=f"^{message}"):
        nested_lists.to_array(value)


def test_more_axes_than_numpy_allows_are_an_error():
    value = 1
    for _ in range(32):
        value = [value]
    assert nested_lists.to_array(value).ndim == 32
    with pytest.raises(ConvcliError, match="more than 32 lists within each other"):
        nested_lists.to_array([value])


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"data": [1, 2]}, [1, 2]),
        ({"data": 5}, 5),
        ({"output": [[1.5]], "layers": []}, [[1.5]]),
    ],
)
def test_a_document_holds_an_array_as_data_or_as_output(document, value):
    assert nested_lists.from_document(document).tolist() == value


def test_a_document_of_several_outputs_holds_arrays_by_name():
    arrays = nested_lists.from_document({"output": {"x": [1], "y": [[2]]}})
    assert {name: array.tolist() for name, array in arrays.items()} == {"x": [1], "y": [[2]]}


@pytest.mark.parametrize(
    ("document", "dtype"),
    [
        ([True, False], "bool"),
        ([1, -2], "int64"),
        ([1, 2.0], "float64"),
        ({"data": [1, 2], "dtype": "float16"}, "float16"),
        ({"data": [1.0, 0], "dtype": "bool"}, "bool"),
        ({"data": [200], "dtype": "uint8"}, "uint8"),
    ],
)
def test_the_dtype_is_that_of_the_numbers_or_the_stated_one(document, dtype):
    assert nested_lists.from_document(document).dtype == dtype


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(300, "uint8"), (-1, "uint8"), (1.5, "int8"), (float("nan"), "int32"), (1e6, "float16")],
)
def test_a_value_that_its_dtype_cannot_hold_is_an_error(value, dtype):
    with pytest.raises(ConvcliError, match=rf"does not fit in {dtype} \(a type that holds it\)$"):
        nested_lists.from_document({"data": [value], "dtype": dtype})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "None is not a number"),
        ({}, "no array in a mapping of nothing"),
        ({"data": None}, "None is not a number"),
        ({"output": None}, "None is not a number"),
        ({"output": {"a": ["b"]}}, r"\[0\]: 'b' is not a number"),
        ({"data": {"a": 1}}, "{'a': 1} is not a number"),
        ({"output": {"a": {"b": 1}}}, "{'b': 1} is not a number"),
        ({"data": [1], "unit": "m"}, "unknown key 'unit' beside data"),
        ({"data": [1], "dtype": "float128"}, "dtype 'float128'"),
    ],
)
def test_a_document_without_an_array_is_an_error(document, message):
    with pytest.raises(ConvcliError, match=f"^{message}"):
        nested_lists.from_document(document)


@pytest.mark.parametrize("value", [{"k" * 500: 1}, {"data": [1], "k" * 500: 1}, {"k" * 50: 1, "m" * 50: 2}])
def test_a_message_about_keys_quotes_sixty_characters_of_them(value):
    with pytest.raises(ConvcliError) as error:
        nested_lists.from_document(value)
    assert "k" * 50 in str(error.value)
    assert len(str(error.value)) <= 60 + len("no array in a mapping of  (data: or output:)")
