"""The one validator: it builds a model from the plain mapping that every reader returns.

The mapping has `layers`, and optionally `name`, `input`, `outputs` and `data_format`. Weights in it are numbers, nested
lists, NumPy arrays, or names of files and of filters of the bank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.option_choices import KERAS
from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.model.graph import Model, Node
from convcli.model.layers import canonical_name
from convcli.readers.call_form import LayerCall, LayerConfig, is_input, keras_config, read_call
from convcli.readers.dialects import DIALECTS, dialect_of
from convcli.readers.graph_builder import GraphBuilder
from convcli.readers.input_shapes import parse_inputs
from convcli.readers.torch.files import is_expression

INPUT_ARGUMENTS = ("shape", "batch_shape", "input_shape", "batch_input_shape", "batch_size", "dtype", "name")
MODEL_KEYS = ("name", "input", "outputs", "data_format", "dialect", "layers")


def build_model(mapping: Mapping[str, Any], folder: str, title: str, data_format: DataFormat | None = None) -> Model:
    """Build the model that a mapping describes.

    Args:
        mapping: the plain mapping of the model.
        folder: names of files in the mapping are relative to this folder.
        title: the model's name where the mapping has none.
        data_format: used where neither the mapping nor its layers say. Default: channels last.

    Raises:
        ConvcliError: the mapping does not describe a model. The message names the layer and the argument.
    """
    for key in mapping:
        if key not in MODEL_KEYS:
            raise ConvcliError(f"unknown key {short_repr(key)}", suggestion(str(key), MODEL_KEYS))
    calls = _read_calls(mapping.get("layers"))
    dialect = dialect_of([call for _, call in calls], mapping.get("dialect"))
    stated, configs = _take_input(_configs(calls, dialect))
    if stated is not None and mapping.get("input") is not None:
        raise ConvcliError("input and an Input layer both say the input's shape", "one of them")
    data_format = _data_format(mapping.get("data_format"), configs, data_format, dialect)
    own = stated if stated is not None else configs[0].arguments.get("input_shape")
    inputs = parse_inputs(mapping.get("input", own), data_format)
    nodes = GraphBuilder(tuple(inputs), folder, data_format).build(configs)
    name = mapping.get("name", title)
    if not isinstance(name, str) or not name.isprintable():
        raise ConvcliError(f"name: {short_repr(name)}", "printable text")
    return Model(name, inputs, nodes, _outputs(mapping.get("outputs"), nodes), data_format, dialect)


def _read_calls(layers: Any) -> list[tuple[str, LayerCall]]:
    """Return each layer as it is written, with its number as a name."""
    if not isinstance(layers, list | tuple):
        problem = "no layers" if layers is None else f"{short_repr(layers)} is not a list"
        raise ConvcliError(f"layers: {problem}", "a list, with - before each layer")
    if not layers:
        raise ConvcliError("layers: no layers", "a list with at least one layer")
    calls: list[tuple[str, LayerCall]] = []
    for index, layer in enumerate(layers):
        with located(f"layers[{index}]"):
            is_chain = isinstance(layer, str) and is_expression(layer)
            calls += _chain(layer, index) if is_chain else [(str(index), read_call(layer))]
    return calls


def _chain(text: str, index: int) -> list[tuple[str, LayerCall]]:
    """Return the layers of an `nn.Sequential(…)` among others: their names begin with its number."""
    from convcli.readers.torch.text import expression_mapping

    calls = expression_mapping(text)["layers"]
    names = [f"{index}.{call.named['name']}" for call in calls]
    return [(name, replace(call, named={**call.named, "name": name})) for name, call in zip(names, calls, strict=True)]


def _configs(calls: Sequence[tuple[str, LayerCall]], dialect: str) -> list[LayerConfig]:
    """Return the layers that calls mean in the words of a dialect. A layer of PyTorch is called by its number."""
    configs = []
    for name, call in calls:
        with located(f"layers[{name}]"):
            if dialect == KERAS:
                configs.append(keras_config(call))
            else:
                configs.append(DIALECTS[dialect]().config(call, name))
    return configs


def _take_input(configs: list[LayerConfig]) -> tuple[Any, list[LayerConfig]]:
    """Return the shape of a sample that Keras's `Input` at the front states, None without one, and the layers.

    Raises `ConvcliError` for one further down, or one that says more than a shape.
    """
    layers = [config for config in configs if not is_input(config.type)]
    if len(layers) == len(configs):
        return None, configs
    with located(configs[0].type if is_input(configs[0].type) else "Input"):
        if len(layers) < len(configs) - 1 or not is_input(configs[0].type):
            raise ConvcliError("is not the first layer", "input: NAME: SHAPE for several inputs")
        if not layers:
            raise ConvcliError("is the only layer", "layers after it")
        arguments = configs[0].arguments
        unknown = [name for name in arguments if name not in INPUT_ARGUMENTS]
        if unknown:
            raise ConvcliError(f"has no argument {short_repr(unknown[0])}", suggestion(unknown[0], INPUT_ARGUMENTS))
        batch_shape = arguments.get("batch_shape", arguments.get("batch_input_shape"))
        if isinstance(batch_shape, list | tuple):
            return list(batch_shape[1:]), layers
        shape = arguments.get("shape", arguments.get("input_shape"))
        if not isinstance(shape, list | tuple):
            raise ConvcliError("shape is missing", "shape=(28, 28, 1)")
        return shape, layers


def _data_format(own: Any, configs: Sequence[LayerConfig], default: DataFormat | None, dialect: str) -> DataFormat:
    """Return the model's own data format, else that of the first layer that says one, else the default.

    That of a model in another framework's words is the framework's.
    """
    if dialect != KERAS:
        required = DIALECTS[dialect]().data_format
        if own is not None and DataFormat.parse(own) is not required:
            raise ConvcliError(
                f"data_format: {own}, but {DIALECTS[dialect]().title} is {required.value}", "leave it out"
            )
        return required
    if own is not None:
        return DataFormat.parse(own)
    stating = [config for config in configs if config.arguments.get("data_format") is not None]
    # A Flatten of Keras says channels_last by default, behind whatever it stands.
    first = min(stating, key=lambda config: canonical_name(config.type) == "flatten", default=None)
    if first is not None:
        return DataFormat.parse(str(first.arguments["data_format"]))
    return default or DataFormat.CHANNELS_LAST


def _outputs(value: Any, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the names of the model's outputs: those that it lists, or its last layer."""
    if value is None:
        return (nodes[-1].name,)
    names = tuple(value) if isinstance(value, list | tuple) else (value,)
    known = {node.name for node in nodes}
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise ConvcliError(f"outputs: no layer {short_repr(name)}", suggestion(str(name), known))
    if not names or len(set(names)) != len(names):
        raise ConvcliError(f"outputs: {list(names)}", "names of layers, each once")
    return names
