"""The graph of a model: named layers, each with the names of the values that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from convcli.core.errors import ConvcliError, located
from convcli.core.option_choices import KERAS
from convcli.core.records import Record, field
from convcli.core.shapes import DataFormat, Shape, format_shape
from convcli.model.layers import Layer, UnknownLayer
from convcli.model.spelling import Spelling


class LazyArray(Protocol):
    """The values of a weight in a model file: the shape is known, the array is read or computed on demand."""

    @property
    def shape(self) -> Shape:
        """The shape. None is an extent along which the values repeat; `()` is one number for all cells."""

    def fill(self, shape: tuple[int, ...]) -> Any:
        """Return the array in the shape that the layer needs."""


class Node(Record):
    """A layer in a graph, under its name.

    Args:
        name: the name of the layer, and of its output.
        layer: the layer.
        inputs: the layer's inputs: names of values, or numbers.
        weight_values: the weights that the model file holds, by name.
        filter_names: the names of hand-made filters, one for each output channel that they make.
        trainable: whether training may change the weights.
        shares_with: for a layer that is called again, the node of its first call, whose weights it uses.
        stored_as: the layer's path in a Keras weights file, where the model file says it.
        stored_weights: the shapes of its weights in the model file, in Keras's order, where that tells more than the
            layers before it do.
        left_out: what the model file says of the layer's training that convcli does not do.
        spelling: how the model's framework writes the layer, where that is not Keras.
    """

    name: str
    layer: Layer
    inputs: tuple[str | float, ...]
    weight_values: Mapping[str, LazyArray] = field(factory=dict)
    filter_names: tuple[str, ...] = ()
    trainable: bool = True
    shares_with: str | None = None
    stored_as: str | None = None
    stored_weights: tuple[Shape, ...] | None = None
    left_out: tuple[str, ...] = ()
    spelling: Spelling | None = None

    @property
    def type_name(self) -> str:
        """The class of the layer, as the model's framework calls it."""
        return self.layer.type_name if self.spelling is None else self.spelling.type

    @property
    def owner(self) -> str:
        """The name of the node that owns the weights: the first call of the layer."""
        return self.shares_with or self.name

    def require_known(self) -> None:
        """Raise `ConvcliError` where the layer is not known, so that nothing can be computed."""
        if isinstance(self.layer, UnknownLayer):
            with located(self.where):
                raise ConvcliError(f"{self.layer.class_name} {self.layer.reason}")

    @property
    def where(self) -> str:
        """The node's name in messages."""
        return f"layer {self.name}"


class Model(Record):
    """A graph of layers in topological order: each layer comes after the values that it takes.

    Args:
        name: the name of the model.
        inputs: the shape of each input by name (one sample, channels last), None where the model does not say it.
        nodes: the layers.
        outputs: the names of the layers whose values are the outputs.
        data_format: where the channel axis stands in the arrays that users give and get.
        dialect: in whose words the model is written, such as `torch`; `keras` are convcli's own.
        source: the name in messages of the file that the model came from.
        embedded_weights: the weights file inside the model file, as bytes.
    """

    name: str
    inputs: Mapping[str, Shape | None]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    data_format: DataFormat = DataFormat.CHANNELS_LAST
    dialect: str = KERAS
    source: str | None = None
    embedded_weights: bytes | None = None

    def __repr__(self) -> str:
        """Return one line, such as `<Model 'mnist': input (28, 28, 1), 7 layers, output dense>`."""
        shapes = {name: shape and self.data_format.from_channels_last(shape) for name, shape in self.inputs.items()}
        inputs = ", ".join(f"{name} {format_shape(shape) if shape else '?'}" for name, shape in shapes.items())
        layers = "1 layer" if len(self.nodes) == 1 else f"{len(self.nodes)} layers"
        return f"<Model {self.name!r}: {inputs}, {layers}, output {', '.join(self.outputs)}>"

    def spatial_rank(self, name: str) -> int | None:
        """Return how many spatial axes an input has.

        Its shape says so, else the first layer behind it that has a rank. None where neither does, or where a layer
        before that one changes the rank.
        """
        shape = self.inputs[name]
        if shape is not None:
            return len(shape) - 1
        reached = {name}
        for node in self.nodes:
            if reached.intersection(node.inputs):
                if node.layer.rank is not None:
                    return node.layer.rank
                if not node.layer.keeps_rank:
                    return None
                reached.add(node.name)
        return None
