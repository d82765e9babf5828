"""A Keras model's file -> a tree of graphs: layers, what they are called on, and the models among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short
from convcli.core.records import Record, replace
from convcli.model.layers import snake_case
from convcli.readers.keras.json_values import config_of, plain
from convcli.readers.keras.layers import arguments_of, layer_class_of
from convcli.readers.keras.nodes import Call, Reference, call, references
from convcli.readers.plain import is_keras

GRAPH, CHAIN, INPUT = ("Functional", "Model"), "Sequential", "InputLayer"


class Part(Record):
    """A layer of a graph as the mapping has it, or a graph within it; for each of its calls, what that takes."""

    name: str
    calls: tuple[Call, ...]
    entry: Mapping[str, dict[str, Any]] | None
    graph: Graph | None = None
    first: int = 0  # the number of its first call among those of layers
    first_output: int = 0  # and among the outputs of the graph


class Graph(Record):
    """A model: its parts in Keras's order, the names of its inputs, their shapes, and the tensors that it yields."""

    name: str
    parts: tuple[Part, ...]
    inputs: tuple[str, ...]
    shapes: Mapping[str, Any]
    outputs: tuple[Reference, ...]

    def leaves(self, within: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Part]]:
        """Every layer, also of the graphs within, with the names of those graphs and its own."""
        for part in self.parts:
            path = (*within, part.name)
            yield from part.graph.leaves(path) if part.graph else [(path, part)]


def graph_of(value: Mapping[str, Any], two: bool, path: str = "", trainable: bool = True) -> Graph:
    """The graph of a model. `path` is the one of its layers in a file of weights, `two` says that Keras 2 wrote it.

    In Keras 3 a layer is trained by its own word and that of the whole model, in Keras 2 by those of all between.
    """
    config = config_of(value)
    if two or not path:
        trainable = trainable and config.get("trainable") is not False
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ConvcliError(f"{value['class_name']} has no layers", "what model.to_json() writes")
    parts: list[Part] = []
    shapes: dict[str, Any] = {}
    stored: Counter[str] = Counter()
    for layer in layers:
        name = _name(layer)
        kind = snake_case(layer["class_name"])
        number = f"_{stored[kind]}" if stored[kind] else ""
        stored[kind] += 1
        with located(f"layer {name}"):
            if layer["class_name"] == INPUT:
                shapes[name] = _sample_shape(config_of(layer))
            else:
                parts.append(_part(layer, name, two, f"{path}layers/{kind}{number}", trainable))
    title = config["name"] if isinstance(config.get("name"), str) else ""
    if value["class_name"] == CHAIN:
        return _chain(title, parts, shapes or {"": _first_shape(value, config, layers, parts)})
    named = {part.name: part for part in parts}
    if len(named) < len(parts):
        raise ConvcliError("two layers of one name", "a name for each")
    inputs = tuple(name for name, _, _ in references(config.get("input_layers")))
    outputs = tuple(_renumbered(each, named.get(each[0])) for each in references(config.get("output_layers")))
    return Graph(title, tuple(parts), inputs, shapes, outputs)


def _renumbered(output: Reference, part: Part | None) -> Reference:
    """An output with its call numbered as among the calls of layers."""
    return (output[0], output[1] - part.first_output + part.first, output[2]) if part else output


def _chain(title: str, parts: Sequence[Part], shapes: Mapping[str, Any]) -> Graph:
    """A sequential model: each part takes what the one before it yields."""
    last = (next(iter(shapes)), 0, 0)
    linked = []
    for part in parts:
        linked.append(replace(part, calls=(Call((last,)),), first=0))
        last = (part.name, 0, 0)
    return Graph(title, tuple(linked), tuple(shapes), shapes, (last,))


def _first_shape(value: Mapping[str, Any], config: Mapping[str, Any], layers: list[Any], parts: list[Part]) -> Any:
    """The input's shape of a sequential model without an input layer, from wherever Keras has put it."""
    inner = parts[0].graph
    if inner and len(inner.inputs) == 1:
        return inner.shapes.get(inner.inputs[0])
    places = (config_of(layers[0]), config, value.get("build_config"))
    found = [_sample_shape(place) for place in places if isinstance(place, dict)]
    return next((shape for shape in found if shape is not None), None)


def _sample_shape(config: Mapping[str, Any]) -> Any:
    """The shape without its batch, under any of the names that Keras has for it."""
    for key in ("batch_shape", "batch_input_shape", "build_input_shape", "input_shape"):
        shape = plain(config.get(key))
        if isinstance(shape, list) and shape:
            return shape[1:]
    return None


def _name(layer: Any) -> str:
    if not is_keras(layer):
        raise ConvcliError(f"{short(layer)} is not a layer of Keras", "a mapping with class_name and config")
    name = layer.get("name", config_of(layer).get("name"))
    if not isinstance(name, str):
        raise ConvcliError(f"a layer {layer['class_name']} without a name", "what model.to_json() writes")
    return name


def _part(layer: Mapping[str, Any], name: str, two: bool, path: str, trainable: bool) -> Part:
    nodes = layer.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ConvcliError(f"inbound_nodes: {short(nodes)}", "a list")
    calls = tuple(call(node) for node in nodes)
    if layer["class_name"] not in (*GRAPH, CHAIN):
        return Part(name, calls, {layer_class_of(layer).__name__: arguments_of(layer, name, path, trainable)})
    graph = graph_of(layer, two, f"{path}/", trainable)
    # A graph's own making counts as its first call: in Keras 2 everywhere, in Keras 3 among the outputs.
    if two:
        first = first_output = 1 if graph.shapes and "" not in graph.shapes else 0
    else:
        first, first_output = 0, int(layer["class_name"] in GRAPH)
    return Part(name, calls, None, graph, first, first_output)
