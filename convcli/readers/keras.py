"""What Keras writes of a model, `model.to_json()` of Keras 3 and Keras 2, as the plain mapping.

Graphs of layers, models within models and layers that are called several times become one flat list of layers. Nothing
in the file is run: a layer that this package does not have is an error.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.activations import works_along_axis
from convcli.errors import ConvcliError, located, short
from convcli.layers import LAYERS, TRAINING_ONLY, Layer, activation_name, normalised, snake_case
from convcli.readers.native import is_keras
from convcli.records import Record, replace

GRAPH, CHAIN, INPUT = ("Functional", "Model"), "Sequential", "InputLayer"
OURS = ("keras", "tf_keras", "tensorflow")  # the packages whose classes are Keras's own
OPERATIONS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
FUNCTIONS = {  # Keras 2's operators on tensors
    "__operators__.add": "Add",
    "__operators__.sub": "Subtract",
    "__operators__.mul": "Multiply",
    **{f"math.{name.lower()}": name for name in OPERATIONS},
}
OPERATOR_LAYER, CONSTANT = "TFOpLambda", "_CONSTANT_VALUE"
RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}  # Keras 2's name of an argument: Keras 3's
ONE_AXIS = ("BatchNormalization",)  # layers whose axis Keras 2 puts in a list
NO_ARGUMENTS = ("name", "trainable", "dtype", "batch_input_shape", "autocast", "experimental_autocast")
MOST_LAYERS = 100_000

Reference = tuple[str, int, int]  # of a tensor: the layer, which of its calls, which of its outputs
Operand = Reference | float


def mapping(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The plain mapping of the model; `name` is used where it has none. Raises `ConvcliError`, naming the layer."""
    graph = _graph(value, "", True)
    several = len(graph.inputs) > 1
    inputs = {each if several else "input": graph.shapes.get(each) for each in graph.inputs}
    flat = _Flat(graph)
    outputs = flat.call(graph, tuple(inputs))
    _state_axes(flat.entries)
    shapes = inputs if several else inputs.get("input")
    return {"name": graph.name or name, "input": shapes, "outputs": outputs, "layers": flat.entries}


def _state_axes(entries: Sequence[Mapping[str, dict[str, Any]]]) -> None:
    """Say that dense layers and activations work along the last axis, in whatever order the axes are."""
    if any(each.get("data_format") == "channels_first" for entry in entries for each in entry.values()):
        for entry in entries:
            for kind, arguments in entry.items():
                if kind in ("Dense", "Activation"):
                    arguments["axis"] = -1
                elif works_along_axis(arguments.get("activation") or "linear"):
                    with located(f"layer {arguments['name']}"):
                        raise ConvcliError(f"{arguments['activation']} along the last axis of channels_first maps")


# ---- the file -> a tree of graphs ----


class _Part(Record):
    """A layer of a graph as the mapping has it, or a graph within it; for each of its calls, what that takes."""

    name: str
    calls: tuple[tuple[Operand, ...], ...]
    entry: Mapping[str, dict[str, Any]] | None
    graph: _Graph | None
    first: int  # the number of its first call


class _Graph(Record):
    """A model: its parts in Keras's order, the names of its inputs, their shapes, and the tensors that it yields."""

    name: str
    parts: tuple[_Part, ...]
    inputs: tuple[str, ...]
    shapes: Mapping[str, Any]
    outputs: tuple[Reference, ...]

    def leaves(self, within: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], _Part]]:
        """Every layer, also of the graphs within, with the names of those graphs and its own."""
        for part in self.parts:
            path = (*within, part.name)
            yield from part.graph.leaves(path) if part.graph else [(path, part)]


def _graph(value: Mapping[str, Any], path: str, trainable: bool) -> _Graph:
    """The graph of a model. `path` is the one of its layers in a file of weights."""
    config = _config(value)
    trainable = trainable and config.get("trainable") is not False
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ConvcliError(f"{value['class_name']} has no layers", "what model.to_json() writes")
    parts, shapes = [], {}
    stored: Counter[str] = Counter()
    for layer in layers:
        name = _name(layer)
        kind = snake_case(layer["class_name"])
        number = f"_{stored[kind]}" if stored[kind] else ""
        stored[kind] += 1
        with located(f"layer {name}"):
            if layer["class_name"] == INPUT:
                shapes[name] = _sample_shape(_config(layer))
            else:
                parts.append(_part(layer, name, f"{path}layers/{kind}{number}", trainable))
    title = config["name"] if isinstance(config.get("name"), str) else ""
    if value["class_name"] == CHAIN:
        return _chain(title, parts, shapes or {"": _first_shape(value, config, layers, parts)})
    inputs = tuple(name for name, _, _ in _references(config.get("input_layers")))
    return _Graph(title, tuple(parts), inputs, shapes, tuple(_references(config.get("output_layers"))))


