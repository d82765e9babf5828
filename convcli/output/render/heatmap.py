"""Maps as text for a terminal: in colour two cells a character, without colour two characters a cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from math import ceil

import numpy as np
from rich.cells import cell_len, set_cell_size

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.map_sections import Section, Titled, sections
from convcli.output.render.number_text import number_text
from convcli.output.report import Report

WIDTH = 80  # where there is no terminal
SIDE = 24  # characters, what small maps are enlarged to
LABEL = 12  # characters, what a label may take beside a narrower map
BAR = 32  # characters
MOST_MAPS = 64  # of a layer
GAP = "  "
RAMP = ".:-=+*%#@"  # from least to greatest
SIGNED = "=~- +*#"  # denser further from zero, which is blank: what is below with strokes of a minus
ODD = {"NaN": "?", "Infinity": ">", "-Infinity": "<"}
HALF, RESET = "▀", "\x1b[0m"


class Pen(Record):
    """Draws values of a scale: each cell is `across` characters wide, each line `down` cells high."""

    scale: ColourScale
    style: TextStyle

    @property
    def halves(self) -> bool:
        """Whether the upper and the lower half of a character are two cells."""
        return self.style.colour and self.style.half_blocks

    @property
    def across(self) -> int:
        return 1 if self.halves else 2

    @property
    def down(self) -> int:
        return 2 if self.halves else 1

    def lines(self, values: Array) -> Iterator[str]:
        """The lines of a grid of values."""
        if not self.style.colour:
            yield from ("".join(2 * character for character in row) for row in _characters(values, self.scale))
            return
        codes = _codes(colormap.colours(values, self.scale), self.style.true_colour)
        if not self.halves:
            yield from (_run((f"48;{code}", 2 * " ") for code in row) for row in codes)
            return
        for upper, lower in zip_longest(codes[::2], codes[1::2]):
            below = (f"48;{code}" for code in lower) if lower else ["49"] * len(upper)
            yield _run((f"38;{above};{under}", HALF) for above, under in zip(upper, below, strict=True))

    def styled(self, text: str, style: str) -> str:
        """A text in a style of the terminal, where it has colours."""
        return f"\x1b[{style}m{text}{RESET}" if self.style.colour else text


class Drawing(Record):
    """A map as it is drawn: in each cell the mean of `block`, rows × columns, then each cell `enlarged` as often."""

    title: str
    grid: Array
    block: tuple[int, int]
    enlarged: tuple[int, int]

    def cells(self) -> Array:
        """The values to draw."""
        return self.grid.repeat(self.enlarged[0], 0).repeat(self.enlarged[1], 1)


def render_heatmap(report: Report, style: TextStyle = PLAIN) -> bytes:
    """The maps of each layer, side by side as far as they fit, and the scale."""
    width = style.width or WIDTH
    pen = Pen(ColourScale(0.0, 0.0), style)
    found = [(section, *_drawings(section, width, pen)) for section in sections(report)]
    grids = (each.grid for _, groups, _ in found for group in groups for each in group)
    pen = Pen(colormap.scale_of(grids), style)
    lines: list[str] = []
    for section, groups, left_out in found:
        lines += [pen.styled(section.title, "1"), *_means(groups[0][0], pen)]
        for group, drawn in zip(section.groups, groups, strict=False):
            lines += [pen.styled(group.title, "3")] if group.title else []
            lines += _side_by_side(drawn, width, pen)
        if left_out:
            lines.append(pen.styled(f"… {left_out:,} more; -f png or npy gives all", "2"))
        lines.append("")
    return "".join(f"{line if style.colour else line.rstrip()}\n" for line in (*lines, *_legend(pen))).encode()


def _drawings(section: Section, width: int, pen: Pen) -> tuple[list[list[Drawing]], int]:
    """The first maps of a layer, sample by sample, and how many are left out."""
    groups, room = [], MOST_MAPS
    for group in section.groups:
        if room > 0:
            groups.append([_drawing(each, width, pen) for each in islice(group.maps, room)])
        room -= len(group.maps)
    return groups, max(-room, 0)


def _drawing(titled: Titled, width: int, pen: Pen) -> Drawing:
    """A map averaged until it fits, or enlarged by a whole number until it can be seen."""
    rows, columns = titled.grid.shape
    block = ceil(columns / max(width // pen.across, 1))
    down = 1 if rows == 1 else block
    grid = _averaged(titled.grid, down, block)
    times = max(SIDE // pen.across // max(grid.shape), 1)
    return Drawing(titled.title, grid, (down, block), (pen.down if rows == 1 else times, times))


def _averaged(grid: Array, down: int, across: int) -> Array:
    """The means of blocks of so many cells, at the far edges of those that are there."""
    if down == across == 1:
        return grid
    rows, columns = (np.arange(0, extent, step) for extent, step in zip(grid.shape, (down, across), strict=True))
    with np.errstate(all="ignore"):  # what overflows or is undefined is shown as such
        sums = np.add.reduceat(np.add.reduceat(grid.astype(np.float64), rows, 0), columns, 1)
    counts = np.outer(np.diff([*rows, grid.shape[0]]), np.diff([*columns, grid.shape[1]]))
    return sums / counts


def _side_by_side(drawn: Sequence[Drawing], width: int, pen: Pen) -> Iterator[str]:
    """Maps of one size under their labels, in rows of as many as fit."""
    own = drawn[0].cells().shape[1] * pen.across
    column = min(max(own, min(max(cell_len(each.title) for each in drawn), LABEL)), width)
    fit = max((width + len(GAP)) // (column + len(GAP)), 1)
    between = " " * (column - own) + GAP
    for first in range(0, len(drawn), fit):
        row = drawn[first : first + fit]
        yield GAP.join(set_cell_size(_shortened(each.title, column), column) for each in row).rstrip()
        yield from (between.join(parts) for parts in zip(*(pen.lines(each.cells()) for each in row), strict=True))


def _shortened(text: str, most: int) -> str:
    return text if cell_len(text) <= most else f"{set_cell_size(text, most - 1).rstrip()}…"


def _means(drawing: Drawing, pen: Pen) -> Iterator[str]:
    down, across = drawing.block
    if across > 1:
        size = f"{down}×{across}" if down > 1 else str(across)
        yield pen.styled(f"each cell is the mean of {size}", "2")


# ---- colours and characters ----


def _codes(colours: Array, true_colour: bool) -> list[list[str]]:
    """What follows `38;` or `48;` in a terminal for each of these colours."""
    if true_colour:
        return [[f"2;{red};{green};{blue}" for red, green, blue in row] for row in colours.tolist()]
    return [[f"5;{colormap.nearest_of_256(tuple(colour))}" for colour in row] for row in colours.tolist()]


def _run(parts: Iterator[tuple[str, str]]) -> str:
    """Characters, each in its colour, which is told where it changes."""
    text, before = "", ""
    for code, character in parts:
        text += character if code == before else f"\x1b[{code}m{character}"
        before = code
    return text + RESET


def _characters(values: Array, scale: ColourScale) -> list[list[str]]:
    """A character for each value."""
    ramp = _ramp(scale)
    found = np.array(list(ramp))[colormap.positions(values, scale, len(ramp) - 1)]
    for value in scale.odd:
        alike = np.isnan(values) if np.isnan(value) else values == value
        found[alike] = ODD[number_text(value)]
    return found.tolist()


# ---- the scale ----


def _legend(pen: Pen) -> Iterator[str]:
    """The scale with its numbers, and what stands for values that are not finite."""
    scale = pen.scale
    parts = [_bar(pen) if pen.style.colour else _key(scale)]
    for value in scale.odd:
        (swatch, *_) = pen.lines(np.full((pen.down, 2 // pen.across), value))
        shown = swatch if pen.style.colour else f"'{swatch[0]}'"
        parts.append(f"{shown} {number_text(value)}")
    yield f"scale: {'   '.join(parts)}"


def _bar(pen: Pen) -> str:
    scale = pen.scale
    low, high = number_text(scale.low), number_text(scale.high)
    cells = BAR // pen.across
    if scale.low == scale.high:
        return f"{_strip(pen, np.full(2 // pen.across, scale.low))} {low}"
    if scale.signed:
        half = np.linspace(0, 1, cells // 2 + 1)[1:] * scale.high
        return f"{low} {_strip(pen, -half[::-1])} 0 {_strip(pen, half)} {high}"
    return f"{low} {_strip(pen, scale.low + np.linspace(0, 1, cells) * (scale.high - scale.low))} {high}"


def _strip(pen: Pen, values: Array) -> str:
    return next(pen.lines(np.tile(values, (pen.down, 1))))


def _ramp(scale: ColourScale) -> str:
    return SIGNED if scale.signed else RAMP


def _key(scale: ColourScale) -> str:
    """Each character with the value it stands for."""
    ramp = _ramp(scale)
    if scale.low == scale.high:
        return f"'{ramp[0]}' {number_text(scale.low)}"
    last = len(ramp) - 1
    shares = [place / last for place in range(last + 1)]
    if scale.signed:
        values = [(2 * share - 1) * scale.high for share in shares]
    else:
        values = [scale.low + share * (scale.high - scale.low) for share in shares]
    return "  ".join(f"'{character}' {value:.3g}" for character, value in zip(ramp, values, strict=True))
