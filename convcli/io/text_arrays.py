"""Arrays as lines of numbers, split by commas, tabs, semicolons or spaces: CSV, TSV, the output of `numpy.savetxt`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from convcli.core import memory
from convcli.core.dtypes import MAX_EXACT_INTEGER
from convcli.core.errors import ConvcliError, Note, short_repr
from convcli.core.records import Record
from convcli.io.nested_lists import check_exact
from convcli.io.yaml_json import SMALLER_TEXT

BYTES_PER_NUMBER = 80  # that reading a number takes at most
MAX_CHECKED_DIGITS = 400  # float64 reaches 1e308; Python refuses to convert texts of thousands of digits
SEPARATORS = ("\t", ";", ",")  # a line without any of them is split at its spaces
TRAILING_SEPARATORS = (",", ";")  # ignored at the end of every line; after a tab a number is missing
REMEDY = "numbers split by commas, tabs, semicolons or spaces"
COMMENT = "#"
# Lines that YAML may read as the start of a list, a mapping or a tagged number, and that are therefore not headers.
YAML_START = re.compile(r"[-?&!%|>{\[]|.*:(?:\s|$)")
DATA = re.compile(r"\s*[-+.]*\d")  # the start of a cell that is meant as a number or a date, and is in no header
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")


class _Table(Record):
    """The layout of a text of numbers: where its first line is, and how that and all other lines are split."""

    start: int  # index of the first line of numbers
    separator: str | None  # None: spaces
    has_trailing: bool  # whether every line ends in a separator, which counts for nothing
    first: list[float]  # the numbers of the first line

    def numbers(self, line: str) -> list[float] | None:
        """Return the numbers of a line; None if it holds anything else."""
        return _numbers(_cells(line, self.separator, self.has_trailing))


def parse_lines(text: str, name: str = "the file") -> list[list[float]] | list[float] | None:
    """Return the rows of a text of numbers; a single row or column as a flat list; None for any other text.

    One header line, and lines before it that begin with `#`, are skipped with a note that calls the file `name`.
    Raises `ConvcliError`, naming the line, for a text that begins with a line of numbers and goes on otherwise.
    """
    lines = text.rstrip().splitlines()
    table = _find_table(lines)
    if table is None:
        return None
    memory.require(BYTES_PER_NUMBER * len(table.first) * (len(lines) - table.start), SMALLER_TEXT)
    rows = [table.first]
    for number, line in enumerate(lines[table.start + 1 :], table.start + 2):
        row = table.numbers(line)
        if row is None or len(row) != len(table.first):
            raise _row_error(line, number, row, table, any(map(str.strip, lines[: table.start])))
        rows.append(row)
    _note_skipped(lines[: table.start], name)
    if len(rows) == 1:
        return table.first
    return [row[0] for row in rows] if len(table.first) == 1 else rows


def first_problem(text: str) -> ConvcliError | None:
    """Return what is wrong with a text that is meant as lines of numbers; None if no number stands where one should."""
    lines = text.rstrip().splitlines()
    start = _first_content(lines)
    if start is None:
        return None
    for index, line in enumerate(lines[start:], start):
        separator = _separator(line)
        cells = _cells(line, separator)
        if _hold_data(cells):
            if index > start + 1:  # several lines before it are not numbers, and only one is a header
                index, cells = start + 1, _cells(lines[start + 1], _separator(lines[start + 1]))
            return _cell_error(cells, index + 1)
    return None


def _find_table(lines: Sequence[str]) -> _Table | None:
    """Return how the lines hold numbers; None if they hold anything else."""
    start = _first_content(lines)
    if start is None:
        return None
    table = _table_from(lines, start)
    if table is not None or not _is_header(lines[start]):
        return table
    second = next((index for index in range(start + 1, len(lines)) if lines[index].strip()), None)
    return None if second is None else _table_from(lines, second)


def _is_header(line: str) -> bool:
    """Return True for a line of words, which is not YAML. A line that holds data is a line with a mistake instead."""
    has_words = any(map(str.isalpha, line))
    return has_words and not YAML_START.match(line.strip()) and not _hold_data(_cells(line, _separator(line)))


def _first_content(lines: Sequence[str]) -> int | None:
    """Return the index of the first line that is neither empty nor a comment; None if there is none."""
    return next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(COMMENT)), None)


def _table_from(lines: Sequence[str], start: int) -> _Table | None:
    """Return the layout of the lines from `start` on, if that is a line of numbers."""
    separator = _separator(lines[start])
    memory.require(BYTES_PER_NUMBER * lines[start].count(separator or " "), SMALLER_TEXT)
    has_trailing = separator in TRAILING_SEPARATORS and all(
        line.rstrip().endswith(str(separator)) for line in lines[start:] if line.strip()
    )
    first = _numbers(_cells(lines[start], separator, has_trailing))
    return None if first is None else _Table(start, separator, has_trailing, first)


def _separator(line: str) -> str | None:
    """Return what splits the cells of a line; None for spaces."""
    return next((separator for separator in SEPARATORS if separator in line.strip()), None)


def _cells(line: str, separator: str | None, has_trailing: bool = False) -> list[str]:
    """Return the cells of a line, without the separator at its end where every line has one."""
    text = line.rstrip().removesuffix(str(separator)) if has_trailing else line
    return text.split(separator)


def _hold_data(cells: Sequence[str]) -> bool:
    return any(DATA.match(cell) or _numbers([cell]) is not None for cell in cells)


def _numbers(cells: Sequence[str]) -> list[float] | None:
    """Return the numbers in the cells; None if there are none, or if a cell holds anything else."""
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return None
    for cell, number in zip(cells, numbers, strict=True):
        if "_" in cell:  # Python accepts 1_000
            return None
        digits = cell.strip().lstrip("+-")
        if abs(number) >= MAX_EXACT_INTEGER and digits.isdigit():
            check_exact(int(digits[:MAX_CHECKED_DIGITS]))
    return numbers or None


def _row_error(line: str, number: int, row: list[float] | None, table: _Table, has_header: bool) -> ConvcliError:
    """Return what is wrong with a line that should hold as many numbers as the first."""
    if row is None and line.strip():
        error = _cell_error(_cells(line, table.separator, table.has_trailing), number)
        if error is not None:
            return error
    if row is None:
        error = ConvcliError("an empty line begins another map", "one map a file; npy and json hold several")
    else:
        first = "the first line of numbers" if has_header else "the first line"
        error = ConvcliError(f"{len(row)} number{'s' * (len(row) > 1)}, {first} has {len(table.first)}")
    error.where.insert(0, f"line {number}")
    return error


def _cell_error(cells: Sequence[str], line: int) -> ConvcliError | None:
    """Return what is wrong with the first cell of a line that is not a number; None if all are numbers."""
    wrong = next((index for index, cell in enumerate(cells) if _numbers([cell]) is None), None)
    if wrong is None:
        return None
    text = cells[wrong].strip()
    if not text:
        is_last = 0 < wrong == len(cells) - 1
        remedy = "a separator at the end of every line is ignored, at the end of some it is not"
        error = ConvcliError("no number", remedy if is_last else "a number, or nan")
    else:
        is_decimal = DECIMAL_COMMA.fullmatch(text)
        error = ConvcliError(f"{short_repr(text)} is not a number", "a decimal point" if is_decimal else REMEDY)
    error.where.insert(0, f"line {line}, column {wrong + 1}")
    return error


def _note_skipped(lines: Sequence[str], name: str) -> None:
    """Note that lines before the numbers were skipped, if there are any."""
    skipped = [line.strip() for line in lines if line.strip()]
    if skipped:
        what = f"a header line is skipped: {short_repr(skipped[0])}"
        if len(skipped) > 1:
            what = f"{len(skipped)} header lines are skipped, the last is {short_repr(skipped[-1])}"
        warnings.warn(f"{name}: {what}", Note, stacklevel=2)
