"""Rich tables, as wide as what they show; fitted to a width, their cells fold and grids show their corners."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from convcli._lazy import Array, np
from convcli.arrays import worded
from convcli.geometry import shape_text
from convcli.records import Record
from convcli.render import PLAIN, Look
from convcli.report import ApplyReport, Kernels, Maps, Report

Places = list[int | None]

WIDTH = 1 << 16
WHOLE = 16  # an axis up to this long is shown whole
CORNER = 4  # of a longer one, so many cells from either end
MOST_GRIDS, MOST_SAMPLES = 16, 4

CONVENTION = (
    "MACs: multiplications by kernel weights, for one sample; bias, pooling, normalisation and activations count none"
)


def table(report: Report, look: Look = PLAIN) -> bytes:
    """The report as text for people."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=look.width or WIDTH,
        height=100,
        force_terminal=look.colour,
        no_color=not look.colour,
        color_system="standard" if look.colour else None,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    parts = _apply(report) if isinstance(report, ApplyReport) else _shape(report)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))
    return stream.getvalue().encode()


# ---- shape ----


def _shape(report: Report) -> Iterator[RenderableType]:
    summary = report.summary
    yield _title(summary)
    yield _layers(summary, detail=True)
    yield from _totals(summary)
    macs = summary["macs"]
    yield Text(f" Multiply-accumulates: {_count(macs)}")
    yield Text(f" {CONVENTION}", "dim")


def _title(summary: dict[str, Any]) -> Text:
    shapes = [_shapes(summary[key]) for key in ("input_shape", "output_shape")]
    layout = " (channels first)" if summary["data_format"] == "channels_first" else ""
    return Text.assemble((summary["name"], "bold"), f": {shapes[0]} → {shapes[1]}{layout}")


def _shapes(shapes: Any) -> str:
    if isinstance(shapes, dict):
        return ", ".join(f"{name} {shape_text(shape)}" for name, shape in shapes.items())
    return shape_text(shapes)


def _layers(summary: dict[str, Any], detail: bool) -> Table:
    rows = summary["layers"]
    columns: dict[str, list[str]] = {
        "Layer (type)": [f"{row['name']} ({row['type']})" for row in rows],
        "Output Shape": [shape_text(row["output_shape"]) for row in rows],
        "Param #": [_count(row["params"]) for row in rows],
    }
    if detail:
        columns |= {
            "Kernel": [_kernel(row) for row in rows],
            "MACs": [_count(row["macs"]) for row in rows],
            "Receptive field": [_per_axis(row["receptive_field"], "?") for row in rows],
            "Jump": [_per_axis(row["jump"], "–") for row in rows],
        }
    if not _is_chain(summary):
        columns["Inputs"] = [", ".join(map(str, row["inputs"])) for row in rows]
    grid = Table(box=box.HEAVY_HEAD, header_style="bold")
    for name in columns:
        style = {"Layer (type)": "cyan", "Param #": "green"}.get(name)
        grid.add_column(name, justify="right" if name in ("Param #", "MACs") else "left", overflow="fold", style=style)
    for cells in zip(*columns.values(), strict=True):
        grid.add_row(*map(Text, cells))
    return grid


def _is_chain(summary: dict[str, Any]) -> bool:
    names = [row["name"] for row in summary["layers"]]
    taken = [row["inputs"] for row in summary["layers"][1:]]
    return not isinstance(summary["input_shape"], dict) and taken == [[name] for name in names[:-1]]


def _kernel(row: dict[str, Any]) -> str:
    shapes = [row[key] for key in ("kernel_shape", "pointwise_kernel_shape") if row.get(key)]
    return " + ".join("×".join(map(str, shape)) for shape in shapes)


def _per_axis(values: Any, missing: str) -> str:
    if isinstance(values, dict):
        return ", ".join(f"{name} {_per_axis(each, missing)}" for name, each in values.items())
    if set(values) == {None}:
        return missing
    return "×".join(missing if each is None else f"{each:g}" for each in values)


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _totals(summary: dict[str, Any]) -> Iterator[Text]:
    for name, key in (
        ("Total params", "params"),
        ("Trainable params", "trainable_params"),
        ("Non-trainable params", "non_trainable_params"),
    ):
        yield Text(f" {name}: {_count(summary[key])}")


# ---- apply ----


