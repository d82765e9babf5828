"""Tables that fit the width of a terminal: cells wrap between words, and no number or word is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from convcli.core.records import Record

RIGHT_ALIGNED = ("#", "MACs", "FLOPs", "Memory")  # in the names of columns of numbers
COLUMN_STYLES = {"Layer (type)": "cyan", "Param #": "green"}
BORDER, COLUMN_BORDER = 1, 3  # characters: at the left end, and around each column
FEW_LINES = 2  # to which cells wrap before columns are left out
NARROWEST = 8  # characters to which words are broken where nothing else helps


class FittedTable(Record):
    """A table that looks like those of Keras, from columns of cells below their headings.

    Where it is too wide for the console, cells wrap between words into few lines, those of the column `prose` into any
    number. Where that is not enough, the `optional` columns are left out one after the other, which a line below the
    table says; then all cells wrap into more lines. Words are broken only where all this does not suffice. In the
    column `split`, what stands in parentheses at the end of a cell then has a line of its own. With `numbers` all
    columns are aligned to the right.
    """

    columns: Mapping[str, Sequence[str]]
    optional: tuple[str, ...] = ()
    split: str | None = None
    prose: str | None = None
    numbers: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        names, left_out = list(self.columns), [name for name in self.optional if name in self.columns]
        full = [self._width(name, lines=1) for name in names]
        if _table_width(full) <= options.max_width:
            yield self._table(names, full)
            return
        dropped: list[str] = []
        while left_out and _table_width(self._few_lines(name) for name in names) > options.max_width:
            dropped.append(left_out.pop(0))
            names.remove(dropped[-1])
        yield self._table(names, self._widths(names, options.max_width))
        if dropped:
            yield Text(f" Left out, as the terminal is too narrow: {', '.join(dropped)}", "dim")

    def is_right(self, name: str) -> bool:
        """Return whether a column is aligned to the right."""
        return self.numbers or any(word in name for word in RIGHT_ALIGNED)

    def _widths(self, names: Sequence[str], room: int) -> list[int]:
        """Return the width of each column: at least that of its longest word, as long as there is room for these."""
        widths = [self._width(name) for name in names]
        breakable = [index for index, name in enumerate(names) if not self.is_right(name)]
        while breakable and _table_width(widths) > room:  # prose first, then the longest
            widest = max(breakable, key=lambda index: (names[index] == self.prose, widths[index]))
            widths[widest] -= 1
            if widths[widest] <= NARROWEST:
                breakable.remove(widest)
        for comfort in (self._few_lines, partial(self._width, lines=1)):
            missing = [max(comfort(name) - width, 0) for name, width in zip(names, widths, strict=True)]
            for index in sorted(range(len(names)), key=missing.__getitem__):
                widths[index] += max(min(missing[index], room - _table_width(widths)), 0)
        return widths

    def _table(self, names: Sequence[str], widths: Sequence[int]) -> Table:
        table = Table(box=box.HEAVY_HEAD, header_style="bold")
        cells = []
        for name, width in zip(names, widths, strict=True):
            is_right, style = self.is_right(name), COLUMN_STYLES.get(name)
            table.add_column(name, justify="right" if is_right else "left", overflow="fold", style=style, width=width)
            splits = name == self.split and width < self._width(name, lines=1)
            cells.append([_split(cell) if splits else cell for cell in self.columns[name]])
        for row in zip(*cells, strict=True):
            table.add_row(*map(Text, row))
        return table

    def _few_lines(self, name: str) -> int:
        """Return the width of a column that is comfortable to read."""
        return self._width(name, None if name == self.prose else FEW_LINES)

    def _width(self, name: str, lines: int | None = None) -> int:
        """Return the least width at which no cell of a column has more lines; None allows any number of lines."""
        cells = (name, *self.columns[name])
        longest_word = max((cell_len(word) for cell in cells for word in cell.split()), default=1)
        if lines == 1:
            return max(map(cell_len, cells))
        if lines is None:
            return longest_word
        return max(_width_for(cell, lines, longest_word) for cell in cells)


def _width_for(cell: str, lines: int, least: int) -> int:
    """Return the width, at least `least`, at which a cell has at most so many lines."""
    words = [cell_len(word) for word in cell.split()]
    width = least
    while _line_count(words, width) > lines:
        width += 1
    return width


def _line_count(words: Sequence[int], width: int) -> int:
    """Return the number of lines into which words of these lengths wrap."""
    count, used = 0, width
    for length in words:
        if used + 1 + length > width:
            count, used = count + 1, length
        else:
            used += 1 + length
    return count


def _table_width(widths: Sequence[int] | Iterator[int]) -> int:
    return BORDER + sum(width + COLUMN_BORDER for width in widths)


def _split(cell: str) -> str:
    """Return a cell with what stands in parentheses at its end on a line of its own."""
    name, parenthesis, rest = cell.rpartition(" (")
    return f"{name}\n({rest}" if parenthesis else cell
