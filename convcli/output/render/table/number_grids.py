"""Arrays as grids of numbers in frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.output.render.number_text import number_text
from convcli.output.render.table.layer_table import UNLIMITED_WIDTH

Places = list[int | None]

WHOLE = 16  # an axis up to this long is shown whole
CORNER = 4  # of a longer one, so many cells from either end
MOST_GRIDS = 16


def number_grids(named: Iterable[tuple[str, Array]]) -> Iterator[RenderableType]:
    parts = (each for name, array in named for each in slices_2d(name, array))
    left_out = 0
    for place, (title, grid) in enumerate(parts):
        if place < MOST_GRIDS:
            yield NumberGrid(title, grid)
        else:
            left_out += 1
    if left_out:
        yield Text(f"… {left_out:,} more; -f json, csv or npy gives all", "dim")


def slices_2d(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """A map as grids: itself up to two axes, its slices along the axes before the last two in more."""
    if array.ndim < 3:
        yield name, array
        return
    for place in np.ndindex(*array.shape[:-2]):
        yield f"{name}, depth {'·'.join(map(str, place))}", array[place]


class NumberGrid(Record):
    """Values in a frame under a title; of a long axis, or one that is too wide for the console, the ends.

    Those that are `outside` are in parentheses, and the one at `chosen` in brackets.
    """

    title: str
    values: Array
    outside: Array | None = None
    chosen: tuple[int, ...] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self.columns():
            panel = self.panel(columns)
            if width(console, options, panel) <= options.max_width:
                break
        yield panel
        if None in columns or len(self.values) > WHOLE:
            yield Text(f"  {_extremes(self.values)}", "dim")

    def columns(self) -> Iterator[Places]:
        """Which columns to show: all, or fewer and fewer from either end."""
        count = self.values.shape[-1]
        yield _shown(count, WHOLE, CORNER)
        yield from (_shown(count, 2 * corner, corner) for corner in range(CORNER, 0, -1))

    def panel(self, columns: Places) -> Panel:
        """The frame with these columns."""
        rank = self.values.ndim
        rows = _shown(self.values.shape[0], WHOLE, CORNER) if rank > 1 else [0]
        cells = Table.grid(padding=(0, 2))
        for _ in columns:
            cells.add_column(justify="right", overflow="fold")
        for row in rows:
            cells.add_row(*(self._cell((row, column)[2 - rank :]) for column in columns))
        return Panel.fit(cells, title=Text(self.title), title_align="left")

    def _cell(self, place: tuple[int | None, ...]) -> Text:
        if None in place:
            return Text("…", "dim")
        value = self.values[place]
        text, style = number_text(value), "red" if value < 0 else "dim" if value == 0 else ""
        if self.outside is not None and self.outside[place]:
            return Text(f"({text})", "dim italic")
        return Text(f"[{text}]", "bold green") if place == self.chosen else Text(text, style)


class SideBySide(Record):
    """Grids of one shape in a row with signs between them, `a · b = c`; below each other where they are too wide."""

    grids: tuple[NumberGrid, ...]
    signs: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self.grids[0].columns():
            row = self._row([grid.panel(columns) for grid in self.grids])
            if width(console, options, row) <= options.max_width:
                yield row
                return
        yield from self.grids

    def _row(self, panels: Iterable[Panel]) -> Table:
        row = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = []
        for sign, panel in zip(("", *self.signs), panels, strict=True):
            cells += [Text(sign), panel] if sign else [panel]
        for _ in cells:
            row.add_column(vertical="middle")
        row.add_row(*cells)
        return row


def width(console: Console, options: ConsoleOptions, part: RenderableType) -> int:
    """How wide something is, were there no end to the console."""
    return Measurement.get(console, options.update(width=UNLIMITED_WIDTH), part).maximum


def _shown(extent: int, whole: int, corner: int) -> Places:
    """The places along an axis that are shown, None for what is left out between the two ends."""
    if extent <= whole:
        return list(range(extent))
    return [*range(corner), None, *range(extent - corner, extent)]


def _extremes(grid: Array) -> str:
    size = "×".join(map(str, grid.shape))
    return (
        f"{size}: least {number_text(grid.min())}, mean {number_text(grid.mean())}, greatest {number_text(grid.max())}"
    )
