"""Arrays as grids of numbers in frames, which show only their corners where they are large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.output.render.number_format import format_value
from convcli.output.render.slices import slices_2d
from convcli.output.render.table.layer_table import UNLIMITED_WIDTH

LONGEST_AXIS = 16  # that is shown whole
CORNER = 4  # cells shown from either end of a longer axis
MOST_GRIDS = 16

Positions = list[int | None]  # along an axis; None stands for those left out


def number_grids(named: Iterable[tuple[str, Array]]) -> Iterator[RenderableType]:
    """Yield the first arrays of those with names as grids, slice by slice, and a note on how many are left out."""
    slices = (slice_ for name, array in named for slice_ in slices_2d(name, array))
    left_out = 0
    for index, (title, values) in enumerate(slices):
        if index < MOST_GRIDS:
            yield NumberGrid(title, values)
        else:
            left_out += 1
    if left_out:
        yield Text(f"… {left_out:,} more; -f json, csv or npy gives all", "dim")


class NumberGrid(Record):
    """Values in a frame below a title, `(columns,)` or `(rows, columns)`.

    Only the ends of an axis are shown if it is long or too wide for the console. Values that are `outside` the input
    stand in parentheses, and the value at index `chosen` in brackets.
    """

    title: str
    values: Array
    outside: Array | None = None
    chosen: tuple[int, ...] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self.column_choices():
            panel = self.panel(columns)
            if _full_width(console, options, panel) <= options.max_width:
                break
        yield panel
        note = self.note(columns)
        if note is not None:
            yield note

    def column_choices(self) -> Iterator[Positions]:
        """Yield columns to show: as many as are allowed, then fewer and fewer from either end."""
        count = self.values.shape[-1]
        yield _shown_positions(count, LONGEST_AXIS, CORNER)
        yield from (_shown_positions(count, 2 * corner, corner) for corner in range(CORNER, 0, -1))

    def cells(self, columns: Positions) -> list[list[Text]]:
        """Return the text of each cell in these columns, row by row."""
        rank = self.values.ndim
        rows = _shown_positions(self.values.shape[0], LONGEST_AXIS, CORNER) if rank > 1 else [0]
        return [[self._cell((row, column)[2 - rank :]) for column in columns] for row in rows]

    def panel(self, columns: Positions) -> Panel:
        """Return the frame with these columns."""
        grid = Table.grid(padding=(0, 2))
        for _ in columns:
            grid.add_column(justify="right", overflow="fold")
        for row in self.cells(columns):
            grid.add_row(*row)
        return Panel.fit(grid, title=Text(self.title), title_align="left")

    def note(self, columns: Positions) -> Text | None:
        """Return a line on the whole grid where these columns or its rows are not all of it."""
        is_cut = None in columns or len(self.values) > LONGEST_AXIS
        return Text(f"  {_extremes(self.values)}", "dim") if is_cut else None

    def _cell(self, index: tuple[int | None, ...]) -> Text:
        if None in index:
            return Text("…", "dim")
        value = self.values[index]
        text, style = format_value(value), "red" if value < 0 else "dim" if value == 0 else ""
        if self.outside is not None and self.outside[index]:
            return Text(f"({text})", "dim italic")
        return Text(f"[{text}]", "bold green") if index == self.chosen else Text(text, style)


class SideBySide(Record):
    """Grids of one shape in a row with signs between them, `a · b = c`; one below the other if they are too wide."""

    grids: tuple[NumberGrid, ...]
    signs: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self.grids[0].column_choices():
            row = self._row([grid.panel(columns) for grid in self.grids])
            if _full_width(console, options, row) <= options.max_width:
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


def _full_width(console: Console, options: ConsoleOptions, renderable: RenderableType) -> int:
    """Return the width that something would take on an endless console."""
    return Measurement.get(console, options.update(width=UNLIMITED_WIDTH), renderable).maximum


def _shown_positions(extent: int, longest: int, corner: int) -> Positions:
    """Return the positions to show along an axis: all up to `longest`, else `corner` from either end."""
    if extent <= longest:
        return list(range(extent))
    return [*range(corner), None, *range(extent - corner, extent)]


def _extremes(values: Array) -> str:
    """Return the size and range of a grid: `100×100: least 0, mean 4999.5, greatest 9999`."""
    least, mean, greatest = map(format_value, (values.min(), values.mean(), values.max()))
    return f"{'×'.join(map(str, values.shape))}: least {least}, mean {mean}, greatest {greatest}"
