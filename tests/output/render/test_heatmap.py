"""Maps as text for a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from map_reports import map_report

from convcli.core.records import replace
from convcli.output.render import colormap
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.heatmap import MOST_MAPS, render_heatmap
from convcli.output.render.heatmap_cells import RAMP

TRUE_COLOUR, COLOUR_256 = TextStyle(True, true_colour=True), TextStyle(True)
SPACES_ON_COLOUR = TextStyle(True, half_blocks=False)
RGB = r"(\d+);(\d+);(\d+)"


def heatmap(*outputs, style=PLAIN, names=()):
    return render_heatmap(map_report(*outputs, names=names), style).decode()


def without_codes(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def colours_after(code, text):
    """Return the true colours that follow 38;2 (ink) or 48;2 (background) in a text."""
    return [tuple(map(int, colour)) for colour in re.findall(f"{code};{RGB}", text)]


def grid(values):
    """Return a grid of values, or a row of them, as the output of a layer with one map."""
    return np.atleast_2d(np.array(values, float))[None, ..., None]


# ---- characters ----


def test_without_colour_each_cell_is_two_characters():
    lines = heatmap(grid(np.tile(np.arange(9.0), (9, 1)))).splitlines()
    assert lines[2] == "".join(2 * character for character in RAMP)
    assert len(lines) == 2 + 9 + 2
    assert lines[-1] == "scale: '.' 0  ':' 1  '-' 2  '=' 3  '+' 4  '*' 5  '%' 6  '#' 7  '@' 8"


def test_zero_is_blank_between_the_characters_of_either_sign():
    lines = heatmap(grid([[-1.0, 0.0, 4.0]] * 2)).splitlines()
    assert lines[2] == "--------" + "        " + "########"
    assert lines[-1].startswith("scale: '=' -4  '~' -2.67  '-' -1.33  ' ' 0  '+' 1.33  ")


def test_what_is_not_finite_has_characters_of_its_own():
    lines = heatmap(grid([[np.nan, np.inf, -np.inf, 1.0]] * 2)).splitlines()
    assert lines[2] == "??????>>>>>><<<<<<......"
    assert lines[-1] == "scale: '.' 1   '?' NaN   '>' Infinity   '<' -Infinity"


# ---- sizes ----


def test_a_small_map_is_enlarged_and_keeps_its_shape():
    lines = heatmap(grid(np.eye(4))).splitlines()[2:-2]
    rows = ["......" * row + "@@@@@@" + "......" * (3 - row) for row in range(4)]
    assert lines == [line for line in rows for _ in range(3)]


@pytest.mark.parametrize("width", [20, 40, 80, 133])
@pytest.mark.parametrize("style", [PLAIN, TRUE_COLOUR, COLOUR_256, SPACES_ON_COLOUR])
@pytest.mark.parametrize("shape", [(1, 5, 300, 2), (2, 30, 30, 3), (1, 500, 1), (3, 200), (1, 3, 9, 9, 1)])
def test_maps_fit_the_width(width, style, shape):
    text = heatmap(np.random.default_rng(0).normal(size=shape), style=replace(style, width=width))
    for line in without_codes(text).splitlines():
        if not line.startswith(("scale", "layer", "each")):
            assert len(line) <= width


@pytest.mark.parametrize("style", [PLAIN, COLOUR_256])
def test_lines_end_in_spaces_only_where_these_have_colours(style):
    text = heatmap(np.random.default_rng(0).normal(size=(2, 30, 30, 3)), style=style)
    assert all("\x1b" in line or line == line.rstrip() for line in text.splitlines())


def test_a_wide_map_is_averaged_by_blocks():
    values = np.arange(5 * 90.0).reshape(5, 90)
    lines = heatmap(grid(values)).splitlines()
    assert lines[1] == "each cell is the mean of 3×3"
    assert len(lines[3]) == 60
    assert lines[-1].startswith(f"scale: '.' {values[:3, :3].mean():.3g}  ")
    assert lines[-1].endswith(f"'@' {values[3:, 87:].mean():.3g}")


def test_a_long_row_is_averaged_along_its_axis():
    assert "each cell is the mean of 3\n" in heatmap(np.zeros((1, 100, 1)))


def test_maps_stand_side_by_side_below_their_names():
    lines = heatmap(np.zeros((1, 6, 6, 2)), names=("vertical", "a name that is too long for its map")).splitlines()
    assert lines[1] == "vertical                  a name that is too long…"
    assert lines[2] == "." * 24 + "  " + "." * 24


def test_of_many_maps_only_the_first_are_drawn():
    text = heatmap(np.zeros((1, 2, 2, 100)))
    assert f"… {100 - MOST_MAPS} more; -f png or npy gives all" in text
    assert "map 63" in text
    assert "map 64" not in text


def test_rows_of_values_are_strips():
    lines = heatmap(np.arange(4.0).reshape(1, 4)).splitlines()
    assert lines[1:3] == ["values", "......======******@@@@@@"]
    assert without_codes(heatmap(np.arange(4.0).reshape(1, 4), style=TRUE_COLOUR)).splitlines()[2] == "▀" * 24


# ---- colours ----


def test_the_upper_and_the_lower_half_of_a_character_are_two_cells():
    values = np.random.default_rng(0).normal(size=(25, 25))
    text = heatmap(grid(values), style=TRUE_COLOUR)
    expected = colormap.colours(values, colormap.scale_of([values])).tolist()
    assert "▀" * 25 in without_codes(text).splitlines()
    rows = text.splitlines()[2:15]
    assert colours_after("38;2", rows[0]) == [tuple(colour) for colour in expected[0]]
    assert colours_after("48;2", rows[0]) == [tuple(colour) for colour in expected[1]]
    assert ";49m" in rows[-1]  # nothing is below the last of an odd number of rows
    assert all(row.endswith("\x1b[0m") for row in rows)


def test_a_terminal_of_256_colours_gets_the_nearest_of_them():
    text = heatmap(grid([[0.0, 1.0]] * 2), style=COLOUR_256)
    low, high = (colormap.nearest_of_256(tuple(bytes.fromhex(colormap.SEQUENTIAL[end]))) for end in (0, -1))
    assert f"\x1b[38;5;{low};48;5;{low}m{'▀' * 12}\x1b[38;5;{high};48;5;{high}m{'▀' * 12}\x1b[0m" in text
    assert "38;2;" not in text


def test_without_half_blocks_cells_are_spaces_on_their_colour():
    text = heatmap(grid([[0.0, 1.0]] * 2), style=SPACES_ON_COLOUR)
    assert without_codes(text).isascii()
    assert "48;5;" in text


def test_nan_has_its_colour_in_the_map_and_in_the_legend():
    text = heatmap(grid([[np.nan, 1.0]]), style=TRUE_COLOUR)
    *_, map_line, _, legend = text.splitlines()
    assert "38;2;128;128;128" in map_line
    assert "38;2;128;128;128" in legend
    assert without_codes(text).endswith("▀▀ 1   ▀▀ NaN\n")


@pytest.mark.parametrize(("low", "signed"), [(0.0, False), (-2.0, True)])
def test_the_bar_goes_from_one_end_of_the_scale_to_the_other(low, signed):
    bar = heatmap(grid([[low, 2.0]] * 2), style=TRUE_COLOUR).splitlines()[-1]
    drawn = colours_after("38;2", bar)
    table = [tuple(colour) for colour in colormap.colour_table(signed).tolist()]
    assert (drawn[0], drawn[-1]) == (table[0], table[-1])
    positions = [table.index(colour) for colour in drawn]
    assert positions == sorted(positions)
    assert len(drawn) == 32
    half = "▀" * 16
    assert without_codes(bar) == (f"scale: -2 {half} 0 {half} 2" if signed else f"scale: 0 {half}{half} 2")


# ---- the environment ----


def heatmap_of_command(**environment):
    """Return what the command prints into a pipe in an environment."""
    command = [sys.executable, "-m", "convcli", "apply", "samples/lines.yaml", "samples/line-detectors.yaml"]
    others = {name: value for name, value in os.environ.items() if name not in ("COLORTERM", "NO_COLOR", "FORCE_COLOR")}
    completed = subprocess.run(
        [*command, "-f", "heatmap"],
        cwd=ROOT,
        capture_output=True,
        env={**others, **environment},
        check=True,
        timeout=120,
    )
    assert completed.stderr == b""
    return completed.stdout


def test_the_environment_decides_on_colours():
    assert b"\x1b" not in heatmap_of_command()
    assert b"38;5;" in heatmap_of_command(FORCE_COLOR="1")
    assert b"38;2;" in heatmap_of_command(FORCE_COLOR="1", COLORTERM="truecolor")
    assert b"\x1b" not in heatmap_of_command(FORCE_COLOR="1", NO_COLOR="1")


def test_an_encoding_without_half_blocks_gets_none():
    assert heatmap_of_command(PYTHONIOENCODING="ascii").isascii()
    assert b"48;5;" in heatmap_of_command(PYTHONIOENCODING="ascii", FORCE_COLOR="1")
