"""What several tables share: the title, the table of layers, the totals, and how their cells are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from convcli.core.shapes import figure, shape_text

WIDTH = 1 << 16
TO_THE_RIGHT = ("#", "MACs", "FLOPs", "Memory")  # in the names of columns of numbers


def title(summary: Mapping[str, Any]) -> Text:
    """The model's name, and what goes in and comes out."""
    shown = [shapes(summary[key]) for key in ("input_shape", "output_shape")]
    layout = " (channels first)" if summary["data_format"] == "channels_first" else ""
    return Text.assemble((summary["name"], "bold"), f": {shown[0]} → {shown[1]}{layout}")


def shapes(value: Any) -> str:
    """A shape as Keras prints it, or several by name."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {shape_text(shape)}" for name, shape in value.items())
    return shape_text(value)


def layers(summary: Mapping[str, Any], more: Mapping[str, Sequence[str]] | None = None) -> Table:
    """Each layer with its output shape and parameters, and the columns in `more`."""
    rows = summary["layers"]
    columns: dict[str, Sequence[str]] = {
        "Layer (type)": [f"{row['name']} ({row['type']})" for row in rows],
        "Output Shape": [shape_text(row["output_shape"]) for row in rows],
        "Param #": [count(row["params"]) for row in rows],
        **(more or {}),
    }
    if not _is_chain(summary):
        columns["Inputs"] = [", ".join(map(str, row["inputs"])) for row in rows]
    return grid(columns)


def grid(columns: Mapping[str, Sequence[str]], numbers: bool = False) -> Table:
    """A table of these columns, in Keras's look; `numbers` says that all of them hold such."""
    made = Table(box=box.HEAVY_HEAD, header_style="bold")
    for name in columns:
        style = {"Layer (type)": "cyan", "Param #": "green"}.get(name)
        right = numbers or any(word in name for word in TO_THE_RIGHT)
        made.add_column(name, justify="right" if right else "left", overflow="fold", style=style)
    for cells in zip(*columns.values(), strict=True):
        made.add_row(*map(Text, cells))
    return made


def _is_chain(summary: Mapping[str, Any]) -> bool:
    names = [row["name"] for row in summary["layers"]]
    taken = [row["inputs"] for row in summary["layers"][1:]]
    return not isinstance(summary["input_shape"], dict) and taken == [[name] for name in names[:-1]]


def count(number: int | None) -> str:
    """A count with its thousands apart."""
    return "unknown" if number is None else f"{number:,}"


def per_axis(values: Any, missing: str) -> str:
    """A figure for each axis, `3×3`, or several by the names of the inputs."""
    if isinstance(values, dict):
        return ", ".join(f"{name} {per_axis(each, missing)}" for name, each in values.items())
    if set(values) == {None}:
        return missing
    return "×".join(missing if each is None else figure(each) for each in values)


def memory(size: int | None) -> str:
    """Bytes in a unit that leaves at most four digits before the point."""
    if size is None:
        return "unknown"
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    place = 0
    while size >= 10_000 * 1024**place and place < len(units) - 1:
        place += 1
    return f"{size:,} B" if place == 0 else f"{size / 1024**place:,.1f} {units[place]}"


def totals(summary: Mapping[str, Any]) -> Iterator[Text]:
    """All parameters, and how many of them are trained."""
    for name, key in (
        ("Total params", "params"),
        ("Trainable params", "trainable_params"),
        ("Non-trainable params", "non_trainable_params"),
    ):
        yield Text(f" {name}: {count(summary[key])}")
