"""The one validator: a plain mapping, as YAML or JSON gives it, -> a model.

Every reader of a model format ends in such a mapping: `layers`, and optionally `name`, `input`, `outputs` and
`data_format`. Arrays in it may be nested lists, NumPy arrays, or names of files and filters.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, nearest, short
from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Shape
from convcli.model.graph import Model, Node
from convcli.model.layers import TRAINING_ONLY, KernelLayer, Layer, normalised, number
from convcli.readers.call_form import SHARED, LayerConfig, find_activation, layer_class, parse_layer
from convcli.readers.weight_values import WeightValue, read_filters, to_keras_layout, weight_value

MODEL_KEYS = ("name", "input", "outputs", "data_format", "layers")
LAYER_KEYS = ("name", "inputs", "trainable", "input_shape", "stored_as", "left_out")
WEIGHT_KEYS = (
    "kernel",
    "bias",
    "gamma",
    "beta",
    "moving_mean",
    "moving_variance",
    "alpha",
    "depthwise_kernel",
    "pointwise_kernel",
)
INPUT = "input"
MOST_AXES = 32
MOST_INPUTS = 1000  # of each of which every layer is asked what it sees


def build_model(mapping: Mapping[str, Any], folder: str, name: str, data_format: DataFormat | None = None) -> Model:
    """The model that the mapping describes. `folder` is where its files are; `name` is used where it has none.

    `data_format` holds where the mapping does not say. Raises `ConvcliError`, naming the layer and the argument.
    """
    for key in mapping:
        if key not in MODEL_KEYS:
            raise ConvcliError(f"unknown key {key!r}", nearest(str(key), MODEL_KEYS))
    entries = mapping.get("layers")
    if not isinstance(entries, list | tuple):
        what = "no layers" if entries is None else f"{short(entries)} is no list"
        raise ConvcliError(f"layers: {what}", "a list, with - before each layer")
    if not entries:
        raise ConvcliError("layers: no layers", "a list of at least one")
    parsed = [_entry_at(place, each) for place, each in enumerate(entries)]
    layout = _data_format(mapping.get("data_format"), parsed, data_format)
    inputs = _inputs(mapping.get("input", parsed[0].arguments.get("input_shape")), layout)
    nodes = _Nodes(inputs, folder, layout).add_all(parsed)
    title = mapping.get("name", name)
    if not isinstance(title, str) or not title.isprintable():
        raise ConvcliError(f"name: {title!r}", "printable text")
    return Model(title, inputs, nodes, _outputs(mapping.get("outputs"), nodes), layout)


def _data_format(own: Any, entries: Sequence[LayerConfig], otherwise: DataFormat | None) -> DataFormat:
    """The model's, else the one that those of its layers which say agree on, as in Keras code, else the default."""
    stated = {str(each.arguments["data_format"]) for each in entries if each.arguments.get("data_format") is not None}
    if own is not None or len(stated) == 1:
        return DataFormat.of(own if own is not None else stated.pop())
    return otherwise or DataFormat.CHANNELS_LAST


# ---- shapes of inputs ----


def parse_shape(value: Any) -> Shape:
    """A sample's shape: `[28, 28, 1]`, or text such as `28x28x1` or `28,28,1`; None, `?` or `none` is unknown."""
    parts = re.split(r"[xX×,]", value) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not 1 <= len(parts) <= MOST_AXES:
        raise ConvcliError(f"{short(value)} is not a shape", "such as [28, 28, 1] or 28x28x1")
    return tuple(_extent(part, value) for part in parts)


def _extent(part: Any, value: Any) -> int | None:
    if isinstance(part, str):
        part = part.strip().lower()
        if part in ("?", "none"):
            return None
        part = int(part) if re.fullmatch("[0-9]{1,18}", part) else part
    if part is None:
        return None
    if isinstance(part, bool) or not isinstance(part, int) or part < 1:
        raise ConvcliError(
            f"extent {short(part)} in {short(value)}", "a whole number of at least 1, or ? for an unknown one"
        )
    return part


def _inputs(value: Any, data_format: DataFormat) -> dict[str, Shape | None]:
    if value is None:
        return {INPUT: None}
    named = value if isinstance(value, Mapping) else {INPUT: value}
    shapes: dict[str, Shape | None] = {}
    for name, each in named.items():
        if not str(name).isprintable():
            raise ConvcliError(f"input: a name {name!r}", "printable text")
        with located("input" if name == INPUT else f"input: {name}"):
            shapes[str(name)] = None if each is None else data_format.to_last(parse_shape(each))
    if not 1 <= len(shapes) <= MOST_INPUTS:
        raise ConvcliError(f"input: {len(shapes) or 'no'} inputs", f"at least one, at most {MOST_INPUTS:,}")
    return shapes


# ---- the graph ----


def _entry_at(place: int, value: Any) -> LayerConfig:
    with located(f"layers[{place}]"):
        return parse_layer(value)


