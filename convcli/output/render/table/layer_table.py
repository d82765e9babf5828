"""What several tables share: the title, the table of layers, the totals, and how their cells are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from convcli.core.shapes import shape_text
from convcli.output.render.number_text import count_text

UNLIMITED_WIDTH = 1 << 16
TO_THE_RIGHT = ("#", "MACs", "FLOPs", "Memory")  # in the names of columns of numbers


def model_title(summary: Mapping[str, Any]) -> Text:
    """The model's name, and what goes in and comes out."""
    shown = [shapes_text(summary[key]) for key in ("input_shape", "output_shape")]
    layout = " (channels first)" if summary["data_format"] == "channels_first" else ""
    return Text.assemble((summary["name"], "bold"), f": {shown[0]} → {shown[1]}{layout}")


def shapes_text(value: Any) -> str:
    """A shape as Keras prints it, or several by name."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {shape_text(shape)}" for name, shape in value.items())
    return shape_text(value)


def layer_table(summary: Mapping[str, Any], more: Mapping[str, Sequence[str]] | None = None) -> Table:
    """Each layer with its output shape and parameters, and the columns in `more`."""
    rows = summary["layers"]
    columns: dict[str, Sequence[str]] = {
        "Layer (type)": [f"{row['name']} ({row['type']})" for row in rows],
        "Output Shape": [shape_text(row["output_shape"]) for row in rows],
        "Param #": [count_text(row["params"]) for row in rows],
        **(more or {}),
    }
    if not _is_chain(summary):
        columns["Inputs"] = [", ".join(map(str, row["inputs"])) for row in rows]
    return column_table(columns)


def column_table(columns: Mapping[str, Sequence[str]], numbers: bool = False) -> Table:
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


def parameter_totals(summary: Mapping[str, Any]) -> Iterator[Text]:
    """All parameters, and how many of them are trained."""
    for name, key in (
        ("Total params", "params"),
        ("Trainable params", "trainable_params"),
        ("Non-trainable params", "non_trainable_params"),
    ):
        yield Text(f" {name}: {count_text(summary[key])}")
