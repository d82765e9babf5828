"""The nodes of a model's graph, from the layers that its file lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.model.activations import parameter_defaults
from convcli.model.graph import Node
from convcli.model.layers import UNKNOWN, Layer, canonical_name, real_number, snake_case
from convcli.model.layers.unknown import read_shapes
from convcli.readers.call_form import SHARED, LayerConfig, find_activation, layer_class
from convcli.readers.input_shapes import INPUT
from convcli.readers.layer_arguments import construct_layer, take_weights


class GraphBuilder:
    """Builds nodes in the order of the file; each may refer to the inputs and to the nodes before it.

    `inputs` are the names of the model's inputs. Files that layers name are relative to `folder`.
    """

    def __init__(self, inputs: Sequence[str], folder: str, data_format: DataFormat) -> None:
        self.inputs = tuple(inputs)
        self.folder = folder
        self.data_format = data_format
        self.nodes: list[Node] = []
        self.first_calls: dict[Any, Node] = {}  # of each layer, by its name
        self.calls: Counter[str] = Counter()  # of each layer
        self.taken = set(inputs)  # names of inputs and nodes so far
        self.numbers: Counter[str] = Counter()  # how many names begin with conv2d, …

    def build(self, configs: Sequence[LayerConfig]) -> tuple[Node, ...]:
        """Return a node for each layer. Raises `ConvcliError`, which names the layer."""
        reserved = {name for config in configs if isinstance(name := config.arguments.get("name"), str)}
        for index, config in enumerate(configs):
            with located(f"layers[{index}]"):
                if config.type == SHARED:
                    self._add(self._shared_node(config))
                    continue
                layer_type = layer_class(config.type)
                name = self._name(config.arguments.get("name"), _keras_name(config, layer_type), reserved)
            with located(f"layer {name}"):
                node = self._node(name, config, layer_type)
            self._add(node)
            self.first_calls[name] = node
            self.calls[name] = 1
        return tuple(self.nodes)

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        self.taken.add(node.name)

    def _name(self, name: Any, base: str, reserved: set[str]) -> str:
        """Return a layer's own name, or where it has none the name that Keras would give it: `base` and a number."""
        if name is None:
            return self._free_name(base, reserved)
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ConvcliError(f"name: {short_repr(name)}", "a printable word")
        if name in self.taken or name == INPUT:
            problem = "is the name of an input" if name in (*self.inputs, INPUT) else "is taken"
            raise ConvcliError(f"name: {short_repr(name)} {problem}", "a name of its own")
        return name

    def _free_name(self, base: str, reserved: set[str]) -> str:
        while True:
            count = self.numbers[base]
            self.numbers[base] += 1
            name = f"{base}_{count}" if count else base
            if name not in self.taken and name not in reserved:
                return name

    def _shared_node(self, config: LayerConfig) -> Node:
        """Return another call of an earlier layer, with the same weights; it is named `NAME#2`, `NAME#3`, …"""
        arguments = dict(config.arguments)
        name, inputs = arguments.pop("layer", None), arguments.pop("inputs", None)
        if arguments:
            raise ConvcliError(f"{SHARED} has no argument {short_repr(next(iter(arguments)))}", "layer, inputs")
        first = self.first_calls.get(name)
        if first is None:
            raise ConvcliError(
                f"layer: no layer {short_repr(name)} before this call", suggestion(str(name), self.first_calls)
            )
        self.calls[first.name] += 1
        call_name = f"{name}#{self.calls[first.name]}"
        if call_name in self.taken:
            raise ConvcliError(f"name: {short_repr(call_name)} is taken", "names without #")
        with located(f"layer {call_name}"):
            return replace(
                first, name=call_name, inputs=self._operands(inputs), weight_values={}, shares_with=first.name
            )

    def _node(self, name: str, config: LayerConfig, layer_type: type[Layer]) -> Node:
        arguments = dict(config.arguments)
        inputs = self._operands(arguments.pop("inputs", None))
        facts = _take_facts(arguments)
        arguments.pop("name", None)
        if arguments.pop("input_shape", None) is not None and self.nodes:
            raise ConvcliError("input_shape belongs to the first layer", "leave it out")
        if layer_type.__name__ == "Activation" and canonical_name(config.type) != "activation":
            if "activation" in arguments:
                raise ConvcliError(f"{config.type} takes no argument by position", "its parameters by name")
            arguments["activation"] = activation = find_activation(config.type)
            own = [name for name in arguments if name in parameter_defaults(activation)]
            arguments.setdefault("parameters", {name: arguments.pop(name) for name in own})
        weights = take_weights(layer_type, arguments, self.folder)
        layer = construct_layer(layer_type, arguments, weights, name)
        self._check_data_format(layer)
        facts = {**facts, "filter_names": weights.filter_names, "spelling": config.spelling}
        return Node(name, layer, inputs, weight_values=weights.values, **facts)

    def _check_data_format(self, layer: Layer) -> None:
        own = getattr(layer, "data_format", None)
        if own not in (None, self.data_format.value) and layer.acts_in_training_only:
            raise ConvcliError(
                f"data_format: {own}, but the model's is {self.data_format.value}",
                "one data format for the whole model, beside its layers",
            )

    def _operands(self, inputs: Any) -> tuple[str | float, ...]:
        """Return what a layer takes: its `inputs`, or where it has none the output of the layer before it."""
        if inputs is None:
            return self._default_operands()
        operands = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
        for operand in operands:
            if isinstance(operand, str):
                if operand not in self.taken:
                    remedy = suggestion(operand, self.taken, "a layer's inputs come before it")
                    raise ConvcliError(f"inputs: no layer or input {short_repr(operand)} before this one", remedy)
            elif isinstance(operand, bool) or not isinstance(operand, int | float):
                raise ConvcliError(f"inputs: {short_repr(operand)}", "names of layers or inputs, or numbers")
            else:
                real_number(operand, 0)
        return operands

    def _default_operands(self) -> tuple[str, ...]:
        if self.nodes:
            return (self.nodes[-1].name,)
        if len(self.inputs) > 1:
            raise ConvcliError("does not say which input it takes", f"inputs: one of {', '.join(self.inputs)}")
        return self.inputs


def _keras_name(config: LayerConfig, layer_type: type[Layer]) -> str:
    """Return the name that Keras gives to layers of the class."""
    return snake_case(str(config.arguments.get("class_name"))) if config.type == UNKNOWN else layer_type.keras_name()


def _take_facts(arguments: dict[str, Any]) -> Mapping[str, Any]:
    """Remove what a node states beside its layer from the layer's arguments and return it."""
    trainable = arguments.pop("trainable", True)
    if not isinstance(trainable, bool):
        raise ConvcliError(f"trainable: {short_repr(trainable)}", "true or false")
    stored_as = arguments.pop("stored_as", None)
    if not isinstance(stored_as, str | None):
        raise ConvcliError(f"stored_as: {short_repr(stored_as)}", "a path in a Keras weights file")
    left_out = arguments.pop("left_out", ())
    if not isinstance(left_out, list | tuple) or not all(isinstance(name, str) for name in left_out):
        raise ConvcliError(f"left_out: {short_repr(left_out)}", "a list of names of arguments")
    stored = arguments.pop("stored_weights", None)
    with located("stored_weights"):
        stored = None if stored is None else read_shapes(stored, 0)
    facts = {"trainable": trainable, "stored_as": stored_as, "stored_weights": stored}
    return {**facts, "left_out": tuple(left_out)}
