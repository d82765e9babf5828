"""Maps as a picture: colours of known cells, the layout of the sheet, one map alone."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat
from convcli.output.render import colormap, png
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import FORMATS
from convcli.output.render.image_style import GAP, LABEL, LABEL_GAP, MARGIN, PAPER
from convcli.output.render.map_sections import map_sections
from convcli.output.render.map_sheet import (
    BAR,
    BAR_HEIGHT,
    ENLARGED_SIDE,
    HEADING,
    STRIP_CELL,
    STRIP_HEIGHT,
    TITLE,
    MapLayout,
    columns_for,
)
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport, Maps

MIDDLE = (247, 247, 247)  # the colour of zero beside negative numbers


def report(*arrays, names=None, one_map=False):
    maps = tuple(
        Maps(f"layer{place}", np.asarray(each, float), names or tuple(f"map {i}" for i in range(np.shape(each)[-1])))
        for place, each in enumerate(arrays)
    )
    return ApplyReport({"name": "some model"}, maps, DataFormat.CHANNELS_LAST, one_map=one_map)


def painted(*arrays, **more):
    """The sheet as an array, and the picture with its metadata."""
    picture = Image.open(io.BytesIO(FORMATS["png"].render(report(*arrays, **more))))
    return np.asarray(picture), picture


def cells(sheet, colour):
    """How many pixels have a colour."""
    return int((sheet == colour).all(-1).sum())


def test_one_map_alone_is_a_pixel_a_cell():
    values = np.array([[-2.0, 0.0, 1.0], [2.0, np.nan, -1.0]])
    sheet, picture = painted(values[None, ..., None], one_map=True)
    np.testing.assert_array_equal(sheet, colormap.colours(values, colormap.scale_of([values])))
    assert tuple(sheet[0, 1]) == MIDDLE
    assert tuple(sheet[1, 1]) == colormap.NAN
    assert picture.text["Scale"] == "-2 to 2"


def test_one_map_of_several_samples_is_a_sheet():
    sheet, _ = painted(np.ones((2, 3, 4, 1)), one_map=True)
    assert sheet.shape[0] > 100


def test_the_cells_of_a_sheet_have_their_colours():
    sheet, picture = painted(np.arange(6.0).reshape(1, 2, 3, 1))
    cell = round(2 * ENLARGED_SIDE / 3)
    for value in range(1, 5):  # the ends of the scale are in the bar as well
        colour = colormap.colours(np.array([float(value)]), ColourScale(0.0, 5.0))[0]
        assert cell**2 <= cells(sheet, colour) <= cell**2 + 5 * BAR_HEIGHT
    assert picture.text["Scale"] == "0 to 5"
    top, left = MARGIN + TITLE + 2 * GAP + HEADING + LABEL + LABEL_GAP, MARGIN
    first = sheet[top : top + cell, left : left + cell].reshape(-1, 3)
    assert set(map(tuple, first.tolist())) == {tuple(bytes.fromhex(colormap.SEQUENTIAL[0]))}
    assert tuple(sheet[0, 0]) == PAPER


def test_zero_is_the_middle_colour_in_the_maps_and_in_the_middle_of_the_bar():
    sheet, _ = painted(np.array([[-1.0, 0.0], [0.0, 4.0]])[None, ..., None])
    assert cells(sheet, MIDDLE) >= 2 * ENLARGED_SIDE**2
    bar = np.argwhere((sheet == tuple(bytes.fromhex(colormap.DIVERGING[0]))).all(-1))
    (bottom, left), right = bar[-1], MARGIN + BAR - 1
    assert (int(bottom), int(left)) == (sheet.shape[0] - MARGIN - LABEL - 8 - 1, MARGIN)
    assert tuple(sheet[bottom, right]) == tuple(bytes.fromhex(colormap.DIVERGING[-1]))
    assert tuple(sheet[bottom, MARGIN + BAR // 2]) == pytest.approx(MIDDLE, abs=2)


def test_all_maps_share_one_scale():
    low, high = np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 9.0)
    sheet, _ = painted(np.concatenate([low, high], -1))
    for end in (colormap.SEQUENTIAL[0], colormap.SEQUENTIAL[-1]):
        assert cells(sheet, tuple(bytes.fromhex(end))) >= (4 * (2 * ENLARGED_SIDE // 4)) ** 2


@pytest.mark.parametrize(
    "shape", [(1, 5), (1, 1), (3, 5), (1, 7, 2), (2, 7, 2), (1, 2, 3, 4, 2), (2, 4, 4, 3), (1, 1, 1, 1), (1, 9, 1, 2)]
)
def test_every_rank_has_a_sheet(shape):
    values = np.random.default_rng(0).normal(size=shape)
    sheet, _ = painted(values)
    for value in values.ravel()[:10]:
        colour = colormap.colours(np.array([value]), colormap.scale_of([values]))[0]
        assert cells(sheet, colour) >= 16


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, np.nan, np.inf, -np.inf, 1e308, 5e-324])
def test_constant_maps_have_a_sheet(value):
    values = np.full((1, 4, 4, 1), value)
    sheet, _ = painted(values)
    colour = colormap.colours(values[0, 0, 0], colormap.scale_of([values]))[0]
    assert cells(sheet, colour) >= (8 * ENLARGED_SIDE // 4) ** 2


def test_what_is_not_finite_is_in_the_legend():
    plain, _ = painted(np.array([[0.0, 1.0]])[None, ..., None])
    odd, _ = painted(np.array([[0.0, np.nan]])[None, ..., None])
    swatch = BAR_HEIGHT**2
    assert cells(plain, colormap.NAN) < swatch
    assert cells(odd, colormap.NAN) >= swatch + STRIP_CELL * STRIP_HEIGHT


def test_names_and_samples_are_shortened_to_fit():
    short, _ = painted(np.ones((1, 4, 4, 1)), names=("x",))
    long, _ = painted(np.ones((1, 4, 4, 1)), names=("x" * 10_000,))
    assert long.shape == short.shape
    np.testing.assert_array_equal(long[:, -MARGIN + 2 :], short[:, -MARGIN + 2 :])


def test_large_maps_stay_as_they_are():
    sheet, _ = painted(np.random.default_rng(0).random((1, 400, 700, 1)))
    assert sheet.shape[1] == 700 + 2 * MARGIN


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (7, 7), (8, 4), (40, 7)])
def test_rows_are_as_equal_as_can_be(count, columns):
    assert columns_for(count, MapLayout((8, 8), (156, 156), False)) == columns


def test_sections_of_samples_and_slices():
    (section,) = map_sections(report(np.zeros((2, 2, 3, 4, 1)), names=("a",)))
    assert section.title == "layer0: output (2, 2, 3, 4, 1)"
    assert [group.title for group in section.groups] == ["sample 0", "sample 1"]
    assert [each.title for each in section.groups[0].maps] == ["a, depth 0", "a, depth 1"]
    (section,) = map_sections(report(np.zeros((2, 3, 4, 1)), names=("a",)))
    assert [each.title for each in section.maps()] == ["sample 0", "sample 1"]
    (section,) = map_sections(report(np.zeros((1, 3))))
    assert [(each.title, each.grid.shape) for each in section.maps()] == [("values", (1, 3))]


@pytest.mark.parametrize("one_map", [False, True])
def test_too_large_a_picture_is_an_error(one_map, monkeypatch):
    monkeypatch.setattr(png, "MOST_PIXELS", 1000)
    with pytest.raises(ConvcliError, match=r"^a picture of .+ pixels \(at most 1,000; --map or --layer-output for "):
        painted(np.ones((1, 40, 40, 1)), one_map=one_map)


def test_a_report_without_maps_has_no_picture():
    class Other(Report):
        kind = "shape"

    for form in ("png", "heatmap"):
        with pytest.raises(ConvcliError, match="there are no maps in this answer"):
            FORMATS[form].render(Other())


def test_the_command_writes_a_sheet_and_a_map(convcli, tmp_path):
    arguments = ("apply", "samples/lines.yaml", "samples/line-detectors.yaml")
    for more, size in (((), None), (("--map", "horizontal"), (6, 6)), (("--all-layers",), None)):
        path = tmp_path / "maps.png"
        assert convcli(*arguments, *more, "-o", path).exit_code == 0
        picture = Image.open(io.BytesIO(path.read_bytes()))
        assert picture.mode == "RGB"
        if size:
            assert picture.size == size
            assert picture.text["Scale"] == "0 to 2"


def test_without_pillow(convcli, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    done = convcli("apply", "samples/lines.yaml", "--filter", "sobel-x", "-o", tmp_path / "x.png")
    assert (done.exit_code, done.stderr) == (1, "Error: needs Pillow (pip install 'convcli[images]')\n")


def test_a_row_of_values_is_wide_cells_in_a_strip():
    values = np.arange(3.0)
    sheet, _ = painted(values[None])
    top, left = MARGIN + TITLE + 2 * GAP + HEADING + LABEL + LABEL_GAP, MARGIN
    strip = sheet[top : top + STRIP_HEIGHT, left : left + 3 * STRIP_CELL]
    colours = colormap.colours(values, colormap.scale_of([values])).repeat(STRIP_CELL, 0)
    np.testing.assert_array_equal(strip, np.tile(colours, (STRIP_HEIGHT, 1, 1)))


@pytest.mark.parametrize(("low", "places"), [(1, [0, -1]), (-3, [0, 160, -1]), (3, [0])])
def test_numbers_stand_under_the_ends_of_the_bar_and_zero_under_its_middle(low, places):
    sheet, _ = painted(np.array([[low, 3.0], [3, 3]])[None, ..., None])
    below = sheet[-MARGIN - LABEL - 2 :, MARGIN : MARGIN + BAR].min(axis=(0, 2)) < 128
    inked = np.flatnonzero(below)
    for place in places:
        assert np.abs(inked - place % BAR).min() < 8
    assert len(np.flatnonzero(np.diff(inked) > 30)) == len(places) - 1


def test_accents_that_the_font_lacks_are_left_out():
    np.testing.assert_array_equal(
        painted(np.ones((1, 2, 2, 1)), names=("é",))[0], painted(np.ones((1, 2, 2, 1)), names=("e",))[0]
    )
