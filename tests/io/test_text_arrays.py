"""Lines of numbers. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as random_arrays

from convcli.core import memory
from convcli.core.errors import ConvcliError, Note
from convcli.io.text_arrays import first_problem, parse_lines

NUMBERS = "numbers split by commas, tabs, semicolons or spaces"
TRAILING = "a separator at the end of every line is ignored, at the end of some it is not"

ROWS = random_arrays.arrays(
    "float64",
    random_arrays.array_shapes(max_dims=2, min_side=2, max_side=4),
    elements=st.floats(width=64),
)


@given(ROWS, st.sampled_from([",", "\t", ";", " ", "   ", ", ", "; "]), st.sampled_from(["\n", "\r\n"]))
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
        ("1 2\n3 4\n", [[1, 2], [3, 4]]),
        ("   1   2\n  10  20", [[1, 2], [10, 20]]),
        ("1e-3 2E5\n+.5 -3.", [[0.001, 200_000], [0.5, -3]]),
        ("1;2\r\n3; 4\r\n", [[1, 2], [3, 4]]),
    ],
)
def test_one_row_or_column_is_a_flat_list(text, value):
    assert parse_lines(text) == value


def test_what_savetxt_writes_gives_the_same_array(tmp_path):
    array = np.random.default_rng(0).normal(size=(4, 3))
    np.savetxt(tmp_path / "x.txt", array)
    np.testing.assert_array_equal(parse_lines((tmp_path / "x.txt").read_text()), array)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,2,\n3,4,\n", [[1, 2], [3, 4]]),
        ("1;2; \r\n3;4;\r\n", [[1, 2], [3, 4]]),
        ("1,2,", [1, 2]),
        ("1,\n2,\n", [1, 2]),
    ],
)
def test_a_comma_or_semicolon_at_the_end_of_every_line_is_ignored(text, value):
    assert parse_lines(text) == value


@pytest.mark.parametrize(
    ("text", "header", "value"),
    [
        ("x,y\n1,2\n3,4", "'x,y'", [[1, 2], [3, 4]]),
        ("Time [s];U [mV]\n0;1\n1;2", "'Time [s];U [mV]'", [[0, 1], [1, 2]]),
        ("x,y,\n1,2,\n3,4,", "'x,y,'", [[1, 2], [3, 4]]),
        ("x,y\n1,2,\n3,4,", "'x,y'", [[1, 2], [3, 4]]),
        ("width\n\n1\n2", "'width'", [1, 2]),
        ("# x y\n1 2\n3 4", "'# x y'", [[1, 2], [3, 4]]),
    ],
)
def test_a_header_line_is_skipped_with_a_note(text, header, value):
    with pytest.warns(Note) as notes:
        assert parse_lines(text, "x.csv") == value
    assert [str(note.message) for note in notes] == [f"x.csv: a header line is skipped: {header}"]


def test_comments_before_a_header_are_skipped_too():
    with pytest.warns(Note, match="^the file: 3 header lines are skipped, the last is 'x y'$"):
        assert parse_lines("# from\n# here\nx y\n1 2") == [1, 2]


@pytest.mark.parametrize(
    "text", ["[1, 2]", "[1,\n2]", "1_0,2", "a: 1", "data:\n5", "- a\n5", "&a\n5", "x,1\n1,2", "0,5;1,5\n1;2", ",,\n1,2"]
)
def test_a_text_that_does_not_begin_with_a_line_of_numbers_is_left_to_others(text):
    assert parse_lines(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3", "line 2: 1 number, the first line has 2"),
        ("1,2\n3,4,5", "line 2: 3 numbers, the first line has 2"),
        ("1 2\n3", "line 2: 1 number, the first line has 2"),
        ("x y\n1 2\n3", "line 3: 1 number, the first line of numbers has 2"),
        ("\n1,2\n3;4", f"line 3, column 1: '3;4' is not a number ({NUMBERS})"),
        ("1,2\n3\t4", f"line 2, column 1: '3\\t4' is not a number ({NUMBERS})"),
        ("1;2\n3;4,5", "line 2, column 2: '4,5' is not a number (a decimal point)"),
        ("1,2\n3,", f"line 2, column 2: no number ({TRAILING})"),
        ("1,2,3\n4,,5", "line 2, column 2: no number (a number, or nan)"),
        ("1,2\n\n3,4", "line 2: an empty line begins another map (one map a file; npy and json hold several)"),
        ("1,2,\n\n3,4,", "line 2: an empty line begins another map (one map a file; npy and json hold several)"),
    ],
)
def test_a_line_unlike_the_first_is_an_error(text, message):
    with pytest.raises(ConvcliError) as caught:
        parse_lines(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,x,3\n4,5,6", f"line 1, column 2: 'x' is not a number ({NUMBERS})"),
        ("x,1,2\n3,4,5", f"line 1, column 1: 'x' is not a number ({NUMBERS})"),
        ("1,2,\n3,4", f"line 1, column 3: no number ({TRAILING})"),
        ("0,5;1,5", "line 1, column 1: '0,5' is not a number (a decimal point)"),
        ("day,v\n2020-01-01,5", f"line 2, column 1: '2020-01-01' is not a number ({NUMBERS})"),
        ("x,y\nm,s\n1,2", f"line 2, column 1: 'm' is not a number ({NUMBERS})"),
        ("1 2 3;", f"line 1, column 1: '1 2 3' is not a number ({NUMBERS})"),
    ],
)
def test_the_first_cell_that_is_not_a_number_is_named(text, message):
    assert parse_lines(text) is None
    assert str(first_problem(text)) == message


@pytest.mark.parametrize("text", ["hello", "hello, world\nrelu", "#"])
def test_a_text_without_numbers_has_no_cell_to_name(text):
    assert first_problem(text) is None


def test_a_text_of_words_and_spaces_asks_for_no_memory(monkeypatch):
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    assert parse_lines('{"a":\n' + " " * 10_000 + "[]}") is None


@pytest.mark.parametrize("text", ["9007199254740993,1", "1" * 5000])
def test_a_whole_number_that_float64_would_round_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"^float64 does not hold the whole number \S+ exactly \("):
        parse_lines(text)
