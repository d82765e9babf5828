"""The JSON of a Keras model as a tree: its layers, what each is called on, and the models among its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.records import Record, replace
from convcli.model.layers import UNKNOWN, snake_case
from convcli.readers.keras.inbound_nodes import Call, TensorReference, read_call, tensor_references
from convcli.readers.keras.json_values import config_of, is_keras, plain_value, sample_shape
from convcli.readers.keras.layer_config import arguments_of, facts_of, is_operation, layer_class_of, other_dtype
from convcli.readers.reader import NotFollowedError

FUNCTIONAL, SEQUENTIAL, INPUT_LAYER = ("Functional", "Model"), "Sequential", "InputLayer"


class KerasLayer(Record):
    """A layer of a Keras model with its calls; `model` is set where the layer is itself a model.

    Keras numbers the calls of a nested model from 0 or from 1. `first_call` is the number of the first call where
    layers refer to it, `first_output_call` where the outputs of the model around it do. `input_shapes` are those of
    samples that the layer was built on, as far as the file tells them. `dtype` is set where it is not float32.
    """

    name: str
    calls: tuple[Call, ...]
    entry: Mapping[str, dict[str, Any]] | None  # the layer in the plain mapping: its type, then its arguments
    model: KerasModel | None = None
    first_call: int = 0
    first_output_call: int = 0
    input_shapes: tuple[Sequence[Any] | None, ...] = ()
    dtype: str | None = None

    @property
    def is_unknown(self) -> bool:
        """True if convcli does not have the layer."""
        return self.entry is not None and UNKNOWN in self.entry


class KerasModel(Record):
    """A functional or sequential model: its layers in the file's order, its inputs and its outputs.

    `inputs` are the names of the input layers, `shapes` the shape of one sample for each of them.
    """

    name: str
    layers: tuple[KerasLayer, ...]
    inputs: tuple[str, ...]
    shapes: Mapping[str, Any]
    outputs: tuple[TensorReference, ...]

    def leaves(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], KerasLayer]]:
        """Yield every layer that is not a model, with its path: the names of the models around it, then its own."""
        for layer in self.layers:
            own_path = (*path, layer.name)
            yield from layer.model.leaves(own_path) if layer.model else [(own_path, layer)]


def read_model(value: Mapping[str, Any], from_keras_2: bool, path: str = "", trainable: bool = True) -> KerasModel:
    """Read a model and the models among its layers.

    Args:
        value: the model as Keras writes it: `class_name` and `config`.
        from_keras_2: whether Keras 2 wrote it.
        path: where a Keras weights file holds the model's layers; empty for the whole model.
        trainable: whether the models around this one are trained. Keras 3 does not train a layer if the layer or the
            whole model is frozen; Keras 2 does not train it if any model around it is frozen.

    Raises:
        ConvcliError: the value does not describe a model. The message names the layer.
    """
    config = config_of(value)
    if from_keras_2 or not path:
        trainable = trainable and config.get("trainable") is not False
    layer_values = config.get("layers")
    if not isinstance(layer_values, list) or not layer_values:
        raise ConvcliError(f"{value['class_name']} has no layers", "what model.to_json() writes")
    layers: list[KerasLayer] = []
    shapes: dict[str, Any] = {}
    numbers: Counter[str] = Counter()  # weights files call the layers of one class conv2d, conv2d_1, …
    for layer in layer_values:
        name = _name(layer)
        word = snake_case(layer["class_name"])
        number = f"_{numbers[word]}" if numbers[word] else ""
        numbers[word] += 1
        with located(f"layer {name}"):
            if layer["class_name"] == INPUT_LAYER:
                shapes[name] = _sample_shape(config_of(layer))
            else:
                layers.append(_read_layer(layer, name, from_keras_2, f"{path}layers/{word}{number}", trainable))
    title = config["name"] if isinstance(config.get("name"), str) else ""
    if value["class_name"] == SEQUENTIAL:
        return _sequential(title, layers, shapes or {"": _first_shape(value, config, layer_values[0], layers[0])})
    return _functional(title, layers, shapes, config)


def _functional(
    title: str, layers: Sequence[KerasLayer], shapes: Mapping[str, Any], config: Mapping[str, Any]
) -> KerasModel:
    by_name = {layer.name: layer for layer in layers}
    if len(by_name) < len(layers):
        raise ConvcliError("two layers have the same name", "a name for each")
    inputs = tuple(name for name, _, _ in tensor_references(config.get("input_layers")))
    outputs = []
    for name, call, output in tensor_references(config.get("output_layers")):
        layer = by_name.get(name)
        number = call - layer.first_output_call + layer.first_call if layer else call
        outputs.append((name, number, output))
    return KerasModel(title, tuple(layers), inputs, shapes, tuple(outputs))


def _sequential(title: str, layers: Sequence[KerasLayer], shapes: Mapping[str, Any]) -> KerasModel:
    """Return a sequential model, in which each layer takes the output of the layer before it."""
    previous = (next(iter(shapes)), 0, 0)
    linked = []
    for layer in layers:
        linked.append(replace(layer, calls=(Call((previous,)),), first_call=0))
        previous = (layer.name, 0, 0)
    return KerasModel(title, tuple(linked), tuple(shapes), shapes, (previous,))


def _first_shape(
    value: Mapping[str, Any], config: Mapping[str, Any], first_value: Mapping[str, Any], first: KerasLayer
) -> Any:
    """Return the input shape of a sequential model without an input layer, from wherever Keras wrote it, or None."""
    if first.model and len(first.model.inputs) == 1:
        return first.model.shapes.get(first.model.inputs[0])
    sources = (config_of(first_value), config, value.get("build_config"))
    shapes = [_sample_shape(source) for source in sources if isinstance(source, dict)]
    return next((shape for shape in shapes if shape is not None), None)


def _sample_shape(config: Mapping[str, Any]) -> Any:
    """Return a shape without its batch axis, under any of the names that Keras uses for it, or None."""
    for key in ("batch_shape", "batch_input_shape", "build_input_shape", "input_shape"):
        shape = plain_value(config.get(key))
        if isinstance(shape, list) and shape:
            return shape[1:]
    return None


def _name(layer: Any) -> str:
    if not is_keras(layer):
        raise ConvcliError(f"{short_repr(layer)} is not a layer of Keras", "a mapping with class_name and config")
    name = layer.get("name", config_of(layer).get("name"))
    if not isinstance(name, str):
        raise ConvcliError(f"a layer {layer['class_name']} has no name", "what model.to_json() writes")
    return name


def _read_layer(layer: Mapping[str, Any], name: str, from_keras_2: bool, path: str, trainable: bool) -> KerasLayer:
    nodes = layer.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ConvcliError(f"inbound_nodes: {short_repr(nodes)}", "a list")
    calls = tuple(read_call(node) for node in nodes)
    problem = next((call.problem for call in calls if call.problem), None)
    if layer["class_name"] not in (*FUNCTIONAL, SEQUENTIAL):
        problem = problem or (_problem_of_keras_2(layer) if from_keras_2 else None)
        entry = _entry(layer, name, path, trainable, problem)
        shapes, dtype = _built_shapes(layer.get("build_config")), other_dtype(config_of(layer))
        return KerasLayer(name, calls, entry, input_shapes=shapes, dtype=dtype)
    if problem:
        raise ConvcliError(f"{layer['class_name']} {problem}", "a call for inference, on tensors or numbers")
    model = read_model(layer, from_keras_2, f"{path}/", trainable)
    # Building a nested model counts as its call 0: in Keras 2 everywhere, in Keras 3 only among the outputs.
    if from_keras_2:
        first_call = first_output_call = 1 if model.shapes and "" not in model.shapes else 0
    else:
        first_call, first_output_call = 0, int(layer["class_name"] in FUNCTIONAL)
    return KerasLayer(name, calls, None, model, first_call, first_output_call)


def _entry(
    layer: Mapping[str, Any], name: str, path: str, trainable: bool, problem: str | None
) -> dict[str, dict[str, Any]]:
    """Return the layer in the plain mapping: an `unknown` one where convcli lacks it or cannot follow its calls."""
    try:
        arguments = arguments_of(layer, name, path, trainable)
        if problem is None:
            return {layer_class_of(layer).__name__: arguments}
    except NotFollowedError as error:
        problem = error.problem
    facts = facts_of(layer, name, path, trainable)
    weights: dict[str, Any] = {"weights": []} if is_operation(layer) else {}
    return {UNKNOWN: {**facts, **weights, "class_name": layer["class_name"], "reason": problem}}


def _problem_of_keras_2(layer: Mapping[str, Any]) -> str | None:
    """Return what a layer of Keras 2 computes otherwise than that of Keras 3, None where nothing."""
    if config_of(layer).get("activation") == "hard_sigmoid":
        return "computes hard_sigmoid as in Keras 2, clip(0.2·x + 0.5), which is another function than Keras 3's"
    return None


def _built_shapes(build_config: Any) -> tuple[Sequence[Any] | None, ...]:
    """Return the shapes of samples that a layer was built on, in the order of its inputs; none where not told."""
    shapes = plain_value(build_config.get("input_shape")) if isinstance(build_config, dict) else None
    if not isinstance(shapes, list):
        return ()
    several = any(isinstance(plain_value(item), list) for item in shapes)
    return tuple(map(sample_shape, shapes)) if several else (sample_shape(shapes),)
