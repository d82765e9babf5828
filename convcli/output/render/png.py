"""Maps as a picture: all on one labelled sheet, or one alone with a pixel for each cell."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from math import ceil, isqrt
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io import images
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.map_sections import Group, Section, Titled, sections
from convcli.output.render.number_text import number_text
from convcli.output.report import Report
from convcli.output.report.apply import ApplyReport

MOST_PIXELS = 1 << 26
PAPER, INK, PALE, FRAME = (255, 255, 255), (32, 32, 32), (96, 96, 96), (200, 200, 200)
TITLE, HEADING, LABEL = 22, 17, 14  # sizes of text
MARGIN, GAP = 32, 20  # around the sheet; between maps
WIDTH = 1280  # of the maps in a row, where they are not wider by themselves
SIDE = 160  # what small maps are enlarged to, where there are many
STRIP, STRIP_CELL, STRIP_HEIGHT = 640, 40, 32  # a row of values: its length, its widest cell, its height
FEW = 16
LONGEST = 200  # characters of a name
NARROWEST = 160  # so that a label can be read
BAR, BAR_HEIGHT = 320, 18


def render_png(report: Report, style: TextStyle = PLAIN) -> bytes:
    """The maps as a PNG file, all in one scale of colours."""
    images.pillow()  # so that its absence is told before anything is drawn
    found = sections(report)
    grids = [each.grid for section in found for each in section.maps()]
    scale = colormap.scale_of(grids)
    if isinstance(report, ApplyReport) and report.one_map and len(grids) == 1:
        _check_size(grids[0].shape[1], grids[0].shape[0])
        return _encoded(colormap.colours(grids[0], scale), scale)
    name = report.summary["name"] if isinstance(report, ApplyReport) else ""
    return _encoded(Sheet(name, found, scale).painted(), scale)


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ConvcliError(
            f"a picture of {width:,}×{height:,} pixels",
            f"at most {MOST_PIXELS:,}; --map or --layer-output for less, or -f npy",
        )


def _encoded(painted: Any, scale: ColourScale) -> bytes:
    library = images.pillow()
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Software", "convcli")
    told.add_text("Scale", f"{number_text(scale.low)} to {number_text(scale.high)}")
    stream = io.BytesIO()
    picture = library.fromarray(painted) if isinstance(painted, np.ndarray) else painted
    picture.save(stream, "PNG", pnginfo=told)
    return stream.getvalue()


class Tile(Record):
    """How a map is drawn: each cell so many pixels wide and high, in a column of this width."""

    cell: tuple[int, int]
    size: tuple[int, int]
    strip: bool

    @property
    def width(self) -> int:
        """Of the column."""
        return max(self.size[0], NARROWEST)

    @property
    def height(self) -> int:
        """With the label above it."""
        return self.size[1] + LABEL + 8


def tile_of(grid: Array, count: int) -> Tile:
    """Small maps are enlarged by a whole number, fewer of them more; a row of values is made high enough to be seen."""
    rows, columns = grid.shape
    if rows == 1:
        cell = (min(max(STRIP // columns, 1), STRIP_CELL), STRIP_HEIGHT)
    else:
        side = min(max(WIDTH // count, SIDE), 2 * SIDE)
        cell = (max(round(side / max(rows, columns)), 1),) * 2
    return Tile(cell, (columns * cell[0], rows * cell[1]), rows == 1 < columns)


def columns_of(count: int, tile: Tile) -> int:
    """How many maps stand side by side: what fits, in rows as equal as can be; at least a square.

    A few rows of values stand below each other, so that they can be compared.
    """
    if tile.strip and count <= FEW:
        return 1
    most = max((WIDTH + GAP) // (tile.width + GAP), isqrt(count - 1) + 1)
    return ceil(count / ceil(count / most))


def plain_letters(text: str) -> str:
    """A text in letters that Pillow's own font has."""
    from unicodedata import combining, normalize

    return "".join(character for character in normalize("NFKD", text) if not combining(character))


def shortened(text: str, length: Callable[[str], float], most: float) -> str:
    """A text without what the font has not, cut to a length in the middle, as its end may tell it from its like."""
    shown = text = plain_letters(text[:LONGEST])
    kept = len(text)
    while kept and length(shown) > most:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


