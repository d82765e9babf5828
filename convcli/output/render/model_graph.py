"""The graph of a model as its drawings need it: inputs and layers with what they take, and texts for their labels."""

from __future__ import annotations

from typing import Any

from convcli.core.records import Record
from convcli.core.shapes import Extent, format_shape
from convcli.output.report.shape import ShapeReport


class GraphNode(Record):
    """An input of the model, or a layer.

    `shape` is that of its value, as a text. `inputs` are the names of the nodes that a layer takes, or numbers among
    them. An input of the model has no `type`, and no inputs.
    """

    name: str
    shape: str
    type: str | None = None
    params: Extent = 0
    inputs: tuple[str | float, ...] = ()
    is_output: bool = False

    @property
    def title(self) -> str:
        """The name, with the type of a layer: `conv2d (Conv2D)`."""
        return f"{self.name} ({self.type})" if self.type else self.name

    @property
    def params_text(self) -> str:
        """The number of its parameters, `320 params`; empty if it has none."""
        if self.params == 0:
            return ""
        if self.params is None:
            return "unknown params"
        return f"{self.params:,} param{'' if self.params == 1 else 's'}"


def graph_nodes(report: ShapeReport) -> dict[str, GraphNode]:
    """Return the nodes by name: first the inputs, then each layer after those that it takes."""
    input_shape = report.summary["input_shape"]
    shapes: dict[str, Any] = input_shape if isinstance(input_shape, dict) else {report.inputs[0]: input_shape}
    nodes = [GraphNode(name, format_shape(shape)) for name, shape in shapes.items()]
    for layer in report.summary["layers"]:
        name, shape = layer["name"], format_shape(layer["output_shape"])
        type_ = layer["type"] if layer.get("known", True) else f"{layer['type']}, not known"
        inputs, is_output = tuple(layer["inputs"]), layer["name"] in report.outputs
        nodes.append(GraphNode(name, shape, type_, layer["params"], inputs, is_output))
    return {node.name: node for node in nodes}
