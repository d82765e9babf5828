"""The parts that the tables of several reports share: title, layers, totals of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from convcli.core.shapes import Extent, format_shape
from convcli.output.render.number_format import format_count
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.report.shape import lacks_a_share

UNLIMITED_WIDTH = 1 << 16  # characters
LAYER = "Layer (type)"
# The columns that a narrow terminal does without, the first of them first.
OPTIONAL = ("Jump", "Kernel", "Inputs", "MACs over output", "MACs + bias", "FLOPs", "Receptive field", "MACs")


class Footer(Text):
    """A line below a table of layers, a total or a note, which can be left out."""


def model_title(summary: Mapping[str, Any]) -> Text:
    """Return the model's name with the shapes of its inputs and outputs."""
    input_shape, output_shape = (format_shapes(summary[key]) for key in ("input_shape", "output_shape"))
    layout = " (channels first)" if summary["data_format"] == "channels_first" else ""
    return Text.assemble((summary["name"], "bold"), f": {input_shape} → {output_shape}{layout}")


def format_shapes(shapes: Any) -> str:
    """Return a shape as Keras prints it, or several with their names: `left (None, 8), right (None, 4)`."""
    if isinstance(shapes, dict):
        return ", ".join(f"{name} {format_shape(shape)}" for name, shape in shapes.items())
    return format_shape(shapes)


def layer_table(summary: Mapping[str, Any], more: Mapping[str, Sequence[str]] | None = None) -> FittedTable:
    """Return a table of the layers: output shapes, parameters, the columns in `more`, and inputs unless in a chain."""
    layers = summary["layers"]
    columns: dict[str, Sequence[str]] = {
        LAYER: [f"{layer['name']} ({layer['type']}{_known_text(layer)})" for layer in layers],
        "Output Shape": [format_shape(layer["output_shape"]) for layer in layers],
        "Param #": [format_count(layer["params"]) for layer in layers],
        **(more or {}),
    }
    if not _is_chain(summary):
        columns["Inputs"] = [", ".join(map(str, layer["inputs"])) for layer in layers]
    return FittedTable(columns, OPTIONAL, split=LAYER)


def _is_chain(summary: Mapping[str, Any]) -> bool:
    """Return whether there is one input and each layer takes the one before it."""
    names = [layer["name"] for layer in summary["layers"]]
    inputs = [layer["inputs"] for layer in summary["layers"][1:]]
    return not isinstance(summary["input_shape"], dict) and inputs == [[name] for name in names[:-1]]


def parameter_totals(summary: Mapping[str, Any]) -> Iterator[Footer]:
    """Yield the number of all parameters, and how many of them are trained and are not."""
    for name, key in (
        ("Total params", "params"),
        ("Trainable params", "trainable_params"),
        ("Non-trainable params", "non_trainable_params"),
    ):
        yield Footer(f" {name}: {total_text(summary, key)}")
    if "buffers" in summary:
        yield Footer(f" Buffers: {total_text(summary, 'buffers')}")
    if "dialect" in summary:
        yield Footer(f" Dialect: {summary['dialect']}")


def total_text(summary: Mapping[str, Any], key: str, show: Callable[[Extent], str] = format_count) -> str:
    """Return a total, with "at least" in front where a layer's share is not known."""
    return f"at least {show(summary[key])}" if lacks_a_share(summary, key) else show(summary[key])


def _known_text(layer: Mapping[str, Any]) -> str:
    return "" if layer.get("known", True) else ", not known"
