"""The arithmetic of a model: shapes, counts, receptive fields and memory, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from convcli.core.memory import format_bytes
from convcli.core.records import Record
from convcli.core.shapes import axis_names, format_extents
from convcli.output.render.number_format import format_count, format_per_axis
from convcli.output.render.table.layer_table import (
    Footer,
    format_shapes,
    layer_table,
    model_title,
    parameter_totals,
    total_text,
)
from convcli.output.report.shape import ShapeReport


class Count(Record):
    """A count of multiplications: the heading of its column, the name of its total, and the note that defines it."""

    heading: str
    total: str
    note: str


COUNTS = {  # by JSON key
    "macs": Count(
        "MACs",
        "Multiply-accumulates",
        "MACs: multiplications by kernel weights, for one sample; "
        "bias, pooling, normalisation and activations are not counted",
    ),
    "flops": Count("FLOPs", "FLOPs", "FLOPs: 2 for each multiply-accumulate"),
    "macs_with_bias": Count(
        "MACs + bias", "With biases", "MACs + bias: one more for each value that a bias is added to"
    ),
    "macs_over_output": Count(
        "MACs over output",
        "Over the output",
        "MACs over output: a transposed layer's whole kernel at every output cell, empty cells included",
    ),
}
MEMORY_NOTE = (
    "Memory: weights are all variables; values are the inputs and the layers' outputs, each in a buffer of its own "
    "until its last use; what a layer needs while it works is not counted"
)

STATISTICS_NOTE = "Receptive field: the statistics of normalisations over space are not counted"


def renderables(report: ShapeReport) -> Iterator[RenderableType]:
    """Yield the layers with all their figures, the totals, notes on what is counted, and the requested working."""
    summary = report.summary
    counts = {key: count for key, count in COUNTS.items() if key in summary}
    yield model_title(summary)
    yield layer_table(summary, _columns(summary, counts, report.memory))
    yield from _not_known(report)
    yield from parameter_totals(summary)
    for key, count in counts.items():
        yield Footer(f" {count.total}: {total_text(summary, key)}")
    yield Footer(f" {_memory_line(summary, report.batch)}")
    for count in counts.values():
        yield Footer(f" {count.note}", "dim")
    yield Footer(f" {MEMORY_NOTE}", "dim")
    without_statistics = [layer["name"] for layer in summary["layers"] if "statistics" in layer]
    if without_statistics:
        yield Footer(f" {STATISTICS_NOTE}, from {without_statistics[0]} on", "dim")
    for layer in summary["layers"]:
        if "working" in layer:
            yield from _working(layer)


def _not_known(report: ShapeReport) -> Iterator[Text]:
    """Yield which layers are not known, a line for each reason."""
    for reason in dict.fromkeys(report.unknown.values()):
        names = ", ".join(name for name, own in report.unknown.items() if own == reason)
        yield Text(f" Not known: {names}: {reason}", "yellow")


def _columns(summary: Mapping[str, Any], counts: Mapping[str, Count], with_memory: bool) -> dict[str, list[str]]:
    layers = summary["layers"]
    columns = {"Kernel": [_kernel_size(layer) for layer in layers]}
    columns |= {count.heading: [format_count(layer[key]) for layer in layers] for key, count in counts.items()}
    columns["Receptive field"] = [format_per_axis(layer["receptive_field"], "?") for layer in layers]
    columns["Jump"] = [format_per_axis(layer["jump"], "–") for layer in layers]
    if with_memory:
        columns["Weight Memory"] = [_format_memory(layer["weight_bytes"]) for layer in layers]
        columns["Output Memory"] = [_format_memory(layer["output_bytes"]) for layer in layers]
    if "at" in summary:
        position = ", ".join(map(str, summary["at"]))
        columns[f"Sees at {position}"] = [_by_input(layer["window"], _window) for layer in layers]
        columns["In the padding"] = [_by_input(layer["window_padding"], _padding) for layer in layers]
    return columns


def _memory_line(summary: Mapping[str, Any], batch: int | None) -> str:
    peak_layer = summary["peak_activation_layer"]
    weights = total_text(summary, "weight_bytes", _format_memory)
    return (
        f"Memory ({summary['dtype']}, batch of {batch or 1}): weights {weights}, "
        f"values at most {_format_memory(summary['peak_activation_bytes'])}{f', at {peak_layer}' if peak_layer else ''}"
    )


def _format_memory(count: int | None) -> str:
    return "unknown" if count is None else format_bytes(count)


def _kernel_size(layer: Mapping[str, Any]) -> str:
    """Return the shape of a layer's kernel, `3×3×1×40`, or of its two, `3×3×1×1 + 1×1×1×40`."""
    shapes = [layer[key] for key in ("kernel_shape", "pointwise_kernel_shape") if layer.get(key)]
    return " + ".join(map(format_extents, shapes))


def _by_input(value: Any, text: Callable[[Any], str]) -> str:
    """Return the text of a value, or those of the values for several inputs with their names."""
    if isinstance(value, dict):
        texts = {name: text(item) for name, item in value.items()}
        return ", ".join(f"{name} {shown}" for name, shown in texts.items() if shown)
    return text(value)


def _window(window: Any) -> str:
    """Return the first and last cell along each axis, `0–2 × 3–5`; `–` if the layer has no such cell."""
    if window is None:
        return "–"
    return " × ".join("?" if span is None else f"{span[0]}–{span[1]}" for span in window)


def _padding(padding: Any) -> str:
    """Return how many cells of a window lie in the padding, `height 1 before`; empty if none do, `height ?` if open."""
    axes = []
    for name, counts in zip(axis_names(len(padding or ())), padding or (), strict=True):
        pairs = zip(counts, ("before", "after"), strict=True) if counts else ()
        sides = ["?"] if counts is None else [f"{count} {side}" for count, side in pairs if count]
        axes += [f"{name} {' and '.join(sides)}"] if sides else []
    return ", ".join(axes)


def _working(layer: Mapping[str, Any]) -> Iterator[Text]:
    operands = " and ".join(map(str, layer["inputs"]))
    yield Text(f"\n{layer['name']} ({layer['type']}): {operands} → {format_shapes(layer['output_shape'])}", "bold")
    for line in layer["working"] or ("the shape stays the same, and nothing is counted",):
        yield Text(f"  {line}")