def _chain(title: str, parts: Sequence[_Part], shapes: Mapping[str, Any]) -> _Graph:
    """A sequential model: each part takes what the one before it yields."""
    last = (next(iter(shapes)), 0, 0)
    linked = []
    for part in parts:
        linked.append(replace(part, calls=((last,),), first=0))
        last = (part.name, 0, 0)
    return _Graph(title, tuple(linked), tuple(shapes), shapes, (last,))


def _first_shape(value: Mapping[str, Any], config: Mapping[str, Any], layers: list[Any], parts: list[_Part]) -> Any:
    """The input's shape of a sequential model without an input layer, from wherever Keras has put it."""
    inner = parts[0].graph
    if inner and len(inner.inputs) == 1:
        return inner.shapes.get(inner.inputs[0])
    places = (_config(layers[0]), config, value.get("build_config"))
    found = [_sample_shape(place) for place in places if isinstance(place, dict)]
    return next((shape for shape in found if shape is not None), None)


def _sample_shape(config: Mapping[str, Any]) -> Any:
    """The shape without its batch, under any of the names that Keras has for it."""
    for key in ("batch_shape", "batch_input_shape", "build_input_shape", "input_shape"):
        shape = _plain(config.get(key))
        if isinstance(shape, list) and shape:
            return shape[1:]
    return None


def _config(value: Mapping[str, Any]) -> dict[str, Any]:
    config = value.get("config")
    if isinstance(config, list):  # a sequential model of an early Keras 2
        return {"layers": config}
    if not isinstance(config, dict):
        raise ConvcliError(f"{value.get('class_name')}: config is {short(config)}", "a mapping")
    return config


def _name(layer: Any) -> str:
    if not is_keras(layer):
        raise ConvcliError(f"{short(layer)} is not a layer of Keras", "a mapping with class_name and config")
    name = layer.get("name", _config(layer).get("name"))
    if not isinstance(name, str):
        raise ConvcliError(f"a {layer['class_name']} without a name", "what model.to_json() writes")
    return name


