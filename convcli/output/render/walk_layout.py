"""Where the grids of a walk's animation stand in its frames, and how large their cells are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.shapes import format_extents
from convcli.output.render.colormap import ColourScale
from convcli.output.render.image_style import GAP, LABEL, LABEL_GAP, MARGIN

WIDTH, HEIGHT = 1000, 1400  # pixels of the largest frame
MOST_PIXELS = 1 << 27  # of all frames together, which are held in memory
SMALLEST_CELL, LARGEST_CELL = 6, 44  # pixels
NARROWEST_GRID, TITLE_WIDTH = 120, 200  # pixels: the least for a title, the most that it may widen its grid to
LETTER_WIDTH = 7  # pixels of a title's letter, about
NARROWEST_FRAME = 360  # pixels, so that the lines of text can be read
TEXT_LINES = 2  # below the grids


class NumberStyle(Record):
    """The writing of numbers into cells: a function to their text, and the size of its letters."""

    text: Callable[[Any], str]
    size: int


class ColouredGrid(Record):
    """A grid of numbers, `(height, width)`, with its scale of colours.

    Cells that are not `inside`, such as padding, are pale. A grid that is `filled_later` begins without numbers.
    """

    title: str
    values: Array
    inside: Array
    scale: ColourScale
    filled_later: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Its height and width in cells."""
        return self.values.shape


class PlacedGrid(Record):
    """A grid at its position in the frame. Its numbers are written if they have a style."""

    grid: ColouredGrid
    left: int
    top: int
    cell: int
    number_style: NumberStyle | None = None

    @property
    def width(self) -> int:
        """The pixels of the grid, or of its title where that needs more."""
        title = min(len(self.grid.title) * LETTER_WIDTH, TITLE_WIDTH)
        return max(self.grid.shape[1] * self.cell, NARROWEST_GRID, title)

    @property
    def bottom(self) -> int:
        """The pixel row below its last cell."""
        return self.top + self.grid.shape[0] * self.cell

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the upper left pixel of a cell."""
        return self.left + column * self.cell, self.top + row * self.cell


class FrameLayout(Record):
    """The grids in a frame: a row for each channel (its input, and its filter if it has one), and the output map."""

    rows: tuple[tuple[PlacedGrid, ...], ...]
    output: PlacedGrid

    @property
    def text_top(self) -> int:
        """The pixel row where the lines of text begin."""
        return max(placed.bottom for placed in self.grids) + GAP

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the frame in pixels."""
        right = max(placed.left + placed.width for placed in self.grids)
        height = self.text_top + TEXT_LINES * (LABEL + LABEL_GAP) + MARGIN
        return max(right, NARROWEST_FRAME) + MARGIN, height

    @property
    def grids(self) -> tuple[PlacedGrid, ...]:
        """All grids."""
        return (*(placed for row in self.rows for placed in row), self.output)


def lay_out(rows: Sequence[Sequence[ColouredGrid]], output: ColouredGrid, frame_count: int) -> FrameLayout:
    """Return the layout with the largest cells that fit. Raises `ConvcliError` if even the smallest do not."""
    for cell in range(LARGEST_CELL, SMALLEST_CELL - 1, -1):
        layout = _layout(rows, output, cell)
        width, height = layout.size
        if width <= WIDTH and height <= HEIGHT and width * height * frame_count <= MOST_PIXELS:
            return layout
    size = format_extents(rows[0][0].shape)
    raise ConvcliError(
        f"an input of {size} cells, as it is laid out, does not fit in an animation of {WIDTH}×{HEIGHT} pixels",
        f"a smaller or cropped input, or --limit N: at most {MOST_PIXELS:,} pixels in all frames",
    )


def _layout(rows: Sequence[Sequence[ColouredGrid]], output: ColouredGrid, cell: int) -> FrameLayout:
    """Return the layout with cells of this size.

    Two-dimensional grids of a channel stand side by side, a row for each channel, with the output to the right of all.
    Grids with one axis stand one below the other, with the output below all. A filter has the largest cells with which
    it is no larger than its input, so that its numbers can be read beside a large one.
    """
    has_one_axis = rows[0][0].shape[0] == 1
    title = LABEL + LABEL_GAP
    placed_rows, top = [], MARGIN
    for row in rows:
        placed_row, left = [], MARGIN
        for grid in row:
            own_cell = min(LARGEST_CELL, *_cells_that_fit(grid, row[0], cell))
            placed = PlacedGrid(grid, left, top + title, own_cell)
            placed_row.append(placed)
            if has_one_axis:
                top = placed.bottom + GAP
            else:
                left += placed.width + 2 * GAP
        if not has_one_axis:
            top = placed_row[0].bottom + GAP
        placed_rows.append(tuple(placed_row))
    right = max(placed.left + placed.width for row in placed_rows for placed in row)
    output_left, output_top = (MARGIN, top) if has_one_axis else (right + 2 * GAP, MARGIN)
    return FrameLayout(tuple(placed_rows), PlacedGrid(output, output_left, output_top + title, cell))


def _cells_that_fit(grid: ColouredGrid, room: ColouredGrid, cell: int) -> Iterator[int]:
    """Yield the largest cells of a grid that is no larger than another with cells of this size, for each axis."""
    rows, columns = zip(grid.shape, room.shape, strict=True)
    if room.shape[0] > 1:
        yield rows[1] * cell // rows[0]
    yield columns[1] * cell // columns[0]
