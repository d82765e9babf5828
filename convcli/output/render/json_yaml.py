"""JSON and YAML: the mapping of a report."""

from __future__ import annotations

import json
from typing import Any

from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.report import Report


def render_json(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report as one JSON mapping."""
    return (_indented(report.mapping()) + "\n").encode()


def _indented(value: Any, indent: str = "") -> str:
    """Return JSON with a line for each entry of a mapping or a list of mappings, and all else in one line."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        items = [f"{deeper}{_in_one_line(key)}: {_indented(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(deeper + _indented(item, deeper) for item in value) + f"\n{indent}]"
    return _in_one_line(value)


def _in_one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def render_yaml(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report as one YAML document."""
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        report.mapping(), Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1 << 20
    )
    return text.encode()
