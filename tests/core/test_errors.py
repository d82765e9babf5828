"""The one exception says where, what and how to mend it."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError, located, one_line, short_repr, suggestion


def test_frames_put_their_place_in_front():
    with pytest.raises(ConvcliError) as caught, located("model.yaml"), located("layer conv2d"):
        raise ConvcliError("strides: 0", "at least 1")
    assert str(caught.value) == "model.yaml: layer conv2d: strides: 0 (at least 1)"


def test_without_a_remedy_there_are_no_brackets():
    assert str(ConvcliError("is empty")) == "is empty"


@pytest.mark.parametrize(
    ("name", "known", "remedy"),
    [
        ("con2d", ["conv2d", "dense"], "did you mean conv2d?"),
        ("zzz", ["conv2d", "dense"], "known: conv2d, dense"),
        ("zzz", [], None),
    ],
)
def test_the_nearest_known_name(name, known, remedy):
    assert suggestion(name, known) == remedy


def test_long_values_are_cut():
    assert short_repr("x" * 100, 10) == "'xxxxxx..."
    assert short_repr([1, 2]) == "[1, 2]"


def test_text_of_one_line_commands_no_terminal():
    assert one_line("Maße: 3×3 ✓") == "Maße: 3×3 ✓"
    assert one_line("a\nb\x1b[2J\x9b\u202e\udcff") == r"a\nb\x1b[2J\x9b\u202e\udcff"
