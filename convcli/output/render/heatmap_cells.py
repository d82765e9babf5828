"""The cells of a heatmap as characters of a terminal, and the legend that explains them.

In colour, a character ▀ is two cells, one above the other. Without half blocks in the encoding a cell is two spaces on
its colour; without colour it is two characters that are denser for greater numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import TextStyle
from convcli.output.render.number_format import format_value

BAR = 32  # characters of the legend's bar
RAMP = ".:-=+*%#@"  # from the least number to the greatest
SIGNED_RAMP = "=~- +*#"  # zero is blank; further from it, characters are denser, and below it strokes like a minus
NON_FINITE = {"NaN": "?", "Infinity": ">", "-Infinity": "<"}
HALF, RESET = "▀", "\x1b[0m"


class CellPainter(Record):
    """Draws numbers on a scale in the style of a terminal."""

    scale: ColourScale
    style: TextStyle

    @property
    def draws_halves(self) -> bool:
        """True if the upper and the lower half of a character are two cells."""
        return self.style.colour and self.style.half_blocks

    @property
    def cell_width(self) -> int:
        """The characters of a cell."""
        return 1 if self.draws_halves else 2

    @property
    def cells_per_line(self) -> int:
        """The rows of cells in a line of text."""
        return 2 if self.draws_halves else 1

    def lines(self, values: Array) -> Iterator[str]:
        """Yield the lines of a grid of values, `(height, width)`."""
        if not self.style.colour:
            yield from ("".join(2 * character for character in row) for row in _characters(values, self.scale))
            return
        codes = _colour_codes(colormap.colours(values, self.scale), self.style.true_colour)
        if not self.draws_halves:
            yield from (_run((f"48;{code}", 2 * " ") for code in row) for row in codes)
            return
        for upper, lower in zip_longest(codes[::2], codes[1::2]):
            background = (f"48;{code}" for code in lower) if lower else ["49"] * len(upper)  # 49 is the terminal's own
            yield _run((f"38;{above};{below}", HALF) for above, below in zip(upper, background, strict=True))

    def styled(self, text: str, code: str) -> str:
        """Return a text in a terminal's style, such as 1 for bold; unchanged where there are no colours."""
        return f"\x1b[{code}m{text}{RESET}" if self.style.colour else text


def _colour_codes(colours: Array, true_colour: bool) -> list[list[str]]:
    """Return what follows `38;` (for ink) or `48;` (for the background) in a terminal's code for each colour."""
    if true_colour:
        return [[f"2;{red};{green};{blue}" for red, green, blue in row] for row in colours.tolist()]
    return [[f"5;{colormap.nearest_of_256(tuple(colour))}" for colour in row] for row in colours.tolist()]


def _run(parts: Iterator[tuple[str, str]]) -> str:
    """Return characters in their colours. A code is written only where it changes."""
    text, previous = "", ""
    for code, character in parts:
        text += character if code == previous else f"\x1b[{code}m{character}"
        previous = code
    return text + RESET


def _characters(values: Array, scale: ColourScale) -> list[list[str]]:
    """Return the character of each value."""
    ramp = _ramp(scale)
    characters = np.array(list(ramp))[colormap.positions(values, scale, len(ramp) - 1)]
    for value in scale.non_finite:
        characters[colormap.where_equal(values, value)] = NON_FINITE[format_value(value)]
    return characters.tolist()


def _ramp(scale: ColourScale) -> str:
    return SIGNED_RAMP if scale.signed else RAMP


def legend(painter: CellPainter) -> str:
    """Return the scale with its numbers, and a sample of each value that is not finite."""
    parts = [_bar(painter) if painter.style.colour else _key(painter.scale)]
    for value in painter.scale.non_finite:
        (sample, *_) = painter.lines(np.full((painter.cells_per_line, 2 // painter.cell_width), value))
        parts.append(f"{sample if painter.style.colour else repr(sample[0])} {format_value(value)}")
    return f"scale: {'   '.join(parts)}"


def _bar(painter: CellPainter) -> str:
    """Return the colours of the scale between the numbers at its ends."""
    scale = painter.scale
    low, high = format_value(scale.low), format_value(scale.high)
    cells = BAR // painter.cell_width
    if scale.low == scale.high:
        return f"{_strip(painter, np.full(2 // painter.cell_width, scale.low))} {low}"
    if scale.signed:
        half = np.linspace(0, 1, cells // 2 + 1)[1:] * scale.high
        return f"{low} {_strip(painter, -half[::-1])} 0 {_strip(painter, half)} {high}"
    return f"{low} {_strip(painter, scale.low + np.linspace(0, 1, cells) * (scale.high - scale.low))} {high}"


def _strip(painter: CellPainter, values: Array) -> str:
    """Return a row of values as one line of text."""
    return next(painter.lines(np.tile(values, (painter.cells_per_line, 1))))


def _key(scale: ColourScale) -> str:
    """Return each character of the ramp with the value that it stands for."""
    ramp = _ramp(scale)
    if scale.low == scale.high:
        return f"'{ramp[0]}' {format_value(scale.low)}"
    last = len(ramp) - 1
    fractions = [position / last for position in range(last + 1)]
    if scale.signed:
        values = [(2 * fraction - 1) * scale.high for fraction in fractions]
    else:
        values = [scale.low + fraction * (scale.high - scale.low) for fraction in fractions]
    return "  ".join(f"'{character}' {value:.3g}" for character, value in zip(ramp, values, strict=True))
