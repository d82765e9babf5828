"""All maps of a report on one image, below their titles, with the scale of their colours at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, isqrt
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.io import images
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.image_style import (
    FRAME,
    GAP,
    INK,
    LABEL,
    LABEL_GAP,
    LONGEST,
    MARGIN,
    PALE_INK,
    PAPER,
    shortened,
)
from convcli.output.render.map_sections import MapGroup, MapSection, TitledMap
from convcli.output.render.number_format import format_value

TITLE, HEADING = 22, 17  # sizes of letters
WIDTH = 1280  # of a row of maps, unless one map is wider
ENLARGED_SIDE = 160  # to which small maps are enlarged if there are many
STRIP, STRIP_CELL, STRIP_HEIGHT = 640, 40, 32  # a row of values: its length, its widest cell, its height
FEW_STRIPS = 16
NARROWEST = 160  # column of maps, so that a label can be read
BAR, BAR_HEIGHT = 320, 18
LEGEND_HEIGHT = BAR_HEIGHT + 8 + LABEL


class MapLayout(Record):
    """The size of a drawn map, and of a cell of it, in pixels (width, height). A strip is a row of values."""

    cell: tuple[int, int]
    size: tuple[int, int]
    is_strip: bool

    @property
    def column_width(self) -> int:
        """The width of the map's column, in which its label can be read."""
        return max(self.size[0], NARROWEST)

    @property
    def row_height(self) -> int:
        """The height of the map with the label above it."""
        return self.size[1] + LABEL + LABEL_GAP


