"""CSV: the numbers of a report, or a line for each of its rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from math import copysign
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.io import nested_lists
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.report import Grid, Report

BLOCK_VALUES = 1 << 14  # written together
MAX_WHOLE = 1e15  # whole numbers from here on keep their decimal point
MAX_PLAIN_FLOAT32 = 1e5  # NumPy writes larger ones as 1.5e+06, and 0.0001 as 1e-04


def render_csv(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report's grids of numbers, an empty line between two; if it has none, its rows below their keys."""
    grids = report.grids()
    if grids is None:
        return _rows(report).encode()
    report.check_alone("csv")
    return "\n".join("".join(_lines(grid)) for grid in grids).encode()


def _lines(grid: Grid) -> Iterator[str]:
    """Yield the lines of a grid, one or several together."""
    if isinstance(grid, list):
        yield from (f"{','.join(map(_number, row))}\n" for row in grid)
        return
    step = max(BLOCK_VALUES // grid.shape[1], 1)
    for start in range(0, len(grid), step):
        rows = grid[start : start + step]
        yield _plain_lines(rows) if _is_plain(rows) else "".join(_lines(nested_lists.from_array(rows)))


def _is_plain(rows: Array) -> bool:
    """Return True if no number of an array is infinite or undefined, -0.0, or one that is written otherwise."""
    sizes, is_double = abs(rows), rows.itemsize == 8
    if not (sizes < (MAX_WHOLE if is_double else MAX_PLAIN_FLOAT32)).all():
        return False
    return not (np.signbit(rows) & (rows == 0)).any() and (is_double or not (sizes == np.float32(1e-4)).any())


def _plain_lines(rows: Array) -> str:
    """Return the lines of plain numbers, whole ones without their decimal point."""
    if (rows == np.rint(rows)).all():
        return "".join(f"{','.join(map(str, row))}\n" for row in rows.astype(np.int64).tolist())
    # NumPy finds the shortest digits of float32, Python those of float64, and faster.
    texts = (map(repr, row) for row in rows.tolist()) if rows.itemsize == 8 else rows.astype("U").tolist()
    return "".join(f"{','.join(row)},\n" for row in texts).replace(".0,", ",").replace(",\n", "\n")


def _rows(report: Report) -> str:
    from csv import DictWriter

    # Cells that all see a whole axis have no jump along it; any other missing number is an unknown extent.
    rows = [
        {key: _cell(value, "-" if key.startswith("jump") else "?") for key, value in row.items()}
        for row in report.rows()
    ]
    if not rows:
        return ""
    stream = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _cell(value: Any, unknown: str) -> Any:
    """Return a value as a cell of CSV.

    A shape is written as `-i` reads it, `26x26x40`, with `unknown` for an unknown extent. Names have a space between
    them. A list of lists, or of names that hold spaces, is JSON.
    """
    if isinstance(value, list) and any(isinstance(item, list) or " " in str(item) for item in value):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, list):
        return _joined(value, unknown)
    if isinstance(value, dict):
        return " ".join(f"{name}={_cell(item, unknown)}" for name, item in value.items())
    return value


def _joined(values: Iterable[Any], unknown: str) -> str:
    texts = [unknown if value is None else str(value) for value in values]
    return (" " if any(isinstance(value, str) for value in values) else "x").join(texts)


def _number(value: Any) -> str:
    """Return a number in full, a whole one without its decimal point; `-0.0` keeps its sign."""
    if isinstance(value, str):
        return value
    is_whole = value == int(value) and abs(value) < MAX_WHOLE and (value or copysign(1, value) > 0)
    return str(int(value)) if is_whole else repr(value)
