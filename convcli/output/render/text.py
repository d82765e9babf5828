"""JSON, YAML and CSV."""

from __future__ import annotations

import io
import json as json_module
from math import copysign
from typing import Any

from convcli.output.render import PLAIN, Look
from convcli.output.report import Report


def json(report: Report, look: Look = PLAIN) -> bytes:
    """One JSON mapping."""
    return (_pretty(report.mapping()) + "\n").encode()


def _pretty(value: Any, indent: str = "") -> str:
    """Mappings and lists of mappings over several lines, all else in one."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        items = [f"{deeper}{_compact(key)}: {_pretty(each, deeper)}" for key, each in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(deeper + _pretty(each, deeper) for each in value) + f"\n{indent}]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json_module.dumps(value, ensure_ascii=False, allow_nan=False)


def yaml(report: Report, look: Look = PLAIN) -> bytes:
    """One YAML document."""
    import yaml as library

    dumper: Any = getattr(library, "CSafeDumper", library.SafeDumper)
    text: str = library.dump(
        report.mapping(), Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1 << 20
    )
    return text.encode()


def csv(report: Report, look: Look = PLAIN) -> bytes:
    """Grids of numbers with an empty line between them; where the answer has none, its rows under their keys."""
    grids = report.grids()
    if grids is not None:
        report.check_alone("csv")
        return "\n".join("".join(f"{','.join(map(_number, row))}\n" for row in grid) for grid in grids).encode()
    from csv import DictWriter

    text = io.StringIO()
    rows = [{key: _cell(value, "-" if key == "jump" else "?") for key, value in row.items()} for row in report.rows()]
    if not rows:
        return b""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any, missing: str) -> Any:
    """Shapes as `-i` takes them, `26x26x40` with ? for an unknown extent; names with a space between; else JSON."""
    if isinstance(value, list) and any(isinstance(each, list) or " " in str(each) for each in value):
        return _compact(value)
    if isinstance(value, list):
        between = " " if any(isinstance(each, str) for each in value) else "x"
        return between.join(missing if each is None else str(each) for each in value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_cell(each, missing)}" for name, each in value.items())
    return value


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    whole = value == int(value) and abs(value) < 1e15 and (value or copysign(1, value) > 0)
    return str(int(value)) if whole else repr(value)
