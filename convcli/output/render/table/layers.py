"""The layers: a list of all, or one with its arguments."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.model.layers import Layer
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.report.layers import LayersReport, arguments_of, documentation, kind_of, signature


def renderables(report: LayersReport) -> Iterator[RenderableType]:
    """Yield the list, by kind, or what is known of one layer."""
    if not report.listed:
        yield from _one(report.layers[0])
        return
    kinds = [kind_of(layer) for layer in report.layers]
    columns = {
        # A kind is named only where it begins.
        "Kind": [kind if kind != previous else "" for kind, previous in zip(kinds, ["", *kinds], strict=False)],
        "Layer": [layer.__name__ for layer in report.layers],
        "Arguments": [signature(layer) for layer in report.layers],
    }
    yield FittedTable(columns, prose="Arguments")


def _one(layer: type[Layer]) -> Iterator[RenderableType]:
    arguments = arguments_of(layer)
    yield Text.assemble((layer.__name__, "bold"), signature(layer))
    yield Text(f" {documentation(layer)}")
    if arguments:
        yield FittedTable(
            {
                "Argument": [item.name for item in arguments],
                "Default": [item.default_text or "required" for item in arguments],
                "Given": ["by position or name" if item.by_position else "by name" for item in arguments],
            }
        )
    yield Text(f" In YAML: {layer.keras_name()}{_also(layer)}")
    if layer.rank is not None:
        yield Text(f" Axes of space: {layer.rank}")
    if layer.weight_names:
        yield Text(f" Weights: {', '.join(layer.weight_names)}")
    yield Text(" The values of arguments: convcli help layer-types", "dim")


def _also(layer: type[Layer]) -> str:
    return f"; also called {', '.join(layer.aliases)}" if layer.aliases else ""
