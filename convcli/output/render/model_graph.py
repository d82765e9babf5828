"""The graph of a model as its drawings need it: every value, with what it is made from."""

from __future__ import annotations

from typing import Any

from convcli.core.records import Record
from convcli.core.shapes import Extent, shape_text
from convcli.output.report.shape import ShapeReport


class GraphNode(Record):
    """An input of the model, or a layer and what it yields.

    `inputs` are names of values, or the numbers among a merge's inputs; an input of the model has none, and no `type`.
    """

    name: str
    shape: str
    type: str | None = None
    params: Extent = 0
    inputs: tuple[str | float, ...] = ()
    is_output: bool = False

    @property
    def title(self) -> str:
        """Its name, of a layer with its type."""
        return f"{self.name} ({self.type})" if self.type else self.name

    @property
    def counted(self) -> str:
        """How many parameters it has; nothing where it has none."""
        if self.params == 0:
            return ""
        if self.params is None:
            return "unknown params"
        return f"{self.params:,} param{'' if self.params == 1 else 's'}"


def values(report: ShapeReport) -> dict[str, GraphNode]:
    """Every value by name, the inputs first, each layer after what it takes."""
    own = report.summary["input_shape"]
    shapes: dict[str, Any] = own if isinstance(own, dict) else {report.inputs[0]: own}
    found = [GraphNode(name, shape_text(shape)) for name, shape in shapes.items()]
    for row in report.summary["layers"]:
        name, shape = row["name"], shape_text(row["output_shape"])
        found.append(GraphNode(name, shape, row["type"], row["params"], tuple(row["inputs"]), name in report.outputs))
    return {value.name: value for value in found}
