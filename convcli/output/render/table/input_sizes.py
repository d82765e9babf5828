"""The input sizes that a model accepts, or that give an output, axis by axis."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.analysis.input_sizes import AcceptedSizes, ranges_text
from convcli.core.shapes import axis_names
from convcli.output.report.solve import SizesReport


def renderables(report: SizesReport) -> Iterator[RenderableType]:
    """Yield a line for each axis, and the smallest input."""
    names = axis_names(len(report.axes))
    accepted = [axis for axis in report.axes if isinstance(axis, AcceptedSizes)]
    yield Text(f"{report.name}: input sizes that " + ("fit" if accepted else "give this output"), "bold")
    for name, axis in zip(names, report.axes, strict=True):
        yield Text(f" {name}: {axis.text if isinstance(axis, AcceptedSizes) else ranges_text(axis.sizes) or 'none'}")
    if report.others:
        yield Text(f" each with the other axes as in {'×'.join(map(str, report.others))}, on which it depends")
    elif accepted:
        yield Text(f" smallest input: {'×'.join(str(axis.smallest) for axis in accepted)}")
