"""The colours of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.output.render import colormap
from convcli.output.render.colormap import STEPS, ColourScale

finite_numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


def luminance(colours):
    """Return how light red, green and blue look, by the weights of ITU-R BT.709."""
    return colours.astype(float) @ (0.2126, 0.7152, 0.0722)


def test_the_ends_and_the_middle_have_the_colours_of_the_palettes():
    values = np.array([-2.0, 0.0, 2.0])
    colours = colormap.colours(values, colormap.scale_of([values]))
    assert colours.tolist() == [[5, 48, 97], [247, 247, 247], [103, 0, 31]]
    colours = colormap.colours(np.array([1.0, 3.0, 5.0]), ColourScale(1.0, 5.0))
    assert colours.tolist() == [[68, 1, 84], [33, 145, 140], [253, 231, 37]]
    assert colours.dtype == np.uint8


@pytest.mark.parametrize(
    ("arrays", "scale"),
    [
        ([[0, 3], [1, 2]], ColourScale(0.0, 3.0)),
        ([[2, 5]], ColourScale(2.0, 5.0)),
        ([[-1, 3]], ColourScale(-3.0, 3.0, True)),
        ([[-4, -2]], ColourScale(-4.0, 4.0, True)),
        ([[7, 7]], ColourScale(7.0, 7.0)),
        ([[1, np.inf], [2, 2]], ColourScale(1.0, 2.0, non_finite=(np.inf,))),
        ([[-1, -np.inf]], ColourScale(-1.0, 1.0, True, (-np.inf,))),
        ([[np.inf, -np.inf]], ColourScale(0.0, 0.0, non_finite=(np.inf, -np.inf))),
    ],
)
def test_all_arrays_share_one_scale(arrays, scale):
    assert colormap.scale_of([np.array(array, float) for array in arrays]) == scale


def test_what_is_not_finite_has_a_colour_of_its_own():
    values = np.array([[np.nan, np.inf], [-np.inf, 1.0]])
    scale = colormap.scale_of([values])
    assert [str(value) for value in scale.non_finite] == ["nan", "inf", "-inf"]
    colours = colormap.colours(values, scale)
    expected = [colormap.NAN, colormap.INFINITY, colormap.MINUS_INFINITY]
    assert [tuple(colour) for colour in colours.reshape(-1, 3)[:3].tolist()] == expected
    for signed in (False, True):
        assert not {tuple(colour) for colour in colormap.colour_table(signed).tolist()} & set(expected)


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, np.nan])
def test_a_constant_array_has_colours(value):
    values = np.full((2, 2), value)
    assert colormap.colours(values, colormap.scale_of([values])).shape == (2, 2, 3)


@given(finite_numbers)
def test_every_finite_number_has_a_position_and_greater_ones_stand_further_along(values):
    array = np.array(values)
    positions = colormap.positions(array, colormap.scale_of([array]))
    assert ((positions >= 0) & (positions <= STEPS)).all()
    order = np.argsort(array, kind="stable")
    assert (np.diff(positions[order]) >= 0).all()


@given(finite_numbers)
def test_on_a_signed_scale_zero_is_in_the_middle_and_opposite_numbers_mirror_each_other(values):
    array = np.array([*values, -1.0, 0.0])
    scale = colormap.scale_of([array])
    positions = colormap.positions(array, scale)
    assert (positions[array == 0] == STEPS // 2).all()
    mirrored = colormap.positions(-array, scale)
    assert (np.abs(positions + mirrored - STEPS) <= 1).all()  # each is rounded


def test_colours_grow_lighter_along_the_sequential_scale():
    light = luminance(colormap.colour_table(signed=False))
    assert (np.diff(light) > -0.5).all()  # colours are rounded to whole numbers
    assert light[-1] > light[0] + 150


def test_colours_grow_darker_from_the_middle_of_the_signed_scale_to_either_side():
    light = luminance(colormap.colour_table(signed=True))
    middle = STEPS // 2
    assert (np.diff(light[: middle + 1]) > -0.5).all()
    assert (np.diff(light[middle:]) < 0.5).all()
    assert np.abs(light - light[::-1]).max() < 45  # both sides are equally dark


@pytest.mark.parametrize(
    ("colour", "number"),
    [((0, 0, 0), 16), ((255, 255, 255), 231), ((128, 128, 128), 244), ((255, 0, 255), 201), ((95, 135, 175), 67)],
)
def test_a_colour_has_a_nearest_of_256(colour, number):
    assert colormap.nearest_of_256(colour) == number


def test_viridis_in_256_colours_never_gets_darker():
    lightness = dict(colormap._oklab_of_256())
    steps = [lightness[colormap.nearest_of_256(tuple(colour))][0] for colour in colormap.colour_table(False).tolist()]
    assert steps == sorted(steps)
    assert len(set(steps)) > 10


@pytest.mark.parametrize(
    ("colour", "expected"),
    [  # from the table in Ottosson's article
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.628, 0.225, 0.126)),
        ((0, 0, 255), (0.452, -0.032, -0.312)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab_is_that_of_its_author(colour, expected):
    assert colormap.oklab(colour) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("background", "ink"), [((255, 255, 255), 0), ((200, 150, 60), 0), ((60, 90, 200), 255), ((0, 0, 0), 255)]
)
def test_ink_can_be_read_on_its_background(background, ink):
    assert colormap.ink_on(background) == (ink,) * 3


def test_the_contrast_of_two_colours_is_that_of_the_web_content_accessibility_guidelines():
    assert colormap.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert colormap.contrast((255, 255, 255), (119, 119, 119)) == pytest.approx(4.48, abs=0.01)  # #777 is known to fail
    assert colormap.contrast((255, 0, 0), (255, 255, 255)) == pytest.approx(1.05 / (0.2126 + 0.05))


@pytest.mark.parametrize("signed", [False, True])
def test_black_or_white_can_be_read_on_every_colour(signed):
    for colour in map(tuple, colormap.colour_table(signed).tolist()):
        assert colormap.contrast(colour, colormap.ink_on(colour)) >= 4.5
