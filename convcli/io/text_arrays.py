"""Arrays as lines of numbers, split by commas or tabs: CSV and TSV files without a header."""

from __future__ import annotations

from convcli.core import memory
from convcli.core.dtypes import MAX_EXACT_INTEGER
from convcli.core.errors import ConvcliError, located, short_repr
from convcli.io.nested_lists import check_exact
from convcli.io.yaml_json import SMALLER_TEXT

BYTES_PER_NUMBER = 80  # that reading a number takes at most
MAX_CHECKED_DIGITS = 400  # float64 reaches 1e308; Python refuses to convert texts of thousands of digits


def parse_lines(text: str) -> list[list[float]] | list[float] | None:
    """Return the rows of a text of numbers; a single row or column as a flat list; None for any other text.

    Raises `ConvcliError`, naming the line, for a text that begins with a line of numbers and goes on otherwise.
    """
    lines = text.rstrip().splitlines()
    memory.require(BYTES_PER_NUMBER * sum(map(text.count, ",\t\n")), SMALLER_TEXT)
    start = next(index for index, line in enumerate(lines) if line.strip())
    separator = "\t" if "\t" in lines[start] else ","
    first = _parse_line(lines[start], separator)
    if first is None:
        return None
    rows = [first]
    for number, line in enumerate(lines[start + 1 :], start + 2):
        row = _parse_line(line, separator)
        if row is None or len(row) != len(first):
            with located(f"line {number}"):
                raise _line_error(line, separator, len(first))
        rows.append(row)
    if len(rows) == 1:
        return first
    return [row[0] for row in rows] if len(first) == 1 else rows


def _parse_line(line: str, separator: str) -> list[float] | None:
    """Return the numbers of a line; None if it holds anything else."""
    tokens = line.split(separator)
    try:
        numbers = list(map(float, tokens))
    except ValueError:
        return None
    if "_" in line:  # Python accepts 1_000
        return None
    for token, number in zip(tokens, numbers, strict=True):
        digits = token.strip().lstrip("+-")
        if abs(number) >= MAX_EXACT_INTEGER and digits.isdigit():
            check_exact(int(digits[:MAX_CHECKED_DIGITS]))
    return numbers


def _line_error(line: str, separator: str, count: int) -> ConvcliError:
    """Return what is wrong with a line that should hold `count` numbers."""
    if not line.strip():
        return ConvcliError("an empty line begins another map", "one map a file; npy and json hold several")
    tokens = line.split(separator)
    wrong = next((token.strip() for token in tokens if _parse_line(token, separator) is None), None)
    if wrong is not None:
        return ConvcliError(f"{short_repr(wrong)} is not a number", "numbers split by commas or tabs")
    return ConvcliError(f"{len(tokens)} number{'s' * (len(tokens) > 1)}, the first line has {count}")
