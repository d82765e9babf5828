"""The tensors of a file of weights, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from rich.console import RenderableType
from rich.text import Text

from convcli.core.shapes import format_shape
from convcli.output.render.number_format import format_count
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.report.tensors import TensorsReport


def renderables(report: TensorsReport) -> Iterator[RenderableType]:
    """Yield the list of tensors, and the number of values in all of them."""
    yield Text(f"{report.title}: weights without layers", "bold")
    yield FittedTable(
        {
            "Tensor": [tensor.name for tensor in report.tensors],
            "Shape": [format_shape(tensor.shape) for tensor in report.tensors],
            "Type": [tensor.dtype for tensor in report.tensors],
            "Param #": [format_count(prod(tensor.shape)) for tensor in report.tensors],
        }
    )
    yield Text(f" Total: {format_count(report.params)} in {len(report.tensors):,} tensors")
