"""A layer from the arguments that a model file gives it: the layer itself, and the weight values among them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr, suggestion
from convcli.core.option_names import option
from convcli.core.records import Record, field
from convcli.model.layers import TRAINING_ONLY, KernelLayer, Layer
from convcli.readers.weight_values import WeightValue, read_filters, to_keras_layout, weight_value

# about the layer in the graph
GRAPH_KEYS = ("name", "inputs", "trainable", "input_shape", "stored_as", "stored_weights", "left_out")


class LayerWeights(Record):
    """The weight values that a model file gives a layer, and what follows from them.

    `implied` are arguments of the layer, such as the kernel size. `filter_names` are the names of hand-made filters.
    """

    values: Mapping[str, WeightValue]
    implied: Mapping[str, Any] = field(factory=dict)
    filter_names: tuple[str, ...] = ()


def construct_layer(
    layer_type: type[Layer], arguments: Mapping[str, Any], weights: LayerWeights, layer_name: str
) -> Layer:
    """Return the layer with its arguments and those that its weights imply.

    Warns of arguments that matter only in training. Raises `ConvcliError` for an argument that is unknown or missing,
    or that contradicts the weights.
    """
    known = layer_type.argument_names()
    implied = weights.implied
    accepted = dict(implied)
    for name, value in arguments.items():
        if name in known:
            if name in implied and layer_type.read_argument(name, value) != implied[name]:
                raise ConvcliError(f"{name} is {value}, but the weights imply {implied[name]}", "leave it out")
            accepted[name] = value
        elif TRAINING_ONLY.fullmatch(name):
            warnings.warn(
                f"layer {layer_name}: {name} is ignored: it matters only in training "
                f"({option('seed')} draws weights by Keras's defaults)",
                stacklevel=2,
            )
        else:
            raise _unknown_argument(layer_type, name)
    missing = [name for name in layer_type.required_arguments() if name not in accepted]
    if missing:
        raise ConvcliError(f"{missing[0]} is missing", _how_to_give(layer_type, missing[0]))
    return layer_type(**accepted)


def _unknown_argument(layer_type: type[Layer], name: str) -> ConvcliError:
    known = tuple(dict.fromkeys((*layer_type.argument_names(), *layer_type.weight_names)))
    others = (*GRAPH_KEYS, "kernel_layout") if issubclass(layer_type, KernelLayer) else GRAPH_KEYS
    remedy = suggestion(name, (*known, *others), f"known: {', '.join(known) or 'none'}")
    return ConvcliError(f"{layer_type.__name__} has no argument {short_repr(name)}", remedy)


def _how_to_give(layer_type: type[Layer], name: str) -> str:
    if issubclass(layer_type, KernelLayer) and name in ("filters", "kernel_size", "units"):
        return f"{name}: a whole number; or the kernel itself"
    return f"{name}: a value"


def take_weights(layer_type: type[Layer], arguments: dict[str, Any], folder: str) -> LayerWeights:
    """Remove the weights from a layer's arguments and return them. Raises `ConvcliError`.

    A boolean `bias` is `use_bias`, as PyTorch spells it. A layer with a kernel but no bias among its arguments gets a
    bias of zero, unless `use_bias` is false.
    """
    if "bias" in arguments and "use_bias" in layer_type.argument_names():
        _take_boolean_bias(arguments)
    weights = _take_kernel(layer_type, arguments, folder) if issubclass(layer_type, KernelLayer) else LayerWeights({})
    values = dict(weights.values)
    for name in layer_type.weight_names:
        if name in arguments and name not in layer_type.argument_names():
            with located(name):
                values[name] = weight_value(arguments.pop(name), folder)
    if "kernel" in values and "bias" not in values and arguments.get("use_bias", True) is True:
        values["bias"] = weight_value(0, folder)
    return LayerWeights(values, weights.implied, weights.filter_names)


def _take_boolean_bias(arguments: dict[str, Any]) -> None:
    """Turn a boolean `bias` into `use_bias`. Raises `ConvcliError` where a bias contradicts `use_bias`."""
    bias, use_bias = arguments["bias"], arguments.get("use_bias")
    has_bias = bias if isinstance(bias, bool) else True
    if isinstance(use_bias, bool) and use_bias != has_bias:
        problem = f"bias is {bias}" if isinstance(bias, bool) else "a bias is given"
        raise ConvcliError(f"{problem}, but use_bias is {use_bias}", "one of them")
    if isinstance(bias, bool):
        del arguments["bias"]
        arguments.setdefault("use_bias", bias)


def _take_kernel(layer_type: type[KernelLayer], arguments: dict[str, Any], folder: str) -> LayerWeights:
    """Remove a layer's kernel, or the hand-made filters that it consists of, from its arguments and return it."""
    if "kernel_layout" in arguments and "kernel" not in arguments:
        raise ConvcliError("kernel_layout without a kernel", "kernel: an array")
    groups = (
        layer_type.read_argument("groups", arguments.get("groups", 1)) if "groups" in layer_type.argument_names() else 1
    )
    if layer_type.rank is not None and not isinstance(arguments.get("filters"), int | float | None):
        if "kernel" in arguments:
            raise ConvcliError("filters and kernel both hold weights", "one of them")
        with located("filters"):
            filters = read_filters(arguments.pop("filters"), layer_type.rank, folder)
            implied = layer_type.arguments_from_filters(filters.size, filters.depth, len(filters.names))
            kernel = filters.stack(layer_type.KERNEL_AXES, groups)
            return LayerWeights({"kernel": kernel}, implied, filters.names)
    if "kernel" in arguments:
        with located("kernel"):
            kernel = _whole_kernel(layer_type, arguments, folder)
            implied = layer_type.arguments_from_kernel(tuple(extent or 1 for extent in kernel.shape), groups)
            return LayerWeights({"kernel": kernel}, implied)
    return LayerWeights({})


def _whole_kernel(layer_type: type[KernelLayer], arguments: dict[str, Any], folder: str) -> WeightValue:
    rank = layer_type.rank or 0
    kernel = weight_value(arguments.pop("kernel"), folder)
    layout = arguments.pop("kernel_layout", None)
    if layout is not None:
        with located("kernel_layout"):
            kernel = to_keras_layout(kernel, str(layout), rank, layer_type.KERNEL_AXES)
    if len(kernel.shape) != rank + 2:
        raise ConvcliError(f"rank {len(kernel.shape)}", f"rank {rank + 2}; a filter by itself goes under filters")
    return kernel
