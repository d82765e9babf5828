"""The one exception says where a problem is, what it is, and how to solve it."""

from __future__ import annotations

import pytest

from convcli.core.errors import ConvcliError, located, one_line, short_repr, suggestion


def test_frames_put_their_location_in_front():
    with pytest.raises(ConvcliError) as caught, located("model.yaml"), located("layer conv2d"):
        raise ConvcliError("strides: 0", "at least 1")
    assert str(caught.value) == "model.yaml: layer conv2d: strides: 0 (at least 1)"


def test_a_message_without_a_remedy_has_no_brackets():
    assert str(ConvcliError("is empty")) == "is empty"


@pytest.mark.parametrize(
    ("name", "known", "remedy"),
    [
        ("con2d", ["conv2d", "dense"], "did you mean conv2d?"),
        ("Conv2D", ["conv2d", "dense"], "did you mean conv2d?"),
        ("sobel", ["sobel-x", "sobel-y", "gabor"], "did you mean sobel-x or sobel-y?"),
        ("zzz", ["conv2d", "dense"], "known: conv2d, dense"),
        ("zzz", ["a,b"], "known: 'a,b'"),
        ("zzz", [], None),
    ],
)
def test_an_unknown_name_suggests_the_known_ones(name, known, remedy):
    assert suggestion(name, known) == remedy


def test_without_a_similar_name_the_default_remedy_is_given():
    assert suggestion("zzz", ["conv2d"], "convcli help lists them") == "convcli help lists them"


def test_long_values_are_cut():
    assert short_repr("x" * 100, 10) == "'xxxxxx..."
    assert short_repr([1, 2]) == "[1, 2]"


def test_a_message_of_one_line_cannot_command_the_terminal():
    assert one_line("Maße: 3×3 ✓") == "Maße: 3×3 ✓"
    assert one_line("a\nb\x1b[2J\x9b\u202e\udcff") == r"a\nb\x1b[2J\x9b\u202e\udcff"


def test_a_long_message_loses_its_middle():
    assert one_line("a" * 600 + "b" * 600) == "a" * 500 + " … " + "b" * 500
