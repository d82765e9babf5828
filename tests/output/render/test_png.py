"""Maps as a PNG image: the colours of known cells, the layout of the sheet, one map alone."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from map_reports import map_report
from PIL import Image

from convcli.core.errors import ConvcliError
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

ZERO_BESIDE_NEGATIVES = (247, 247, 247)
FIRST_MAP_TOP = MARGIN + TITLE + 2 * GAP + HEADING + LABEL + LABEL_GAP


def drawn(*outputs, **fields):
    """Return the image of a report as an array, and as Pillow read it."""
    image = Image.open(io.BytesIO(png.render_png(map_report(*outputs, **fields))))
    return np.asarray(image), image


def pixel_count(image, colour):
    """Return how many pixels have a colour."""
    return int((image == colour).all(-1).sum())


def end_colours(palette):
    return tuple(tuple(bytes.fromhex(palette[end])) for end in (0, -1))


# ---- one map alone ----


def test_one_map_alone_has_a_pixel_for_each_cell():
    values = np.array([[-2.0, 0.0, 1.0], [2.0, np.nan, -1.0]])
    pixels, image = drawn(values[None, ..., None], one_map=True)
    np.testing.assert_array_equal(pixels, colormap.colours(values, colormap.scale_of([values])))
    assert tuple(pixels[0, 1]) == ZERO_BESIDE_NEGATIVES
    assert tuple(pixels[1, 1]) == colormap.NAN
    assert image.text["Scale"] == "-2 to 2"


def test_one_map_of_several_samples_is_a_sheet():
    pixels, _ = drawn(np.ones((2, 3, 4, 1)), one_map=True)
    assert pixels.shape[0] > 100


# ---- the maps of a sheet ----


def test_the_cells_of_a_sheet_have_the_colours_of_their_values():
    pixels, image = drawn(np.arange(6.0).reshape(1, 2, 3, 1))
    cell = round(2 * ENLARGED_SIDE / 3)
    for value in range(1, 5):  # the ends of the scale are in the bar as well
        colour = colormap.colours(np.array([float(value)]), ColourScale(0.0, 5.0))[0]
        assert cell**2 <= pixel_count(pixels, colour) <= cell**2 + 5 * BAR_HEIGHT
    assert image.text["Scale"] == "0 to 5"
    first = pixels[FIRST_MAP_TOP : FIRST_MAP_TOP + cell, MARGIN : MARGIN + cell].reshape(-1, 3)
    assert set(map(tuple, first.tolist())) == {end_colours(colormap.SEQUENTIAL)[0]}
    assert tuple(pixels[0, 0]) == PAPER


def test_all_maps_share_one_scale():
    low, high = np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 9.0)
    pixels, _ = drawn(np.concatenate([low, high], -1))
    for colour in end_colours(colormap.SEQUENTIAL):
        assert pixel_count(pixels, colour) >= (4 * (2 * ENLARGED_SIDE // 4)) ** 2


@pytest.mark.parametrize(
    "shape", [(1, 5), (1, 1), (3, 5), (1, 7, 2), (2, 7, 2), (1, 2, 3, 4, 2), (2, 4, 4, 3), (1, 1, 1, 1), (1, 9, 1, 2)]
)
def test_outputs_of_every_rank_have_a_sheet(shape):
    values = np.random.default_rng(0).normal(size=shape)
    pixels, _ = drawn(values)
    for value in values.ravel()[:10]:
        colour = colormap.colours(np.array([value]), colormap.scale_of([values]))[0]
        assert pixel_count(pixels, colour) >= 16


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0, np.nan, np.inf, -np.inf, 1e308, 5e-324])
def test_constant_maps_have_a_sheet(value):
    values = np.full((1, 4, 4, 1), value)
    pixels, _ = drawn(values)
    colour = colormap.colours(values[0, 0, 0], colormap.scale_of([values]))[0]
    assert pixel_count(pixels, colour) >= (8 * ENLARGED_SIDE // 4) ** 2


def test_large_maps_are_not_enlarged():
    pixels, _ = drawn(np.random.default_rng(0).random((1, 400, 700, 1)))
    assert pixels.shape[1] == 700 + 2 * MARGIN


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (7, 7), (8, 4), (40, 7)])
def test_rows_are_as_equal_as_can_be(count, columns):
    assert columns_for(count, MapLayout((8, 8), (156, 156), False)) == columns


def test_a_row_of_values_is_a_strip_of_wide_cells():
    values = np.arange(3.0)
    pixels, _ = drawn(values[None])
    strip = pixels[FIRST_MAP_TOP : FIRST_MAP_TOP + STRIP_HEIGHT, MARGIN : MARGIN + 3 * STRIP_CELL]
    colours = colormap.colours(values, colormap.scale_of([values])).repeat(STRIP_CELL, 0)
    np.testing.assert_array_equal(strip, np.tile(colours, (STRIP_HEIGHT, 1, 1)))


# ---- text ----


def test_a_long_name_is_shortened_to_fit():
    short, _ = drawn(np.ones((1, 4, 4, 1)), names=("x",))
    long, _ = drawn(np.ones((1, 4, 4, 1)), names=("x" * 10_000,))
    assert long.shape == short.shape
    np.testing.assert_array_equal(long[:, -MARGIN + 2 :], short[:, -MARGIN + 2 :])


def test_accents_that_the_font_lacks_are_left_out():
    accented, plain = (drawn(np.ones((1, 2, 2, 1)), names=(name,))[0] for name in ("é", "e"))
    np.testing.assert_array_equal(accented, plain)


# ---- the legend ----


def test_zero_has_the_middle_colour_in_the_maps_and_in_the_middle_of_the_bar():
    pixels, _ = drawn(np.array([[-1.0, 0.0], [0.0, 4.0]])[None, ..., None])
    assert pixel_count(pixels, ZERO_BESIDE_NEGATIVES) >= 2 * ENLARGED_SIDE**2
    lowest, highest = end_colours(colormap.DIVERGING)
    bottom, left = map(int, np.argwhere((pixels == lowest).all(-1))[-1])
    assert (bottom, left) == (pixels.shape[0] - MARGIN - LABEL - 8 - 1, MARGIN)
    assert tuple(pixels[bottom, MARGIN + BAR - 1]) == highest
    assert tuple(pixels[bottom, MARGIN + BAR // 2]) == pytest.approx(ZERO_BESIDE_NEGATIVES, abs=2)


@pytest.mark.parametrize(("low", "positions"), [(1, [0, -1]), (-3, [0, 160, -1]), (3, [0])])
def test_numbers_stand_below_the_ends_of_the_bar_and_zero_below_its_middle(low, positions):
    pixels, _ = drawn(np.array([[low, 3.0], [3, 3]])[None, ..., None])
    has_ink = pixels[-MARGIN - LABEL - 2 :, MARGIN : MARGIN + BAR].min(axis=(0, 2)) < 128
    inked = np.flatnonzero(has_ink)
    for position in positions:
        assert np.abs(inked - position % BAR).min() < 8
    assert len(np.flatnonzero(np.diff(inked) > 30)) == len(positions) - 1


def test_what_is_not_finite_is_in_the_legend():
    finite, _ = drawn(np.array([[0.0, 1.0]])[None, ..., None])
    with_nan, _ = drawn(np.array([[0.0, np.nan]])[None, ..., None])
    swatch = BAR_HEIGHT**2
    assert pixel_count(finite, colormap.NAN) < swatch
    assert pixel_count(with_nan, colormap.NAN) >= swatch + STRIP_CELL * STRIP_HEIGHT


# ---- the maps as sections ----


def test_samples_with_several_maps_are_groups():
    (section,) = map_sections(map_report(np.zeros((2, 2, 3, 4, 1)), names=("a",)))
    assert section.title == "layer0: output (2, 2, 3, 4, 1)"
    assert [group.title for group in section.groups] == ["sample 0", "sample 1"]
    assert [map_.title for map_ in section.groups[0].maps] == ["a, depth 0", "a, depth 1"]


def test_samples_with_one_map_are_one_group():
    (section,) = map_sections(map_report(np.zeros((2, 3, 4, 1)), names=("a",)))
    assert [group.title for group in section.groups] == [""]
    assert [map_.title for map_ in section.maps()] == ["sample 0", "sample 1"]


def test_a_sample_without_spatial_axes_is_a_row_of_values():
    (section,) = map_sections(map_report(np.zeros((1, 3))))
    assert [(map_.title, map_.grid.shape) for map_ in section.maps()] == [("values", (1, 3))]


# ---- errors ----


@pytest.mark.parametrize("one_map", [False, True])
def test_too_large_an_image_is_an_error(one_map, monkeypatch):
    monkeypatch.setattr(png, "MOST_PIXELS", 1000)
    with pytest.raises(ConvcliError, match=r"^a picture of .+ pixels \(at most 1,000; --map or --layer-output for "):
        drawn(np.ones((1, 40, 40, 1)), one_map=one_map)


@pytest.mark.parametrize("format_name", ["png", "heatmap"])
def test_a_report_without_maps_is_an_error(format_name):
    class OtherReport(Report):
        kind = "shape"

    with pytest.raises(ConvcliError, match="there are no maps in this answer"):
        FORMATS[format_name].render(OtherReport())


def test_without_pillow_one_line_says_what_to_install(convcli, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = convcli("apply", "samples/lines.yaml", "--filter", "sobel-x", "-o", tmp_path / "x.png")
    assert (result.exit_code, result.stderr) == (1, "Error: needs Pillow (pip install 'convcli[images]')\n")


# ---- the command ----


@pytest.mark.parametrize("arguments", [(), ("--all-layers",)])
def test_the_command_writes_a_sheet(convcli, tmp_path, arguments):
    path = tmp_path / "maps.png"
    convcli("apply", "samples/lines.yaml", "samples/line-detectors.yaml", *arguments, "-o", path)
    image = Image.open(io.BytesIO(path.read_bytes()))
    assert image.mode == "RGB"
    assert image.size > (100, 100)


def test_the_command_writes_one_map(convcli, tmp_path):
    path = tmp_path / "map.png"
    convcli("apply", "samples/lines.yaml", "samples/line-detectors.yaml", "--map", "horizontal", "-o", path)
    image = Image.open(io.BytesIO(path.read_bytes()))
    assert (image.mode, image.size, image.text["Scale"]) == ("RGB", (6, 6), "0 to 2")
