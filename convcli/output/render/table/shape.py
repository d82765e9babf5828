"""The arithmetic of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from convcli.core.shapes import axis_names
from convcli.output.render.number_text import bytes_text, count_text, per_axis_text
from convcli.output.render.table.layer_table import layer_table, model_title, parameter_totals, shapes_text
from convcli.output.report.shape import ShapeReport

# The counts of multiplications: their column, what the total is called, and what is counted.
COUNTS = {
    "macs": (
        "MACs",
        "Multiply-accumulates",
        "MACs: multiplications by kernel weights, for one sample; "
        "bias, pooling, normalisation and activations count none",
    ),
    "flops": ("FLOPs", "FLOPs", "FLOPs: 2 for each multiply-accumulate"),
    "macs_with_bias": ("MACs + bias", "With biases", "MACs + bias: one more for each value that a bias is added to"),
    "macs_over_output": (
        "MACs over output",
        "Over the output",
        "MACs over output: a transposed layer's kernel at every output cell, as if no cell between were empty",
    ),
}
MEMORY = (
    "Memory: all variables; values with each input and each layer's output in a buffer of its own until its last use, "
    "without what a layer needs while it works"
)


def renderables(report: ShapeReport) -> Iterator[RenderableType]:
    """The layers with all their figures, the totals, what is counted, and the working if it was asked for."""
    summary = report.summary
    counted = [key for key in COUNTS if key in summary]
    yield model_title(summary)
    yield layer_table(summary, _columns(summary, counted, report.memory))
    yield from parameter_totals(summary)
    for key in counted:
        yield Text(f" {COUNTS[key][1]}: {count_text(summary[key])}")
    yield Text(f" {_memory(summary, report.batch)}")
    for key in counted:
        yield Text(f" {COUNTS[key][2]}", "dim")
    yield Text(f" {MEMORY}", "dim")
    for row in summary["layers"]:
        yield from _working(row)


def _columns(summary: Mapping[str, Any], counted: Sequence[str], with_memory: bool) -> dict[str, list[str]]:
    rows = summary["layers"]
    columns = {"Kernel": [_kernel(row) for row in rows]}
    columns |= {COUNTS[key][0]: [count_text(row[key]) for row in rows] for key in counted}
    columns["Receptive field"] = [per_axis_text(row["receptive_field"], "?") for row in rows]
    columns["Jump"] = [per_axis_text(row["jump"], "–") for row in rows]
    if with_memory:
        columns["Weight Memory"] = [bytes_text(row["weight_bytes"]) for row in rows]
        columns["Output Memory"] = [bytes_text(row["output_bytes"]) for row in rows]
    if "at" in summary:
        place = ", ".join(map(str, summary["at"]))
        columns[f"Sees at {place}"] = [_named(row["window"], _window) for row in rows]
        columns["In the padding"] = [_named(row["window_padding"], _padding) for row in rows]
    return columns


def _memory(summary: Mapping[str, Any], batch: int | None) -> str:
    where = f", at {summary['peak_activation_layer']}" if summary["peak_activation_layer"] else ""
    of = f"{summary['dtype']}, batch of {batch or 1}"
    most = bytes_text(summary["peak_activation_bytes"])
    return f"Memory ({of}): weights {bytes_text(summary['weight_bytes'])}, values at most {most}{where}"


def _kernel(row: Mapping[str, Any]) -> str:
    held = [row[key] for key in ("kernel_shape", "pointwise_kernel_shape") if row.get(key)]
    return " + ".join("×".join("?" if extent is None else str(extent) for extent in shape) for shape in held)


def _named(value: Any, show: Any) -> str:
    """The text of one value, or of several by the names of the inputs."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {text}" for name, each in value.items() if (text := show(each)))
    return str(show(value))


def _window(window: Any) -> str:
    """The first and last cell along each axis; `–` where the layer has no such cell."""
    if window is None:
        return "–"
    return " × ".join("?" if axis is None else f"{axis[0]}–{axis[1]}" for axis in window)


def _padding(padding: Any) -> str:
    """How many cells of the window lie before and after the input, where any do."""
    found = []
    for name, axis in zip(axis_names(len(padding or ())), padding or (), strict=True):
        sides = [f"{cells} {side}" for cells, side in zip(axis or (), ("before", "after"), strict=False) if cells]
        found += [f"{name} {' and '.join(sides)}"] if sides else []
    return ", ".join(found)


def _working(row: Mapping[str, Any]) -> Iterator[Text]:
    if "working" not in row:
        return
    taken = " and ".join(map(str, row["inputs"]))
    yield Text(f"\n{row['name']} ({row['type']}): {taken} → {shapes_text(row['output_shape'])}", "bold")
    for line in row["working"]:
        yield Text(f"  {line}")
    if not row["working"]:
        yield Text("  the shape stays, and there is nothing to count")
