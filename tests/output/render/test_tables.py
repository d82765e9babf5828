"""Tables: which module shows a report, what they print, and how they fit a terminal."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules

import numpy as np
import pytest
from conftest import SAMPLES
from map_reports import SUMMARY, map_report
from rich.text import Text

from convcli import load
from convcli.analysis.planning import plan_for
from convcli.output import report as reports
from convcli.output.render import table
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.table import TABLES, print_to_bytes, render_table
from convcli.output.report import Report
from convcli.output.report.page_data import PageData
from convcli.output.report.picture import PictureReport
from convcli.output.report.shape import ShapeReport, SummaryOptions, summary


def rendered(report, style=PLAIN):
    return render_table(report, style).decode()


# ---- the module of each kind of report ----


def report_classes():
    """Return all classes of reports but those of a page and a picture, which have formats of their own."""
    modules = [import_module(f"{reports.__name__}.{module.name}") for module in iter_modules(reports.__path__)]
    classes = {value for module in modules for _, value in getmembers(module, isclass) if issubclass(value, Report)}
    return classes - {Report, PageData, PictureReport}


def test_every_kind_of_report_has_a_table():
    assert sorted(report.kind for report in report_classes()) == sorted(TABLES)


@pytest.mark.parametrize("module", TABLES.values())
def test_every_table_module_has_renderables(module):
    assert callable(import_module(f"{table.__name__}.{module}").renderables)


# ---- layers ----


def test_a_table_keeps_every_digit_and_every_name():
    text = rendered(ShapeReport(SUMMARY))
    assert "a" * 60 + " (Conv1D)" in text
    assert "924,844,032" in text
    assert "some [bold]name[/bold] :smile:" in text
    assert "3×?" in text
    assert "0.5×–" in text
    assert "unknown" in text


def test_a_plain_table_has_no_terminal_codes_and_no_spaces_at_line_ends():
    text = rendered(ShapeReport(SUMMARY))
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_colour_changes_no_character():
    plain, coloured = (rendered(ShapeReport(SUMMARY), TextStyle(colour)) for colour in (False, True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_table_fits_a_terminal_and_keeps_every_digit(width):
    text = rendered(ShapeReport(SUMMARY), TextStyle(width=width))
    assert max(map(len, text.splitlines()[1:6])) <= width
    assert "".join(re.findall(r"\│ *(a+)", text)) == "a" * 60
    assert "…" not in text


def shape_report(model):
    """Return the answer of `shape` to a file."""
    loaded = load(SAMPLES / model)
    options = SummaryOptions(dtype="float32", memory=True)
    return ShapeReport(summary(plan_for(loaded, {}, loaded.data_format), loaded.data_format, options))


def words(text):
    """Return the words of a text and of the cells of its tables."""
    return set(re.sub("[│┃━─┏┓┗┛┳┻╋┡┩╇└┘┴]", " ", text).split())


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("model", ["residual.json", "unet.yaml", "vgg16.yaml", "mnist-separable.yaml"])
def test_no_number_and_no_word_is_broken(model, width):
    report = shape_report(model)
    text = rendered(report, TextStyle(width=width))
    assert max(map(len, text.splitlines())) <= width
    left_out = words(" Left out, as the terminal is too narrow: Jump, Kernel, Inputs")
    assert words(text) - left_out <= words(rendered(report))


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(140, None), (115, None), (105, "Jump"), (90, "Jump, Kernel"), (80, "Jump, Kernel, Inputs")],
)
def test_columns_are_left_out_in_this_order_and_said(width, left_out):
    text = rendered(shape_report("residual.json"), TextStyle(width=width))
    lines = [line for line in text.splitlines() if line.startswith(" Left out")]
    assert lines == ([] if left_out is None else [f" Left out, as the terminal is too narrow: {left_out}"])
    header = words("".join(text.splitlines()[:5]))
    assert not header & set((left_out or "").split(", "))
    assert {"Layer", "Shape", "#", "MACs", "Receptive"} <= header


def test_a_type_stands_below_its_layer_where_names_are_long():
    lines = rendered(shape_report("residual.json"), TextStyle(width=80)).splitlines()
    row = next(index for index, line in enumerate(lines) if "│ block1_conv1 " in line)
    assert lines[row + 1].startswith("│ (Conv2D) ")


def test_a_line_of_text_wraps_between_words_and_what_follows_is_indented():
    stream = print_to_bytes(
        [Text(" one two\n  three four", "bold"), Text("a-very-long-word and"), Text("")], TextStyle(width=9)
    )
    assert stream.decode().splitlines() == [" one two", "  three", "    four", "a-very-long-word", "  and", ""]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_grid_that_is_too_wide_for_a_terminal_shows_its_ends(width):
    grid = rendered(map_report(np.full((1, 2, 16, 1), 12345)), TextStyle(width=width))
    assert "12345  12345" in grid
    assert max(map(len, grid.splitlines()[-5:])) <= width
    assert "…" in grid


# ---- maps ----


def test_small_maps_are_shown_whole():
    text = rendered(map_report(np.arange(256).reshape(1, 16, 16, 1)))
    assert all(f" {value} " in text for value in range(256))


def test_large_maps_are_shown_by_their_corners():
    text = rendered(map_report(np.arange(10000).reshape(1, 100, 100, 1)))
    for value in (0, 3, 96, 99, 300, 303, 9600, 9999):
        assert f" {value} " in text
    assert " 4 " not in text
    assert "…" in text
    assert "100×100: least 0, mean 4999.5, greatest 9999" in text
    assert len(text.splitlines()) < 30


def test_of_many_maps_and_samples_only_the_first_are_shown():
    text = rendered(map_report(np.zeros((100, 20, 20, 512))))
    assert len(text.splitlines()) < 1000
    assert "… 496 more; -f json, csv or npy gives all" in text
    assert "sample 0" in text
    assert "… 96 more samples; -f json, csv or npy gives all" in text


def test_maps_with_more_axes_are_shown_by_slices():
    text = rendered(map_report(np.arange(16).reshape(1, 2, 2, 2, 2, 1)))
    assert "map 0, depth 1·0" in text
    assert " 10  11 " in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1 / 3, "0.333333"),
        (123456789.0, "123456789"),
        (np.nan, "NaN"),
        (-np.inf, "-Infinity"),
        (1e20, "1e+20"),
        (123456.5, "123456.5"),
    ],
)
def test_values_in_grids_are_written_for_people(value, text):
    assert f"│ {text} " in rendered(map_report([[[value]]]))