def _part(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> _Part:
    nodes = layer.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ConvcliError(f"inbound_nodes: {short(nodes)}", "a list")
    calls = tuple(tuple(_operands(node)) for node in nodes)
    if layer["class_name"] not in (*GRAPH, CHAIN):
        return _Part(name, calls, {_class(layer).__name__: _arguments(layer, name, path, trainable)}, None, 0)
    graph = _graph(layer, f"{path}/", trainable)
    # In Keras 2 the first call of a model with inputs of its own is the one that made it, which is not written.
    counted = any(isinstance(node, list) for node in nodes) and bool(graph.shapes) and "" not in graph.shapes
    return _Part(name, calls, None, graph, 1 if counted else 0)


# ---- calls ----


def _operands(node: Any) -> Iterator[Operand]:
    """What a call takes: tensors and numbers, in order."""
    if isinstance(node, dict):
        yield from _tensors(node.get("args"))
        yield from _named(node.get("kwargs"))
        return
    items = node if isinstance(node, list) else [node]
    for item in [items] if items and isinstance(items[0], str) else items:
        if not isinstance(item, list) or len(item) < 3:
            raise ConvcliError(f"inbound_nodes: {short(item)}", "[layer, call, output]")
        yield _number(item[2]) if item[0] == CONSTANT else _reference(item)
        yield from _named(item[3] if len(item) > 3 else None)


def _tensors(value: Any) -> Iterator[Operand]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield _reference(_config(value).get("keras_history"))
    elif isinstance(value, list):
        for each in value:
            yield from _tensors(each)
    elif value is not None:
        yield _number(value)


def _named(arguments: Any) -> Iterator[Operand]:
    """The operands among the arguments of a call that are given by name."""
    for name, value in (arguments or {}).items() if isinstance(arguments, dict | None) else [("kwargs", arguments)]:
        if value is None or value is False or (name == "name" and isinstance(value, str)):
            continue
        if name not in ("x", "y", "x1", "x2", "inputs"):
            raise ConvcliError(f"called with {name}={short(value)}", "a call for inference, on tensors or numbers")
        yield from [_reference(value)] if _is_reference(value) else _tensors(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConvcliError(f"called with {short(value)}", "tensors or numbers")
    return value


def _is_reference(value: Any) -> bool:
    kinds = (str, int, int)
    return isinstance(value, list) and len(value) >= 3 and all(map(isinstance, value, kinds))


def _reference(value: Any) -> Reference:
    if not _is_reference(value):
        raise ConvcliError(f"{short(value)} is no tensor", "[layer, call, output]")
    return value[0], value[1], value[2]


def _references(value: Any) -> Iterator[Reference]:
    """The tensors in a nest of lists and mappings."""
    if isinstance(value, dict):
        value = list(value.values())
    if _is_reference(value) or not isinstance(value, list):
        yield _reference(value)
        return
    for each in value:
        yield from _references(each)


# ---- one layer ----


def _class(layer: Mapping[str, Any]) -> type[Layer]:
    """The layer's class here. Raises `ConvcliError` where there is none, or it is code of the model's author."""
    name, module = layer["class_name"], layer.get("module")
    if name == "Lambda":
        raise ConvcliError("Lambda holds code, and code in a file is never run", "layers of Keras")
    if module is not None and str(module).split(".")[0] not in OURS:
        raise ConvcliError(f"{module}.{name} is a class of the model's own, whose code is not in the file", "Keras's")
    if name == OPERATOR_LAYER:
        function = _config(layer).get("function")
        if function not in FUNCTIONS:
            raise ConvcliError(f"the operation {function}", f"known: {', '.join(FUNCTIONS)}")
        return LAYERS[normalised(FUNCTIONS[function])]
    if ".ops." in str(module) and name not in OPERATIONS:
        raise ConvcliError(f"the operation {name}", f"known: {', '.join(OPERATIONS)}")
    found = LAYERS.get(normalised(name))
    if found is None or name not in (found.__name__, *found.aliases):
        raise ConvcliError(f"unknown layer class {name!r}", "the README lists all layers")
    return found


def _arguments(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> dict[str, Any]:
    """The layer's arguments, without those that matter in training alone."""
    kind, config = _class(layer), _config(layer)
    if "Quantized" in str(config.get("dtype")) or config.get("quantization_config"):
        raise ConvcliError("is quantized", "weights of real numbers")
    arguments: dict[str, Any] = {"name": name, "stored_as": path}
    if not trainable or config.get("trainable") is False:
        arguments["trainable"] = False
    if layer["class_name"] == OPERATOR_LAYER:
        return arguments
    for key, value in config.items():
        argument = RENAMED.get((kind.__name__, key), key)
        if key in NO_ARGUMENTS or TRAINING_ONLY.fullmatch(key) or (value is None and argument != "axis"):
            continue
        if argument not in kind.arguments() and (value is False or (key == "groups" and value == 1)):
            continue  # what other layers have, and this one has not
        arguments[argument] = _argument(kind, argument, _plain(value))
    return arguments


def _argument(kind: type[Layer], name: str, value: Any) -> Any:
    if name == "activation":
        return _activation(value)
    if name == "axis" and kind.__name__ in ONE_AXIS and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _activation(value: Any) -> str | None:
    """The name of an activation: Keras writes that, or a mapping with it for some of its own functions."""
    if isinstance(value, dict):
        if str(value.get("module")).split(".")[0] not in OURS or not isinstance(value.get("config"), str):
            raise ConvcliError(
                f"activation: {value.get('registered_name') or value.get('class_name')} is no activation of Keras",
                "one by name, or a layer of its own",
            )
        value = value["config"]
    with located("activation"):
        return activation_name(value, 0)


def _plain(value: Any) -> Any:
    """A list for what Keras writes as a tuple or an array."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items")
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        return _config(value).get("value")
    return value


# ---- the tree of graphs -> one list of layers ----


class _Flat:
    """Calls graphs, and writes down each call of a layer."""

    def __init__(self, graph: _Graph) -> None:
        self.entries: list[dict[str, dict[str, Any]]] = []
        self.names = _names(graph)
        self.calls: Counter[int] = Counter()

    def call(self, graph: _Graph, inputs: Sequence[str]) -> list[str]:
        """Write down one call of a graph on the values that its inputs take; the names of the values it yields."""
        if len(inputs) != len(graph.inputs):
            raise ConvcliError(f"{graph.name} takes {len(graph.inputs)} inputs, got {len(inputs)}")
        values: dict[Reference, str] = {(name, 0, 0): value for name, value in zip(graph.inputs, inputs, strict=True)}
        for part, number in _in_order(graph):
            with located(f"layer {part.name}"):
                operands = [values[each] if isinstance(each, tuple) else each for each in part.calls[number]]
                made = self._made(part, operands)
                values |= {(part.name, number + part.first, place): each for place, each in enumerate(made)}
        return [_found(values, each) for each in graph.outputs]

    def _made(self, part: _Part, operands: list[Any]) -> list[str]:
        if part.graph:
            return self.call(part.graph, operands)
        if len(self.entries) >= MOST_LAYERS:
            raise ConvcliError(f"more than {MOST_LAYERS:,} layers")
        assert part.entry
        ((kind, arguments),) = part.entry.items()
        name = self.names[id(part)]
        self.calls[id(part)] += 1
        again = self.calls[id(part)]
        if again == 1:
            self.entries.append({kind: {**arguments, "name": name, "inputs": operands}})
            return [name]
        self.entries.append({"shared": {"layer": name, "inputs": operands}})
        return [f"{name}#{again}"]


def _names(graph: _Graph) -> dict[int, str]:
    """A name for each layer: its own, or where two would clash that of one within another model after the model's."""
    leaves = list(graph.leaves())
    choices = [(path[-1], "/".join(path[-2:]), "/".join(path)) for path, _ in leaves]
    taken = [Counter(each) for each in zip(*choices, strict=True)]
    return {
        id(part): next((name for name, counts in zip(names, taken, strict=True) if counts[name] == 1), names[-1])
        for (_, part), names in zip(leaves, choices, strict=True)
    }


def _in_order(graph: _Graph) -> Iterator[tuple[_Part, int]]:
    """Every call in the graph after those that it takes from; where that leaves a choice, in Keras's order."""
    places = {
        (part.name, part.first + number): (place, number)
        for place, part in enumerate(graph.parts)
        for number in range(len(part.calls))
    }
    inputs = {(name, 0) for name in graph.inputs}
    waiting: dict[tuple[int, int], int] = {}
    after: dict[tuple[int, int], list[tuple[int, int]]] = {place: [] for place in places.values()}
    for (name, _), place in places.items():
        part = graph.parts[place[0]]
        needed = [each[:2] for each in part.calls[place[1]] if isinstance(each, tuple)]
        before = {_place(name, each, places) for each in needed if each not in inputs}
        before |= {(place[0], place[1] - 1)} if place[1] else set()
        waiting[place] = len(before)
        for each in before:
            after[each].append(place)
    ready = [place for place, count in waiting.items() if not count]
    heapq.heapify(ready)
    done = 0
    while ready:
        place = heapq.heappop(ready)
        done += 1
        yield graph.parts[place[0]], place[1]
        for each in after[place]:
            waiting[each] -= 1
            if not waiting[each]:
                heapq.heappush(ready, each)
    if done < len(places):
        stuck = next(graph.parts[place].name for (place, _), count in waiting.items() if count)
        with located(f"layer {stuck}"):
            raise ConvcliError("its inputs lead back to it", "a graph without circles")


def _place(name: str, call: tuple[str, int], places: Mapping[tuple[str, int], tuple[int, int]]) -> tuple[int, int]:
    if call not in places:
        with located(f"layer {name}"):
            raise ConvcliError(f"takes call {call[1]} of {call[0]!r}, which is not in the model")
    return places[call]


def _found(values: Mapping[Reference, str], tensor: Reference) -> str:
    if tensor not in values:
        raise ConvcliError(f"output {list(tensor)} is not in the model", "[layer, call, output]")
    return values[tensor]
