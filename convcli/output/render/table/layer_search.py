"""Settings of a layer, the most usual first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.output.render.table.layer_table import column_table
from convcli.output.report.solve import SettingsReport

MOST = 20
COLUMNS = {
    "kernel_size": "Kernel Size",
    "strides": "Strides",
    "padding": "Padding",
    "dilation_rate": "Dilation Rate",
    "output_padding": "Output Padding",
    "output": "Output",
}


def renderables(report: SettingsReport) -> Iterator[RenderableType]:
    """A line a setting, as many as anyone reads."""
    rows = report.rows()
    if not rows:
        return
    size = "×".join(map(str, report.question.input))
    yield Text(
        f"{size} → {'×'.join(map(str, report.question.output))}: {len(rows):,} setting{'s' * (len(rows) > 1)}", "bold"
    )
    names = {key: name for key, name in COLUMNS.items() if key in rows[0]}
    yield column_table({name: [_cell(row[key]) for row in rows[:MOST]] for key, name in names.items()})
    if len(rows) > MOST:
        yield Text(f" … {len(rows) - MOST:,} less usual; -f json, yaml or csv gives all", "dim")


def _cell(value: object) -> str:
    return "" if value is None else str(value)
