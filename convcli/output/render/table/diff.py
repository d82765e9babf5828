"""Two models side by side, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from convcli.output.render.number_format import format_count, format_per_axis
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.render.table.layer_table import Footer, format_shapes
from convcli.output.report.diff import DiffReport, LayerPair

MARKS = {(True, True): "", (True, False): "−", (False, True): "+"}  # by whether a has the layer, and whether b has it
COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {  # by JSON key: the heading, and how a value is written
    "output_shape": ("Output Shape", format_shapes),
    "params": ("Param #", format_count),
    "macs": ("MACs", format_count),
    "receptive_field": ("Receptive field", lambda value: format_per_axis(value, "?")),
}


def renderables(report: DiffReport) -> Iterator[RenderableType]:
    """Yield the layers in pairs, then the totals with their ratios; what differs is shown as `a → b`."""
    yield Text(f"{report.a['name']} → {report.b['name']}", "bold")
    columns = {"": [_mark(pair) for pair in report.pairs], "Layer (type)": [_layer(pair) for pair in report.pairs]}
    for key, (heading, text) in COLUMNS.items():
        columns[heading] = [_value(pair, key, text) for pair in report.pairs]
    yield FittedTable(columns, optional=("Receptive field", "MACs"))
    for key, name in (("input_shape", "Input"), ("output_shape", "Output")):
        if report.a[key] != report.b[key]:
            yield Footer(f" {name}: {format_shapes(report.a[key])} → {format_shapes(report.b[key])}")
    for key, name in (("params", "Total params"), ("trainable_params", "Trainable params"), ("macs", "MACs")):
        ratio = report.ratio[key]
        times = "" if ratio is None or report.a[key] == report.b[key] else f" (×{ratio:.4g})"
        at_least = "at least " if key in report.lacking else ""
        yield Footer(f" {name}: {at_least}{_change(format_count(report.a[key]), format_count(report.b[key]))}{times}")
    differing = sum(bool(pair.differs) for pair in report.pairs)
    yield Footer(f" Layers: {len(report.pairs) - differing:,} the same, {differing:,} differ", "dim")


def _mark(pair: LayerPair) -> str:
    return MARKS[pair.a is not None, pair.b is not None] or ("~" if pair.differs else "")


def _layer(pair: LayerPair) -> str:
    return _change(*(f"{layer['name']} ({layer['type']})" if layer else None for layer in (pair.a, pair.b)))


def _value(pair: LayerPair, key: str, text: Callable[[Any], str]) -> str:
    return _change(*(text(layer[key]) if layer else None for layer in (pair.a, pair.b)))


def _change(a: str | None, b: str | None) -> str:
    """Return `a → b`, or one of them if they are equal or the other is missing."""
    return str(a if a is not None else b) if a == b or a is None or b is None else f"{a} → {b}"
