"""Lines of numbers. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core.errors import ConvcliError
from convcli.io.text_arrays import parse_lines

ROWS = random_arrays.arrays(
    "float64",
    random_arrays.array_shapes(max_dims=2, min_side=2, max_side=4),
    elements=st.floats(width=64),
)


@given(ROWS, st.sampled_from(",\t"), st.sampled_from(["\n", "\r\n"]))
def test_lines_of_numbers_give_the_same_array(array, separator, line_end):
    text = line_end.join(separator.join(map(repr, row)) for row in np.atleast_2d(array).tolist())
    np.testing.assert_array_equal(np.array(parse_lines(text)), array, strict=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", [5]),
        ("1\n2\n3\n", [1, 2, 3]),
        ("1,2\n3,4\n\n", [[1, 2], [3, 4]]),
        ("\n1\t2\r\n3\t4\r\n", [[1, 2], [3, 4]]),
        (" 1 , +2e0\n.5,-3\n", [[1, 2], [0.5, -3]]),
    ],
)
def test_one_row_or_column_is_a_flat_list(text, value):
    assert parse_lines(text) == value


@pytest.mark.parametrize("text", ["x,y\n1,2", "[1, 2]", "1,2,\n3,4,", "1_0,2", "a: 1"])
def test_a_text_that_does_not_begin_with_a_line_of_numbers_is_left_to_others(text):
    assert parse_lines(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3", "line 2: 1 number, the first line has 2"),
        ("1,2\n3,4,5", "line 2: 3 numbers, the first line has 2"),
        ("\n1,2\n3;4", "line 3: '3;4' is not a number (numbers split by commas or tabs)"),
        ("1,2\n3\t4", "line 2: '3\\t4' is not a number (numbers split by commas or tabs)"),
        ("1,2\n\n3,4", "line 2: an empty line begins another map (one map a file; npy and json hold several)"),
    ],
)
def test_a_line_unlike_the_first_is_an_error(text, message):
    with pytest.raises(ConvcliError) as caught:
        parse_lines(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["9007199254740993,1", "1" * 5000])
def test_a_whole_number_that_float64_would_round_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"^float64 does not hold the whole number \S+ exactly \("):
        parse_lines(text)
