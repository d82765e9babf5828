"""The axes of an input that `--axes` states, and where each of them goes."""

from __future__ import annotations

import numpy as np
import pytest

from convcli.core.errors import ConvcliError
from convcli.io.axes import from_axes, parse_axes, space_axes

SIZES = {"b": 2, "t": 3, "z": 4, "y": 5, "x": 6, "c": 7}


@pytest.mark.parametrize(
    ("axes", "rank", "order"),
    [
        ("yx", 2, "-yx-"),
        ("xy", 2, "-yx-"),
        ("yxc", 2, "-yxc"),
        ("cyx", 2, "-yxc"),
        ("byx", 2, "byx-"),
        ("bcyx", 2, "byxc"),
        ("xcby", 2, "byxc"),
        ("zyx", 3, "-zyx-"),
        ("czyx", 3, "-zyxc"),
        ("bzyxc", 3, "bzyxc"),
        ("x", 1, "-x-"),
        ("cx", 1, "-xc"),
        ("zy", 2, "-zy-"),  # two axes of space, whatever their names
        ("tyx", 2, "tyx-"),  # a film for a model of images: a batch
        ("tyx", 3, "-tyx-"),  # for a model of volumes: space
        ("btyx", 3, "btyx-"),
        ("yxt", 3, "-tyx-"),
        ("tc", 1, "-tc"),  # a signal
        ("btc", 1, "btc"),
        ("tx", 1, "tx-"),
        ("tyx", None, "tyx-"),
        ("tc", None, "-tc"),
        ("bc", None, "bc"),
        ("bc", 0, "bc"),
        ("c", None, "-c"),
    ],
)
def test_each_axis_goes_where_its_letter_says(axes, rank, order):
    array = np.arange(np.prod([SIZES[letter] for letter in axes])).reshape([SIZES[letter] for letter in axes])
    result = from_axes(array, axes, rank)
    assert result.shape == tuple(SIZES.get(letter, 1) for letter in order)
    expected = np.einsum(f"{axes}->{order.replace('-', '')}", array)
    assert np.array_equal(result, expected.reshape(result.shape))
    assert np.shares_memory(result, array)


@pytest.mark.parametrize(
    ("axes", "rank", "message"),
    [
        ("zyx", 2, 'axes="zyx": 3 axes of space, the model takes 2 (b for samples, c for channels)'),
        ("bcx", 2, 'axes="bcx": 1 axis of space, the model takes 2 (b for samples, c for channels)'),
        ("btc", 2, 'axes="btc": no axes of space, the model takes 2 (b for samples, c for channels)'),
        ("tzyx", 1, 'axes="tzyx": 3 axes of space, the model takes 1 (b for samples, c for channels)'),
        ("btyx", 2, 'axes="btyx": b and t are both a batch here (one of them)'),
    ],
)
def test_letters_that_do_not_suit_the_model_are_an_error(axes, rank, message):
    with pytest.raises(ConvcliError) as caught:
        from_axes(np.zeros([SIZES[letter] for letter in axes]), axes, rank)
    assert str(caught.value) == message


def test_letters_that_do_not_suit_the_array_are_an_error():
    with pytest.raises(ConvcliError) as caught:
        from_axes(np.zeros((4, 5, 6)), "yx", 2)
    assert str(caught.value) == 'axes="yx" for shape (4, 5, 6) (a letter for each axis)'


@pytest.mark.parametrize("text", ["", "zz", "bcq", "ZYX", "z,y,x", "zyx "])
def test_other_letters_and_letters_twice_are_an_error(text):
    with pytest.raises(ConvcliError):
        parse_axes(text)


def test_time_is_space_for_a_filter_of_any_rank_only_where_nothing_else_is():
    assert [space_axes(axes, None) for axes in ("tc", "tyx", "tzyx", "bc")] == ["t", "yx", "zyx", ""]