class Sheet:
    """All maps under their titles, with the scale of their colours below."""

    def __init__(self, name: str, found: Sequence[Section], scale: ColourScale) -> None:
        from PIL import ImageFont

        self._name, self._sections, self._scale = name, found, scale
        self._fonts: dict[int, Any] = {size: ImageFont.load_default(size=size) for size in (TITLE, HEADING, LABEL)}

    def painted(self) -> Any:
        """The picture."""
        width, height = self._size()
        _check_size(width, height)
        self._picture = images.pillow().new("RGB", (width, height), PAPER)
        from PIL import ImageDraw

        self._draw = ImageDraw.Draw(self._picture)
        self._text(MARGIN, MARGIN, self._name, TITLE, width - 2 * MARGIN)
        top = MARGIN + TITLE + GAP
        for section in self._sections:
            self._text(MARGIN, top, section.title, HEADING, width - 2 * MARGIN)
            top += HEADING + GAP
            for group in section.groups:
                top = self._group(group, section.count, top)
            top += GAP // 2
        self._legend(top)
        return self._picture

    # ---- sizes ----

    def _size(self) -> tuple[int, int]:
        wide, high = self._legend_width(), TITLE + GAP
        for section in self._sections:
            wide = max(wide, min(ceil(self._length(section.title[:LONGEST], HEADING)), WIDTH))
            high += HEADING + GAP
            for group in section.groups:
                size = _group_size(group, section.count)
                wide, high = max(wide, size[0]), high + size[1]
            high += GAP // 2
        wide = max(wide, min(ceil(self._length(self._name[:LONGEST], TITLE)), WIDTH))
        return wide + 2 * MARGIN, high + BAR_HEIGHT + 8 + LABEL + 2 * MARGIN

    def _length(self, text: str, size: int) -> float:
        length: float = self._fonts[size].getlength(text)
        return length

    # ---- parts ----

    def _text(self, left: int, top: int, text: str, size: int, most: int, colour: Any = INK) -> None:
        """A line of text, shortened to a width."""
        shown = shortened(text, self._fonts[size].getlength, most)
        self._draw.text((left, top), shown, colour, self._fonts[size])

    def _group(self, group: Group, count: int, top: int) -> int:
        """The maps of a sample, of so many of the layer; where the next begin."""
        if group.title:
            self._text(MARGIN, top, group.title, LABEL, WIDTH, PALE)
            top += LABEL + GAP // 2
        tile = tile_of(group.maps[0].grid, count)
        columns = columns_of(len(group.maps), tile)
        for place, each in enumerate(group.maps):
            row, column = divmod(place, columns)
            self._map(each, tile, MARGIN + column * (tile.width + GAP), top + row * (tile.height + GAP))
        return top + ceil(len(group.maps) / columns) * (tile.height + GAP)

    def _map(self, each: Titled, tile: Tile, left: int, top: int) -> None:
        self._text(left, top, each.title, LABEL, tile.width)
        top += LABEL + 8
        painted = colormap.colours(each.grid, self._scale).repeat(tile.cell[1], 0).repeat(tile.cell[0], 1)
        self._paste(painted, left, top)

    def _paste(self, painted: Array, left: int, top: int) -> None:
        """Colours within a thin frame, so that what is nearly white has an edge."""
        height, width = painted.shape[:2]
        self._draw.rectangle((left - 1, top - 1, left + width, top + height), outline=FRAME)
        self._picture.paste(images.pillow().fromarray(np.ascontiguousarray(painted)), (left, top))

    # ---- the scale ----

    def _numbers(self) -> list[tuple[float, str]]:
        """What stands under the bar, and how far along it."""
        scale = self._scale
        if scale.signed:
            return [(0, number_text(scale.low)), (0.5, "0"), (1, number_text(scale.high))]
        if scale.low == scale.high:
            return [(0, number_text(scale.low))]
        return [(0, number_text(scale.low)), (1, number_text(scale.high))]

    def _odd(self) -> Iterator[tuple[str, int]]:
        """The words beside the bar for what is not finite, and the width of each with its colour."""
        for value in self._scale.odd:
            text = number_text(value)
            yield text, BAR_HEIGHT + 8 + ceil(self._length(text, LABEL)) + GAP

    def _legend_width(self) -> int:
        return BAR + GAP + sum(width for _, width in self._odd())

    def _legend(self, top: int) -> None:
        scale = self._scale
        self._paste(np.tile(_bar(scale, BAR)[None], (BAR_HEIGHT, 1, 1)), MARGIN, top)
        for share, text in self._numbers():
            length = ceil(self._length(text, LABEL))
            left = MARGIN + round(share * (BAR - length))
            self._text(left, top + BAR_HEIGHT + 6, text, LABEL, BAR)
        left = MARGIN + BAR + GAP
        for value, (text, width) in zip(scale.odd, self._odd(), strict=True):
            swatch = colormap.colours(np.full((BAR_HEIGHT, BAR_HEIGHT), value), scale)
            self._paste(swatch, left, top)
            self._text(left + BAR_HEIGHT + 8, top + 1, text, LABEL, width)
            left += width


def _bar(scale: ColourScale, length: int) -> Array:
    """The colours from one end of the scale to the other."""
    places = np.rint(np.linspace(0, colormap.STEPS if scale.high > scale.low else 0, length)).astype(int)
    return colormap.table(scale.signed)[places]


def _group_size(group: Group, count: int) -> tuple[int, int]:
    tile = tile_of(group.maps[0].grid, count)
    columns = columns_of(len(group.maps), tile)
    heading = LABEL + GAP // 2 if group.title else 0
    return (
        columns * (tile.width + GAP) - GAP,
        heading + ceil(len(group.maps) / columns) * (tile.height + GAP),
    )