class _Nodes:
    """Builds nodes in order, each knowing the names that came before it."""

    def __init__(self, inputs: Mapping[str, Shape | None], folder: str, data_format: DataFormat) -> None:
        self.inputs = tuple(inputs)
        self.folder = folder
        self.data_format = data_format
        self.nodes: list[Node] = []
        self.owners: dict[Any, Node] = {}  # the first call of each layer, by its name
        self.calls: Counter[str] = Counter()
        self.taken = set(inputs)
        self.numbers: Counter[str] = Counter()  # of names that layers have been given

    def add_all(self, entries: Sequence[LayerConfig]) -> tuple[Node, ...]:
        reserved = {each.arguments["name"] for each in entries if isinstance(each.arguments.get("name"), str)}
        for place, each in enumerate(entries):
            if each.type == SHARED:
                with located(f"layers[{place}]"):
                    node = self._shared(each)
                self.nodes.append(node)
                self.taken.add(node.name)
                continue
            with located(f"layers[{place}]"):
                layer = layer_class(each.type)
                name = self._name(each, layer, reserved)
            with located(f"layer {name}"):
                self.nodes.append(self._node(name, each, layer))
            self.owners[name] = self.nodes[-1]
            self.calls[name] = 1
            self.taken.add(name)
        return tuple(self.nodes)

    def _name(self, entry: LayerConfig, layer: type[Layer], reserved: set[str]) -> str:
        given = entry.arguments.get("name")
        if given is None:
            return self._free_name(layer.keras_name(), reserved)
        if not isinstance(given, str) or not given or not given.isprintable():
            raise ConvcliError(f"name: {given!r}", "a printable word")
        if given in self.taken or given == INPUT:
            what = "is an input's" if given in (*self.inputs, INPUT) else "is taken"
            raise ConvcliError(f"name: {given!r} {what}", "a name of its own")
        return given

    def _free_name(self, base: str, reserved: set[str]) -> str:
        while True:
            number = self.numbers[base]
            self.numbers[base] += 1
            name = f"{base}_{number}" if number else base
            if name not in self.taken and name not in reserved:
                return name

    def _shared(self, entry: LayerConfig) -> Node:
        """Another call of a layer that came before, with the same weights: `NAME#2` and so on."""
        arguments = dict(entry.arguments)
        name, inputs = arguments.pop("layer", None), arguments.pop("inputs", None)
        if arguments:
            raise ConvcliError(f"{SHARED} has no argument {next(iter(arguments))!r}", "layer, inputs")
        first = self.owners.get(name)
        if first is None:
            raise ConvcliError(f"layer: no layer {name!r} before this call", nearest(str(name), self.owners))
        self.calls[first.name] += 1
        title = f"{name}#{self.calls[first.name]}"
        if title in self.taken:
            raise ConvcliError(f"name: {title!r} is taken", "names without #")
        with located(f"layer {title}"):
            return replace(first, name=title, inputs=self._operands(inputs), given={}, shares=first.name)

    def _node(self, name: str, entry: LayerConfig, layer: type[Layer]) -> Node:
        arguments = dict(entry.arguments)
        inputs = self._operands(arguments.pop("inputs", None))
        trainable = arguments.pop("trainable", True)
        if not isinstance(trainable, bool):
            raise ConvcliError(f"trainable: {trainable!r}", "true or false")
        stored_as = arguments.pop("stored_as", None)
        if not isinstance(stored_as, str | None):
            raise ConvcliError(f"stored_as: {stored_as!r}", "a path in a Keras weights file")
        left_out = arguments.pop("left_out", ())
        if not isinstance(left_out, list | tuple) or not all(isinstance(each, str) for each in left_out):
            raise ConvcliError(f"left_out: {short(left_out)}", "a list of names of arguments")
        arguments.pop("name", None)
        if arguments.pop("input_shape", None) is not None and self.nodes:
            raise ConvcliError("input_shape belongs to the first layer", "leave it out")
        if layer.__name__ == "Activation" and normalised(entry.type) != "activation":
            if "activation" in arguments:
                raise ConvcliError(f"{entry.type} takes no arguments", f"{entry.type}, or an Activation by name")
            arguments["activation"] = find_activation(entry.type)
        given, implied, names = _weights(layer, arguments, self.folder)
        made = _construct(layer, arguments, implied, name)
        own = getattr(made, "data_format", None)
        if own not in (None, self.data_format.value):
            raise ConvcliError(
                f"data_format: {own}, the model's is {self.data_format.value}",
                "one for the whole model, beside its layers",
            )
        return Node(name, made, inputs, given, names, trainable, stored_as=stored_as, left_out=tuple(left_out))

    def _operands(self, value: Any) -> tuple[str | float, ...]:
        if value is None:
            if self.nodes:
                return (self.nodes[-1].name,)
            if len(self.inputs) > 1:
                raise ConvcliError("takes which input?", f"inputs: one of {', '.join(self.inputs)}")
            return self.inputs
        operands = tuple(value) if isinstance(value, list | tuple) else (value,)
        for each in operands:
            if isinstance(each, str):
                if each not in self.taken:
                    remedy = nearest(each, self.taken, "a layer's inputs come before it")
                    raise ConvcliError(f"inputs: no layer or input {each!r} before this one", remedy)
            elif isinstance(each, bool) or not isinstance(each, int | float):
                raise ConvcliError(f"inputs: {each!r}", "names of layers or inputs, or numbers")
            else:
                number(each, 0)
        return operands


