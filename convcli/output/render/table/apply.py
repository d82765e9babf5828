"""Feature maps and filters as grids of numbers, below a table of the layers."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.core.shapes import format_shape
from convcli.output.render.number_format import format_value
from convcli.output.render.table.layer_table import Footer, layer_table, model_title, parameter_totals
from convcli.output.render.table.number_grids import NumberGrid, number_grids
from convcli.output.report.apply import ApplyReport, Kernels, Maps

MOST_SAMPLES = 4


def renderables(report: ApplyReport) -> Iterator[RenderableType]:
    """Yield the layers with their parameters, then the filters if they were requested, then the maps."""
    yield model_title(report.summary)
    yield layer_table(report.summary)
    yield from parameter_totals(report.summary)
    for note in report.notes:
        yield Footer(f" {note}", "dim")
    for kernels in report.kernels:
        yield Text(f"\n{kernels.layer}: filters", "bold")
        yield from _filters(kernels)
    for maps in report.maps:
        shape = (maps.array.shape[0], *report.data_format.from_channels_last(maps.array.shape[1:]))
        yield Text(f"\n{maps.layer}: output {format_shape(shape)}", "bold")
        yield from _samples(maps)


def _samples(maps: Maps) -> Iterator[RenderableType]:
    batch = maps.array.shape[0]
    for number, sample in enumerate(maps.array[:MOST_SAMPLES]):
        if batch > 1:
            yield Text(f"sample {number}", "italic")
        if sample.ndim == 1:
            yield NumberGrid("values", sample)
        else:
            yield from number_grids((name, sample[..., channel]) for channel, name in enumerate(maps.names))
    if batch > MOST_SAMPLES:
        yield Text(f"… {batch - MOST_SAMPLES:,} more samples; -f json, csv or npy gives all", "dim")


def _filters(kernels: Kernels) -> Iterator[RenderableType]:
    """Yield a grid for each filter, with its bias; for one that sees several channels, a grid for each channel."""
    titles = kernels.names
    if kernels.bias is not None:
        titles = tuple(f"{name}, bias {format_value(bias)}" for name, bias in zip(titles, kernels.bias, strict=True))
    yield from number_grids(kernels.grids(titles))
