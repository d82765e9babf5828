"""The colours of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli.output.render import colormap
from convcli.output.render.colormap import STEPS, ColourScale

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


def lightness(colours):
    """What the eye takes of red, green and blue."""
    return colours.astype(float) @ (0.2126, 0.7152, 0.0722)


def test_the_ends_and_the_middle_are_known_colours():
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
def test_one_scale_for_all_arrays(arrays, scale):
    assert colormap.scale_of([np.array(each, float) for each in arrays]) == scale


def test_what_is_not_finite_has_a_colour_of_its_own():
    values = np.array([[np.nan, np.inf], [-np.inf, 1.0]])
    scale = colormap.scale_of([values])
    assert [str(each) for each in scale.non_finite] == ["nan", "inf", "-inf"]
    colours = colormap.colours(values, scale)
    own = [colormap.NAN, colormap.INFINITY, colormap.MINUS_INFINITY]
    assert [tuple(each) for each in colours.reshape(-1, 3)[:3].tolist()] == own
    for signed in (False, True):
        assert not {tuple(each) for each in colormap.colour_table(signed).tolist()} & set(own)


def test_a_constant_array_and_one_of_undefined_numbers_have_colours():
    for value in (0.0, 3.0, -3.0, np.nan):
        values = np.full((2, 2), value)
        assert colormap.colours(values, colormap.scale_of([values])).shape == (2, 2, 3)


@given(numbers)
def test_every_finite_number_has_its_place(values):
    array = np.array(values)
    scale = colormap.scale_of([array])
    places = colormap.positions(array, scale)
    assert ((places >= 0) & (places <= STEPS)).all()
    order = np.argsort(array, kind="stable")
    assert (np.diff(places[order]) >= 0).all()  # greater numbers stand further along
    if scale.signed:
        assert (places[array == 0] == STEPS // 2).all()
        mirrored = colormap.positions(-array, scale)
        assert (np.abs(places + mirrored - STEPS) <= 1).all()  # rounded on either side


def test_colours_grow_lighter_along_one_scale_and_from_the_middle_of_the_other_darker():
    assert (np.diff(lightness(colormap.colour_table(False))) > -0.5).all()  # rounded to whole numbers
    assert lightness(colormap.colour_table(False))[-1] > lightness(colormap.colour_table(False))[0] + 150
    signed = lightness(colormap.colour_table(True))
    middle = STEPS // 2
    assert (np.diff(signed[: middle + 1]) > -0.5).all()
    assert (np.diff(signed[middle:]) < 0.5).all()
    assert np.abs(signed - signed[::-1]).max() < 45  # as dark on either side


@pytest.mark.parametrize(
    ("colour", "number"),
    [((0, 0, 0), 16), ((255, 255, 255), 231), ((128, 128, 128), 244), ((255, 0, 255), 201), ((95, 135, 175), 67)],
)
def test_the_nearest_of_256_colours(colour, number):
    assert colormap.nearest_of_256(colour) == number


@pytest.mark.parametrize(
    ("colour", "ink"), [((255, 255, 255), 0), ((200, 150, 60), 0), ((60, 90, 200), 255), ((0, 0, 0), 255)]
)
def test_ink_can_be_read_on_its_colour(colour, ink):
    assert colormap.ink_on(colour) == (ink,) * 3
