"""YAML 1.2 and JSON as plain values. Whole messages are in `tests/cli/test_messages.py`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convcli.core.errors import ConvcliError
from convcli.io.yaml_json import parse

INFINITY = float("inf")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),  # a word in YAML 1.1
        ("-2E+3", -2000.0),
        ("1e5", 100000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("010", 10),  # 8 in YAML 1.1
        ("+7", 7),
        ("0x1F", 31),
        ("9007199254740993", 2**53 + 1),
        (".inf", INFINITY),
        ("-.INF", -INFINITY),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("Null", None),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    assert repr(parse(f"- {text}")) == repr([value])


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "y", "1_000", "1:30", "0b11", "2001-01-01", "=", "<<", "-0x1f", "1e", "tRUE"]
)
def test_what_is_special_only_in_yaml_1_1_is_a_word(word):
    assert parse(f"- {word}") == [word]


def test_nan_is_not_a_number():
    (value,) = parse("- .NaN")
    assert value != value


def test_an_empty_value_is_null():
    assert parse("a:\nb: ''") == {"a": None, "b": ""}


def test_an_alias_stands_for_its_anchor():
    assert parse("a: &here [1, 2]\nb: *here") == {"a": [1, 2], "b": [1, 2]}


def test_a_merge_key_is_a_key_like_any_other():
    assert parse("a: &a {x: 1}\nb: {<<: *a}") == {"a": {"x": 1}, "b": {"<<": {"x": 1}}}


def test_comments_and_windows_line_ends_are_read():
    assert parse("# what\r\na: 1  # this\r\nb: [1,\r\n 2]\r\n") == {"a": 1, "b": [1, 2]}


def test_json_has_words_for_infinite_and_undefined_numbers():
    value = parse("[NaN, Infinity, -Infinity]", json_only=True)
    assert value[0] != value[0]
    assert value[1:] == [INFINITY, -INFINITY]


@pytest.mark.parametrize("text", ["[1, 2,]", "[.inf]", "{a: 1}", "'a'", "- 1", "[1] # one"])
def test_yaml_in_a_json_file_is_an_error(text):
    parse(text)
    with pytest.raises(ConvcliError, match=r"^line 1, column \d+: .* \(valid JSON\)$"):
        parse(text, json_only=True)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', "{a: 1, a: 1}", "a: 1\na: 1\n", "a: {b: 1, 'b': 1}"])
def test_a_key_that_stands_twice_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"'[ab]' is given twice"):
        parse(text)


@pytest.mark.parametrize("text", ["? [1]\n: 2", "{{a: 1}: 2}"])
def test_a_key_that_is_a_collection_is_an_error(text):
    with pytest.raises(ConvcliError, match="a key must be a word"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("*a", "[1, 2", "[1]]", "a: 1\n b: 2", "@", "'", "--- 1\n--- 2", "[\a]"),
        *("!mine 1", "!!python/name:os.system", "!!int x"),
    ],
)
def test_text_that_is_not_yaml_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"\(valid YAML\)$"):
        parse(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_too_deep_json_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"^too deeply nested$"):
        parse(text)


@pytest.mark.parametrize("head", ["", "a:\n", "a:\r", "a:\x85", "a:\u2028"], ids=ascii)
@pytest.mark.parametrize("start", ["- ", "? "])
def test_too_deep_yaml_is_an_error(start, head):
    program = f"from convcli.io.yaml_json import parse\nparse({head!r} + {start!r} * 100_000)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.endswith("ConvcliError: too deeply nested\n")


@pytest.mark.parametrize("text", ["!!bool x", "!!float ''", "!!timestamp x", "!!map [1]"])
def test_a_value_that_does_not_suit_its_tag_is_an_error(text):
    with pytest.raises(ConvcliError, match=r"\(valid YAML\)$"):
        parse(text)


@pytest.mark.parametrize("json_only", [False, True])
def test_a_whole_number_of_too_many_digits_is_an_error(json_only):
    with pytest.raises(ConvcliError, match=r"^Exceeds the limit .* \(valid JSON\)$"):
        parse(f"[{'1' * 5000}]", json_only)


def test_a_hexadecimal_number_of_too_many_digits_is_an_error():
    with pytest.raises(ConvcliError, match="a whole number of 20000 bits"):
        parse(f"[0x{'f' * 5000}]")
