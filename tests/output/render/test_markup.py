"""Markdown and LaTeX: what a table shows, in the words of both languages."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from convcli.cli import main

SHAPE = ["shape", "-i", "28x28x1", "-l", "Conv2D(4, 3, name='first_layer')", "-l", "Flatten()"]
EXPLAIN = ["explain", "[[1, -2], [3e-05, 4]]", "--filter", "sobel-x", "--padding", "same", "--at", "0,0"]
LATEX_SPECIAL = re.compile(r"(?<!\\)[#%_&~^]")


def printed(command: list[str], form: str) -> str:
    result = CliRunner().invoke(main, [*command, "-f", form])
    assert not result.stderr, result.stderr
    return result.stdout


def markdown_cells(text: str) -> list[str]:
    """Return the text of every cell of the tables, as GitHub's Markdown reads them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    cells = [token for before, token in pairwise(tokens) if before.type in ("th_open", "td_open")]
    return ["".join(part.content for part in cell.children or ()) for cell in cells]


def test_a_table_in_markdown_has_the_cells_of_the_table():
    assert markdown_cells(printed(SHAPE, "markdown")) == [
        *("Layer (type)", "Output Shape", "Param #", "Kernel", "MACs", "Receptive field", "Jump"),
        *("first_layer (Conv2D)", "(None, 26, 26, 4)", "40", "3×3×1×4", "24,336", "3×3", "1×1"),
        *("flatten (Flatten)", "(None, 2704)", "0", "", "0", "28×28", "–"),
    ]


def test_the_lines_around_a_table_are_a_heading_and_a_list():
    lines = printed(SHAPE, "markdown").splitlines()
    assert lines[0] == "**model: (None, 28, 28, 1) → (None, 2704)**"
    assert "- Total params: 40" in lines


def test_grids_in_markdown_are_tables_without_headings():
    cells = markdown_cells(printed(EXPLAIN, "markdown"))
    assert cells[:12] == ["", "", "", "-1", "0", "1", "-2", "0", "2", "-1", "0", "1"]
    assert cells[12:24] == ["", "", "", "(0)", "(0)", "(0)", "(0)", "1", "-2", "(0)", "3e-05", "4"]


def test_a_table_in_latex_has_a_line_for_each_layer():
    text = printed(SHAPE, "latex")
    assert r"\begin{tabular}{llrlrll}" in text
    assert r"first\_layer (Conv2D) & (None, 26, 26, 4) & 40 & 3$\times$3$\times$1$\times$4 & 24,336 &" in text
    assert text.count(r"\begin") == text.count(r"\end")


def test_grids_in_latex_are_matrices_with_signs_between_them():
    text = printed(EXPLAIN, "latex")
    assert text.count(r"\begin{array}{rrr}") == 3
    assert r"\end{array}\right] \odot \left[\begin{array}" in text
    assert r"3\cdot 10^{-5} & 4 \\" in text


@pytest.mark.parametrize("letter", list(r"\&%$#_{}~^<>|[]*`"))
def test_names_keep_their_letters(letter):
    layer = f"a{letter}b"
    command = ["shape", "-i", "8", "-l", f"Dense(1, name={layer!r})"]
    assert f"{layer} (Dense)" in markdown_cells(printed(command, "markdown"))
    row = next(line for line in printed(command, "latex").splitlines() if "(Dense)" in line)
    assert not LATEX_SPECIAL.search(row.split(" (Dense)")[0])


@pytest.mark.parametrize(
    "command",
    [
        SHAPE,
        [*SHAPE, "--explain"],
        EXPLAIN,
        ["apply", "samples/lines.yaml", "samples/line-detectors.yaml", "--show-weights"],
        ["explain", "samples/bump.yaml", "samples/bump-detector.yaml", "--walk"],
        ["filters"],
        ["filters", "gaussian"],
        ["solve", "--input", "8", "--output", "4"],
        ["solve", "samples/mnist.yaml"],
        ["diff", "samples/mnist.yaml", "samples/residual.json"],
    ],
    ids=" ".join,
)
def test_every_table_has_both_forms(command):
    table = printed(command, "table")
    numbers = set(re.findall(r"\d[\d,.]*\d", table.split("\n\n")[0]))
    for form in ("markdown", "latex"):
        text = printed(command, form)
        assert text.strip()
        assert all(number in text for number in numbers)
