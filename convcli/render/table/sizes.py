"""Input sizes of a model."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.geometry import axis_names
from convcli.report.solve import SizesReport, runs
from convcli.sizes import Accepted


def parts(report: SizesReport) -> Iterator[RenderableType]:
    """A line an axis, and the smallest input."""
    names = axis_names(len(report.axes))
    accepted = [axis for axis in report.axes if isinstance(axis, Accepted)]
    yield Text(f"{report.name}: input sizes that " + ("fit" if accepted else "give this output"), "bold")
    for name, axis in zip(names, report.axes, strict=True):
        yield Text(f" {name}: {_accepted(axis) if isinstance(axis, Accepted) else runs(axis.sizes) or 'none'}")
    if accepted:
        yield Text(f" smallest input: {'×'.join(str(axis.smallest) for axis in accepted)}")


def _accepted(axis: Accepted) -> str:
    if axis.step == 1:
        return f"{axis.smallest} and above"
    listed = ", ".join(map(str, axis.sizes))
    if axis.step == axis.smallest:
        return f"multiples of {axis.step} ({listed}, …)"
    if axis.step:
        return f"every {axis.step} cells from {axis.smallest} ({listed}, …)"
    again = f", and so on every {axis.period} cells" if axis.period else f"; tried below {axis.tried}"
    return f"{runs(axis.sizes)}{again}"
