"""Two models side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from convcli.output.render.number_text import count_text, per_axis_text
from convcli.output.render.table.layer_table import column_table, shapes_text
from convcli.output.report.diff import DiffReport, Pair

MARKS = {(True, True): "", (True, False): "−", (False, True): "+"}  # by whether a has the layer, and b
SHOWN: dict[str, tuple[str, Callable[[Any], str]]] = {
    "output_shape": ("Output Shape", shapes_text),
    "params": ("Param #", count_text),
    "macs": ("MACs", count_text),
    "receptive_field": ("Receptive field", lambda value: per_axis_text(value, "?")),
}


def renderables(report: DiffReport) -> Iterator[RenderableType]:
    """The layers in pairs, a figure that differs as `a → b`; then the totals and their ratio."""
    yield Text(f"{report.a['name']} → {report.b['name']}", "bold")
    columns = {"": [_mark(pair) for pair in report.pairs], "Layer (type)": [_layer(pair) for pair in report.pairs]}
    for key, (title, show) in SHOWN.items():
        columns[title] = [_figure(pair, key, show) for pair in report.pairs]
    yield column_table(columns)
    for key, title in (("input_shape", "Input"), ("output_shape", "Output")):
        if report.a[key] != report.b[key]:
            yield Text(f" {title}: {shapes_text(report.a[key])} → {shapes_text(report.b[key])}")
    for key, title in (("params", "Total params"), ("trainable_params", "Trainable params"), ("macs", "MACs")):
        ratio = report.ratio[key]
        times = "" if ratio is None or report.a[key] == report.b[key] else f" (×{ratio:.4g})"
        yield Text(f" {title}: {_change(count_text(report.a[key]), count_text(report.b[key]))}{times}")
    differing = sum(bool(pair.differs) for pair in report.pairs)
    same = len(report.pairs) - differing
    yield Text(f" Layers: {same:,} the same, {differing:,} differ", "dim")


def _mark(pair: Pair) -> str:
    return MARKS[pair.a is not None, pair.b is not None] or ("~" if pair.differs else "")


def _layer(pair: Pair) -> str:
    return _change(*(f"{row['name']} ({row['type']})" if row else None for row in (pair.a, pair.b)))


def _figure(pair: Pair, key: str, show: Callable[[Any], str]) -> str:
    return _change(*(show(row[key]) if row else None for row in (pair.a, pair.b)))


def _change(a: str | None, b: str | None) -> str:
    """Both, or one where they are equal or the other is not there."""
    return str(a if a is not None else b) if a == b or a is None or b is None else f"{a} → {b}"