def map_layout(grid: Array, count: int) -> MapLayout:
    """Return the size of a map that is one of `count` in its layer.

    Small maps are enlarged by a whole number: the fewer there are, the more. A row of values is made high enough to be
    seen.
    """
    rows, columns = grid.shape
    if rows == 1:
        cell = (min(max(STRIP // columns, 1), STRIP_CELL), STRIP_HEIGHT)
    else:
        side = min(max(WIDTH // count, ENLARGED_SIDE), 2 * ENLARGED_SIDE)
        cell = (max(round(side / max(rows, columns)), 1),) * 2
    return MapLayout(cell, (columns * cell[0], rows * cell[1]), is_strip=rows == 1 < columns)


def columns_for(count: int, layout: MapLayout) -> int:
    """Return how many of `count` maps stand side by side.

    Rows are as equal as can be. They are as wide as `WIDTH` allows, or at least as many maps wide as high. A few strips
    stand one below the other, so that they can be compared.
    """
    if layout.is_strip and count <= FEW_STRIPS:
        return 1
    most = max((WIDTH + GAP) // (layout.column_width + GAP), isqrt(count - 1) + 1)
    return ceil(count / ceil(count / most))


class MapSheet:
    """An image of all maps: the model's name, a section for each layer, and a legend of the colours."""

    def __init__(self, name: str, sections: Sequence[MapSection], scale: ColourScale) -> None:
        from PIL import ImageFont

        self._name, self._sections, self._scale = name, sections, scale
        self._fonts: dict[int, Any] = {size: ImageFont.load_default(size=size) for size in (TITLE, HEADING, LABEL)}
        self.size = self._width(), self._height()

    def draw(self) -> Any:
        """Return the sheet as a Pillow image."""
        from PIL import ImageDraw

        self._image = images.import_pillow().new("RGB", self.size, PAPER)
        self._draw = ImageDraw.Draw(self._image)
        text_width = self.size[0] - 2 * MARGIN
        self._draw_text(MARGIN, MARGIN, self._name, TITLE, text_width)
        top = MARGIN + TITLE + GAP
        for section in self._sections:
            self._draw_text(MARGIN, top, section.title, HEADING, text_width)
            top += HEADING + GAP
            for group in section.groups:
                self._draw_group(group, section.count, top)
                top += _group_size(group, section.count)[1]
            top += GAP // 2
        self._draw_legend(top)
        return self._image

    # ---- sizes ----

    def _width(self) -> int:
        widths = [self._legend_width(), self._title_width(self._name, TITLE)]
        for section in self._sections:
            widths += [self._title_width(section.title, HEADING)]
            widths += [_group_size(group, section.count)[0] for group in section.groups]
        return max(widths) + 2 * MARGIN

    def _height(self) -> int:
        height = TITLE + GAP
        for section in self._sections:
            groups = sum(_group_size(group, section.count)[1] for group in section.groups)
            height += HEADING + GAP + groups + GAP // 2
        return height + LEGEND_HEIGHT + 2 * MARGIN

    def _title_width(self, title: str, size: int) -> int:
        return min(ceil(self._length(title[:LONGEST], size)), WIDTH)

    def _length(self, text: str, size: int) -> float:
        length: float = self._fonts[size].getlength(text)
        return length

    # ---- maps ----

    def _draw_text(self, left: int, top: int, text: str, size: int, width: int, colour: Any = INK) -> None:
        """Draw a line of text, shortened to a width."""
        font = self._fonts[size]
        self._draw.text((left, top), shortened(text, font.getlength, width), colour, font)

    def _draw_group(self, group: MapGroup, count: int, top: int) -> None:
        """Draw the maps of a sample; `count` is the number of maps in the layer."""
        if group.title:
            self._draw_text(MARGIN, top, group.title, LABEL, WIDTH, PALE_INK)
            top += LABEL + GAP // 2
        layout = map_layout(group.maps[0].grid, count)
        columns = columns_for(len(group.maps), layout)
        for index, titled in enumerate(group.maps):
            row, column = divmod(index, columns)
            left = MARGIN + column * (layout.column_width + GAP)
            self._draw_map(titled, layout, left, top + row * (layout.row_height + GAP))

    def _draw_map(self, titled: TitledMap, layout: MapLayout, left: int, top: int) -> None:
        self._draw_text(left, top, titled.title, LABEL, layout.column_width)
        colours = colormap.colours(titled.grid, self._scale).repeat(layout.cell[1], 0).repeat(layout.cell[0], 1)
        self._paste(colours, left, top + LABEL + LABEL_GAP)

    def _paste(self, colours: Array, left: int, top: int) -> None:
        """Draw colours, `(height, width, 3)`, in a thin frame that gives an edge to what is nearly white."""
        height, width = colours.shape[:2]
        self._draw.rectangle((left - 1, top - 1, left + width, top + height), outline=FRAME)
        self._image.paste(images.import_pillow().fromarray(np.ascontiguousarray(colours)), (left, top))

    # ---- the legend ----

    def _draw_legend(self, top: int) -> None:
        """Draw the bar of colours with its numbers, and to its right a swatch for each value that is not finite."""
        self._paste(np.tile(_bar(self._scale, BAR)[None], (BAR_HEIGHT, 1, 1)), MARGIN, top)
        for fraction, text in _bar_numbers(self._scale):
            left = MARGIN + round(fraction * (BAR - ceil(self._length(text, LABEL))))
            self._draw_text(left, top + BAR_HEIGHT + 6, text, LABEL, BAR)
        left = MARGIN + BAR + GAP
        for value, (text, width) in zip(self._scale.non_finite, self._swatches(), strict=True):
            swatch = colormap.colours(np.full((BAR_HEIGHT, BAR_HEIGHT), value), self._scale)
            self._paste(swatch, left, top)
            self._draw_text(left + BAR_HEIGHT + 8, top + 1, text, LABEL, width)
            left += width

    def _legend_width(self) -> int:
        return BAR + GAP + sum(width for _, width in self._swatches())

    def _swatches(self) -> Iterator[tuple[str, int]]:
        """Yield the word for each value that is not finite, and the width of its swatch with this word."""
        for value in self._scale.non_finite:
            text = format_value(value)
            yield text, BAR_HEIGHT + 8 + ceil(self._length(text, LABEL)) + GAP


def _bar_numbers(scale: ColourScale) -> list[tuple[float, str]]:
    """Return the numbers below the bar, each with its position along the bar from 0 to 1."""
    if scale.low == scale.high:
        return [(0, format_value(scale.low))]
    middle = [(0.5, "0")] if scale.signed else []
    return [(0, format_value(scale.low)), *middle, (1, format_value(scale.high))]


def _bar(scale: ColourScale, length: int) -> Array:
    """Return the colours from one end of the scale to the other, `(length, 3)`."""
    last = colormap.STEPS if scale.high > scale.low else 0
    return colormap.colour_table(scale.signed)[np.rint(np.linspace(0, last, length)).astype(int)]


def _group_size(group: MapGroup, count: int) -> tuple[int, int]:
    """Return the width and height of the maps of a sample, with the gap below them."""
    layout = map_layout(group.maps[0].grid, count)
    columns = columns_for(len(group.maps), layout)
    heading = LABEL + GAP // 2 if group.title else 0
    rows = ceil(len(group.maps) / columns)
    return columns * (layout.column_width + GAP) - GAP, heading + rows * (layout.row_height + GAP)
