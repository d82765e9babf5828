"""The settings of a layer that turn one size into another, the most common first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.core.shapes import format_extents
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.report.solve import SettingsReport

MOST_SETTINGS = 20
HEADINGS = {
    "kernel_size": "Kernel Size",
    "strides": "Strides",
    "padding": "Padding",
    "dilation_rate": "Dilation Rate",
    "output_padding": "Output Padding",
    "output": "Output",
}


def renderables(report: SettingsReport) -> Iterator[RenderableType]:
    """Yield a table with a line for each of the first settings, or nothing if there are none."""
    rows = report.rows()
    if not rows:
        return
    input_size, output_size = map(format_extents, (report.request.input, report.request.output))
    yield Text(f"{input_size} → {output_size}: {len(rows):,} setting{'s' * (len(rows) > 1)}", "bold")
    headings = {key: heading for key, heading in HEADINGS.items() if key in rows[0]}
    shown = rows[:MOST_SETTINGS]
    yield FittedTable({heading: [_cell(row[key]) for row in shown] for key, heading in headings.items()})
    if len(rows) > MOST_SETTINGS:
        yield Text(f" … {len(rows) - MOST_SETTINGS:,} less usual; -f json, yaml or csv gives all", "dim")


def _cell(value: object) -> str:
    return "" if value is None else str(value)
