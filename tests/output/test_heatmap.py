"""Maps as text for a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from convcli.core.shapes import DataFormat
from convcli.output.render import colormap
from convcli.output.render.formats import FORMATS, PLAIN, TextStyle
from convcli.output.render.heatmap import MOST_MAPS
from convcli.output.render.heatmap_cells import RAMP
from convcli.output.report.apply import ApplyReport, Maps

TRUE = TextStyle(True, true_colour=True)


def heatmap(*arrays, look=PLAIN, names=None):
    maps = tuple(
        Maps(f"layer{place}", np.asarray(each, float), names or tuple(f"map {i}" for i in range(np.shape(each)[-1])))
        for place, each in enumerate(arrays)
    )
    report = ApplyReport({"name": "model"}, maps, DataFormat.CHANNELS_LAST)
    return FORMATS["heatmap"].render(report, look).decode()


def bare(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_without_colour_each_cell_is_two_characters():
    text = heatmap(np.arange(9.0).reshape(1, 1, 9, 1).repeat(9, 1))
    assert text.splitlines()[2] == "".join(2 * each for each in RAMP)
    assert len(text.splitlines()) == 2 + 9 + 2
    assert text.splitlines()[-1] == "scale: '.' 0  ':' 1  '-' 2  '=' 3  '+' 4  '*' 5  '%' 6  '#' 7  '@' 8"


def test_zero_is_blank_between_the_characters_of_either_sign():
    text = heatmap(np.array([-1.0, 0.0, 4.0]).reshape(1, 1, 3, 1).repeat(2, 1))
    assert text.splitlines()[2] == "--------" + "        " + "########"
    assert text.splitlines()[-1].startswith("scale: '=' -4  '~' -2.67  '-' -1.33  ' ' 0  '+' 1.33  ")


def test_a_small_map_is_enlarged_and_keeps_its_shape():
    lines = heatmap(np.eye(4)[None, ..., None]).splitlines()[2:-2]
    assert lines == [each for place in range(4) for each in ["......" * place + "@@@@@@" + "......" * (3 - place)] * 3]


@pytest.mark.parametrize("width", [20, 40, 80, 133])
@pytest.mark.parametrize("look", [PLAIN, TRUE, TextStyle(True), TextStyle(True, half_blocks=False)])
@pytest.mark.parametrize("shape", [(1, 5, 300, 2), (2, 30, 30, 3), (1, 500, 1), (3, 200), (1, 3, 9, 9, 1)])
def test_maps_fit_the_width(width, look, shape):
    text = heatmap(
        np.random.default_rng(0).normal(size=shape),
        look=TextStyle(look.colour, width, look.true_colour, look.half_blocks),
    )
    for line in bare(text).splitlines():
        if not line.startswith(("scale", "layer", "each")):
            assert len(line) <= width
    assert all(bare(line) == bare(line).rstrip() or "\x1b" in line for line in text.splitlines())


def test_a_wide_map_is_averaged_by_blocks():
    values = np.arange(5 * 90.0).reshape(1, 5, 90, 1)
    text = heatmap(values)
    assert text.splitlines()[1] == "each cell is the mean of 3×3"
    assert len(text.splitlines()[3]) == 60
    first, last = values[0, :3, :3, 0].mean(), values[0, 3:, 87:, 0].mean()
    assert text.splitlines()[-1].startswith(f"scale: '.' {first:.3g}  ")
    assert text.splitlines()[-1].endswith(f"'@' {last:.3g}")
    assert "each cell is the mean of 3\n" in heatmap(np.zeros((1, 100, 1)))


def test_maps_stand_side_by_side_under_their_names():
    lines = heatmap(np.zeros((1, 6, 6, 2)), names=("vertical", "a name that is too long for its map")).splitlines()
    assert lines[1] == "vertical                  a name that is too long…"
    assert lines[2] == "." * 24 + "  " + "." * 24


def test_in_colour_the_upper_and_the_lower_half_are_two_cells():
    values = np.random.default_rng(0).normal(size=(25, 25))
    text = heatmap(values[None, ..., None], look=TRUE)
    colours = colormap.colours(values, colormap.scale_of([values]))
    assert "▀" * 25 in bare(text).splitlines()
    rows = text.splitlines()[2:15]
    upper = re.findall(r"38;2;(\d+);(\d+);(\d+)", rows[0])
    lower = re.findall(r"48;2;(\d+);(\d+);(\d+)", rows[0])
    assert [tuple(map(int, each)) for each in upper] == [tuple(each) for each in colours[0].tolist()]
    assert [tuple(map(int, each)) for each in lower] == [tuple(each) for each in colours[1].tolist()]
    assert ";49m" in rows[-1]  # nothing under the last of an odd number
    assert all(row.endswith("\x1b[0m") for row in rows)


def test_in_256_colours():
    text = heatmap(np.array([[0.0, 1.0]] * 2)[None, ..., None], look=TextStyle(True))
    low, high = (colormap.nearest_of_256(tuple(bytes.fromhex(colormap.SEQUENTIAL[end]))) for end in (0, -1))
    assert f"\x1b[38;5;{low};48;5;{low}m{'▀' * 12}\x1b[38;5;{high};48;5;{high}m{'▀' * 12}\x1b[0m" in text
    assert "38;2;" not in text


def test_without_half_blocks_cells_are_spaces_on_their_colour():
    text = heatmap(np.array([[0.0, 1.0]] * 2)[None, ..., None], look=TextStyle(True, half_blocks=False))
    assert bare(text).isascii()
    assert "48;5;" in text


def test_what_is_not_finite_has_characters_of_its_own():
    text = heatmap(np.array([np.nan, np.inf, -np.inf, 1.0]).reshape(1, 1, 4, 1).repeat(2, 1))
    assert text.splitlines()[2] == "??????>>>>>><<<<<<......"
    assert text.splitlines()[-1] == "scale: '.' 1   '?' NaN   '>' Infinity   '<' -Infinity"
    text = heatmap(np.array([np.nan, 1.0]).reshape(1, 1, 2, 1), look=TRUE)
    assert "38;2;128;128;128" in text
    assert bare(text).endswith("▀▀ 1   ▀▀ NaN\n")


def test_many_maps_are_no_flood():
    text = heatmap(np.zeros((1, 2, 2, 100)))
    assert f"… {100 - MOST_MAPS} more; -f png or npy gives all" in text
    assert "map 63" in text
    assert "map 64" not in text


def test_rows_of_values_are_strips():
    lines = heatmap(np.arange(4.0).reshape(1, 4)).splitlines()
    assert lines[1:3] == ["values", "......======******@@@@@@"]
    assert bare(heatmap(np.arange(4.0).reshape(1, 4), look=TRUE)).splitlines()[2] == "▀" * 24


def shell(**environment):
    command = [sys.executable, "-m", "convcli", "apply", "samples/lines.yaml", "samples/line-detectors.yaml"]
    without = {name: each for name, each in os.environ.items() if name not in ("COLORTERM", "NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [*command, "-f", "heatmap"], cwd=ROOT, capture_output=True, env={**without, **environment}, check=True
    )
    assert done.stderr == b""
    return done.stdout


def test_what_the_environment_says_of_colours():
    assert b"\x1b" not in shell()
    assert b"38;5;" in shell(FORCE_COLOR="1")
    assert b"38;2;" in shell(FORCE_COLOR="1", COLORTERM="truecolor")
    assert b"\x1b" not in shell(FORCE_COLOR="1", NO_COLOR="1")
    assert shell(PYTHONIOENCODING="ascii").isascii()
    assert b"48;5;" in shell(PYTHONIOENCODING="ascii", FORCE_COLOR="1")


@pytest.mark.parametrize(("low", "signed"), [(0.0, False), (-2.0, True)])
def test_the_bar_goes_from_one_end_of_the_scale_to_the_other(low, signed):
    bar = heatmap(np.array([[low, 2.0]] * 2)[None, ..., None], look=TRUE).splitlines()[-1]
    codes = [tuple(map(int, each)) for each in re.findall(r"38;2;(\d+);(\d+);(\d+)", bar)]
    table = [tuple(each) for each in colormap.colour_table(signed).tolist()]
    assert (codes[0], codes[-1]) == (table[0], table[-1])
    places = [table.index(each) for each in codes]
    assert places == sorted(places)
    assert len(codes) == 32
    assert bare(bar) == ("scale: -2 " + "▀" * 16 + " 0 " + "▀" * 16 + " 2" if signed else "scale: 0 " + "▀" * 32 + " 2")
