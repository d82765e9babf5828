"""Arrays as NumPy prints them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.io import arrays
from convcli.io.numpy_prints import parse

ARRAYS = random_arrays.arrays(
    st.sampled_from(["float64", "int64", "bool", "float32", "uint8"]),
    random_arrays.array_shapes(max_dims=4, min_side=2, max_side=4),
    elements={"min_value": 0, "max_value": 100},
)


@given(ARRAYS)
def test_what_numpy_prints_gives_the_same_array(array):
    with np.printoptions(floatmode="unique", linewidth=30):
        texts = [repr(array)] if array.dtype in ("float32", "uint8") else [str(array), repr(array)]
    for text in texts:
        np.testing.assert_array_equal(arrays.decode(text.encode()), array, strict=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[[0 0 1]\n [0 1 0]]", [[0, 0, 1], [0, 1, 0]]),
        ("[[0 0 1] [0 1 0]]", [[0, 0, 1], [0, 1, 0]]),
        ("[0. 1.]", [0, 1]),
        ("[[1]\r\n [2]]\r\n", [[1], [2]]),
        ("\n[1.e-03 -2.e+05]", [0.001, -200_000]),
        ("[inf 1]", [np.inf, 1]),
        ("array([[0, 1],\n       [1, 0]])", [[0, 1], [1, 0]]),
        ("np.array([1.5, 2.], dtype=np.float32)", [1.5, 2]),
        ("numpy.array([1, 2],)", [1, 2]),
        ("array([1, 2], dtype=float)", [1, 2]),
        ("array([], dtype=float64)", []),
        ("tensor([[0.5000, 2.0000],\n        [1.0000, 0.0000]])", [[0.5, 2], [1, 0]]),
        ("tensor([0.5000], device='cuda:0', dtype=torch.float64, requires_grad=True)", [0.5]),
        ("tensor([0.5000], grad_fn=<MulBackward0>)", [0.5]),
        ("array([nan, 1.])", [np.nan, 1]),
    ],
)
def test_a_print_is_an_array(text, value):
    np.testing.assert_array_equal(arrays.decode(text.encode()), np.array(value))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("'float16'", "float16"), ("np.uint8", "uint8"), ("int", "int64"), ("bool", "bool")],
)
def test_a_print_may_name_its_dtype(dtype, expected):
    assert arrays.decode(f"array([[0, 1]], dtype={dtype})".encode()).dtype == expected


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", "[1]", "[[1], [2]]", "[1 # a comment\n]", "[relu]", "[a b]", "[]", "[", "[1 2", "array", "array(5)"],
)
def test_lists_with_commas_and_other_texts_are_left_to_yaml(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[0 0 1]\n [0 x 0]]", "line 2, column 2: 'x' is not a number (numbers, as NumPy prints them)"),
        ("\narray([1,\n  2_0])", "line 3, column 1: '2_0' is not a number (numbers, as NumPy prints them)"),
        ("[1 1+2j]", "line 1, column 2: '1+2j' is not a number (numbers, as NumPy prints them)"),
        ("[[0 1]\n [2 3 4]]", "[1]: shape (3,), its neighbours have (2,) (rows of equal length)"),
        ("[1 2]\n[3 4]", "line 2: '[' after the end of the array (one array a file)"),
        ("[[1 2]\n [3 4]", "the array does not end (1 more ])"),
        ("[0 1]]", "line 1: ']' after the end of the array (one array a file)"),
        ("array([1,, 2])", "line 1: no number before a comma (a number, or nan)"),
        (
            "[0 1 ... 8 9]",
            "line 1, column 3: ... leaves out numbers "
            "(numpy.save keeps all; numpy.set_printoptions(threshold=sys.maxsize) prints all)",
        ),
        (
            "array([], shape=(0, 3), dtype=float64)",
            "', shape=(0, 3), dtype=float64)' after an array (array([…]) or array([…], dtype=float32))",
        ),
        ("array([1, 2]", "the array does not end (1 more ))"),
        (
            "[9007199254740993 1]",
            "[0]: float64 does not hold the whole number 9007199254740993 exactly (with a decimal point it is rounded)",
        ),
        ("[" * 65 + "1 2" + "]" * 65, "too deeply nested"),
        ("array([300], dtype=uint8)", "300 does not fit in uint8 (a type that holds it)"),
    ],
)
def test_a_mistake_in_a_print_is_named(text, message):
    with pytest.raises(ConvcliError) as caught:
        arrays.decode(text.encode())
    assert str(caught.value) == message


def test_a_print_that_would_take_too_much_memory_is_not_parsed(monkeypatch):
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: 120 * 999 - 1)
    with pytest.raises(ConvcliError, match=r"an \.npy file takes less"):
        parse(f"[{' '.join('1' * 1000)}]")