def _outputs(value: Any, nodes: Sequence[Node]) -> tuple[str, ...]:
    if value is None:
        return (nodes[-1].name,)
    names = tuple(value) if isinstance(value, list | tuple) else (value,)
    known = {node.name: node for node in nodes}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ConvcliError(f"outputs: no layer {name!r}", nearest(str(name), known))
    if not names or len(set(names)) != len(names):
        raise ConvcliError(f"outputs: {list(names)}", "names of layers, each once")
    return names


# ---- arguments and weights ----


def _construct(layer: type[Layer], arguments: Mapping[str, Any], implied: Mapping[str, Any], called: str) -> Layer:
    """The layer with its arguments and those that the weights given with it imply, which must agree."""
    known = layer.arguments()
    wanted = dict(implied)
    for name, value in arguments.items():
        if name in known:
            if name in implied and layer.read(name, value) != implied[name]:
                raise ConvcliError(f"{name} (={value}), the weights given say {implied[name]}", "leave it out")
            wanted[name] = value
        elif TRAINING_ONLY.fullmatch(name):
            warnings.warn(
                f"layer {called}: {name} is left out: it is for training alone (--seed draws by Keras's defaults)",
                stacklevel=2,
            )
        else:
            candidates = [*known, *LAYER_KEYS, *_weight_keys(layer)]
            weights = ("kernel", "bias") if issubclass(layer, KernelLayer) else ()
            remedy = nearest(name, candidates, f"known: {', '.join((*known, *weights)) or 'none'}")
            raise ConvcliError(f"{layer.__name__} has no argument {name!r}", remedy)
    missing = [name for name in layer.required() if name not in wanted]
    if missing:
        raise ConvcliError(f"{missing[0]} is missing", _how_to_give(layer, missing[0]))
    return layer(**wanted)


def _weight_keys(layer: type[Layer]) -> tuple[str, ...]:
    return (*WEIGHT_KEYS, "kernel_layout") if issubclass(layer, KernelLayer) else WEIGHT_KEYS[1:]


def _how_to_give(layer: type[Layer], name: str) -> str:
    if issubclass(layer, KernelLayer) and name in ("filters", "kernel_size", "units"):
        return f"{name}: a whole number; or the kernel itself"
    return f"{name}: a value"


def _weights(
    layer: type[Layer], arguments: dict[str, Any], folder: str
) -> tuple[dict[str, WeightValue], dict[str, Any], tuple[str, ...]]:
    """Take the weights out of the arguments: the weights, the arguments they imply, the names of hand-made filters."""
    given: dict[str, WeightValue] = {}
    implied: dict[str, Any] = {}
    names: tuple[str, ...] = ()
    if issubclass(layer, KernelLayer):
        if "kernel_layout" in arguments and "kernel" not in arguments:
            raise ConvcliError("kernel_layout without a kernel", "kernel: an array")
        groups = layer.read("groups", arguments.get("groups", 1)) if "groups" in layer.arguments() else 1
        hand_made = layer.rank is not None and not isinstance(arguments.get("filters"), int | float | None)
        if hand_made and "kernel" in arguments:
            raise ConvcliError("filters and kernel both hold weights", "one of them")
        if hand_made:
            with located("filters"):
                bank = read_filters(arguments.pop("filters"), layer.rank or 0, folder)
                implied = layer.from_filters(bank.size, bank.depth, len(bank.names))
                given["kernel"], names = bank.stack(layer.KERNEL_AXES, groups), bank.names
        elif "kernel" in arguments:
            with located("kernel"):
                given["kernel"] = _whole_kernel(layer, arguments, folder)
                implied = layer.from_kernel(tuple(extent or 1 for extent in given["kernel"].shape), groups)
    for name in WEIGHT_KEYS:
        if name in arguments and name not in layer.arguments():
            with located(name):
                given[name] = weight_value(arguments.pop(name), folder)
    if "kernel" in given and "bias" not in given and arguments.get("use_bias", True) is True:
        given["bias"] = weight_value(0, folder)
    return given, implied, names


def _whole_kernel(layer: type[KernelLayer], arguments: dict[str, Any], folder: str) -> WeightValue:
    rank = layer.rank or 0
    kernel = weight_value(arguments.pop("kernel"), folder)
    layout = arguments.pop("kernel_layout", None)
    if layout is not None:
        with located("kernel_layout"):
            kernel = to_keras_layout(kernel, str(layout), rank, layer.KERNEL_AXES)
    if len(kernel.shape) != rank + 2:
        raise ConvcliError(f"rank {len(kernel.shape)}", f"rank {rank + 2}; a filter by itself goes under filters")
    return kernel