def _apply(report: ApplyReport) -> Iterator[RenderableType]:
    yield _title(report.summary)
    yield _layers(report.summary, detail=False)
    yield from _totals(report.summary)
    for note in report.notes:
        yield Text(f" {note}", "dim")
    for kernels in report.kernels:
        yield Text(f"\n{kernels.layer}: filters", "bold")
        yield from _filters(kernels)
    for maps in report.maps:
        shape = (maps.array.shape[0], *report.data_format.from_last(maps.array.shape[1:]))
        yield Text(f"\n{maps.layer}: output {shape_text(shape)}", "bold")
        yield from _samples(maps)


def _samples(maps: Maps) -> Iterator[RenderableType]:
    batch = maps.array.shape[0]
    for place, sample in enumerate(maps.array[:MOST_SAMPLES]):
        if batch > 1:
            yield Text(f"sample {place}", "italic")
        if sample.ndim == 1:
            yield Grid("values", sample)
            continue
        yield from _grids((name, sample[..., channel]) for channel, name in enumerate(maps.names))
    if batch > MOST_SAMPLES:
        yield Text(f"… {batch - MOST_SAMPLES:,} more samples; -f json, csv or npy gives all", "dim")


def _filters(kernels: Kernels) -> Iterator[RenderableType]:
    """Each filter with its bias; one that sees several channels as a grid for each."""
    spatial = kernels.kernel.ndim > 2
    named = []
    for place, name in enumerate(kernels.names):
        title = name if kernels.bias is None else f"{name}, bias {_value(kernels.bias[place])}"
        one = kernels.kernel[..., place]  # (*k, channels)
        if spatial and one.shape[-1] > 1:
            named += [(f"{title}, input channel {each}", one[..., each]) for each in range(one.shape[-1])]
        else:
            named.append((title, one[..., 0] if spatial else one))
    yield from _grids(named)


def _grids(named: Iterable[tuple[str, Array]]) -> Iterator[RenderableType]:
    slices = ((title, grid) for name, array in named for title, grid in _slices(name, array))
    left_out = 0
    for place, (title, grid) in enumerate(slices):
        if place < MOST_GRIDS:
            yield Grid(title, grid)
        else:
            left_out += 1
    if left_out:
        yield Text(f"… {left_out:,} more; -f json, csv or npy gives all", "dim")


def _slices(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    """A map as grids: itself up to two axes, its slices along the axes before the last two in more."""
    if array.ndim < 3:
        yield name, array
        return
    for place in np.ndindex(*array.shape[:-2]):
        yield f"{name}, depth {'·'.join(map(str, place))}", array[place]


class Grid(Record):
    """Values in a frame under a title; of a long axis, or one that is too wide for the console, the ends."""

    title: str
    values: Array

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for columns in self._columns():
            panel = self._panel(columns)
            if Measurement.get(console, options.update(width=WIDTH), panel).maximum <= options.max_width:
                break
        yield panel
        if None in columns or len(self.values) > WHOLE:
            yield Text(f"  {_extremes(self.values)}", "dim")

    def _columns(self) -> Iterator[Places]:
        """Which columns to show: all, or fewer and fewer from either end."""
        count = self.values.shape[-1]
        yield _shown(count, WHOLE, CORNER)
        yield from (_shown(count, 2 * corner, corner) for corner in range(CORNER, 0, -1))

    def _panel(self, columns: Places) -> Panel:
        grid = self.values.reshape(1, -1) if self.values.ndim < 2 else self.values
        rows = _shown(grid.shape[0], WHOLE, CORNER)
        cells = Table.grid(padding=(0, 2))
        for _ in columns:
            cells.add_column(justify="right", overflow="fold")
        for row in rows:
            cells.add_row(*(_cell(None if row is None or column is None else grid[row, column]) for column in columns))
        return Panel.fit(cells, title=Text(self.title), title_align="left")


def _shown(extent: int, whole: int, corner: int) -> Places:
    """The places along an axis that are shown, None for what is left out between the two ends."""
    if extent <= whole:
        return list(range(extent))
    return [*range(corner), None, *range(extent - corner, extent)]


def _extremes(grid: Array) -> str:
    size = "×".join(map(str, grid.shape))
    return f"{size}: least {_value(grid.min())}, mean {_value(grid.mean())}, greatest {_value(grid.max())}"


def _cell(value: Any) -> Text:
    if value is None:
        return Text("…", "dim")
    return Text(_value(value), "red" if value < 0 else "dim" if value == 0 else "")


def _value(value: Any) -> str:
    """Whole numbers in full, others to six significant digits or more, and the words that JSON has for the rest."""
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if not isfinite(number):
        return str(worded(number))
    whole = len(str(int(abs(number)))) if abs(number) < 1e15 else 0
    return f"{number:.{max(6, whole + 1)}g}"  # at least one digit that shows it is not whole
