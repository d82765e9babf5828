"""The times of the layers as a table, and a line that says what bounds the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType

from convcli.core.memory import format_bytes
from convcli.output.render.table.layer_table import Footer, layer_table, model_title
from convcli.output.report.profile import ProfileReport

REASONS = {
    "products": "multiplications bound the run",
    "memory": "reading and writing memory bounds the run",
    "overhead": "neither bounds the run: it is small, or layers are far from both limits",
}


def renderables(report: ProfileReport) -> Iterator[RenderableType]:
    """Yield the layers with their times, then the limits and the summary."""
    answer = report.mapping()
    yield model_title(report.summary)
    layers = answer["layers"]
    yield layer_table(
        report.summary,
        {
            "ms": [_milliseconds(layer) for layer in layers],
            "GFLOP/s": [_number(layer["gflops"], "{:.1f}") for layer in layers],
            "Memory": ["-" if layer["bytes"] is None else format_bytes(layer["bytes"]) for layer in layers],
            "Share": [_number(layer["share"], "{:.0%}") for layer in layers],
        },
    )
    limits, products, memory = answer["limits"], *report.least_seconds
    share = (products + memory) / report.profile.seconds
    yield Footer(f" {answer['ms']:.3f} ms, the median of {answer['runs']} runs")
    yield Footer(
        f" This machine's limits, {limits['gflops']:.0f} GFLOP/s of matrix products and "
        f"{limits['gigabytes_per_second']:.1f} GB/s of copies, allow {share:.0%} of that"
    )
    yield Footer(f" {REASONS[answer['bound_by']]}")


def _milliseconds(layer: dict[str, Any]) -> str:
    return f"in {layer['fused_into']}" if layer["fused_into"] is not None else f"{layer['ms']:.3f}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
