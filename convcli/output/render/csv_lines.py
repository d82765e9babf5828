"""CSV: the numbers of a report, or a line for each of its rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from math import copysign
from typing import Any

from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.report import Report


def render_csv(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report's grids of numbers, an empty line between two; if it has none, its rows below their keys."""
    grids = report.grids()
    if grids is None:
        return _rows(report).encode()
    report.check_alone("csv")
    return "\n".join("".join(f"{','.join(map(_number, row))}\n" for row in grid) for grid in grids).encode()


def _rows(report: Report) -> str:
    from csv import DictWriter

    # Cells that all see a whole axis have no jump along it; any other missing number is an unknown extent.
    rows = [{key: _cell(value, "-" if key == "jump" else "?") for key, value in row.items()} for row in report.rows()]
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
    is_whole = value == int(value) and abs(value) < 1e15 and (value or copysign(1, value) > 0)
    return str(int(value)) if is_whole else repr(value)
