"""One layer of a Keras model: the class that convcli has for it, and its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, short_repr, shortened
from convcli.model.layers import LAYERS, TRAINING_ONLY, Layer, activation_name, canonical_name
from convcli.readers.keras.json_values import config_of, plain_value
from convcli.readers.reader import NotFollowedError

KERAS_PACKAGES = ("keras", "tf_keras", "tensorflow")
OPERATIONS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")  # of keras.ops: each is the layer of its name
OPERATOR_LAYER = "TFOpLambda"  # the class by which Keras 2 writes an operator on tensors; `function` names the operator
OPERATORS = {
    "__operators__.add": "Add",
    "__operators__.sub": "Subtract",
    "__operators__.mul": "Multiply",
    **{f"math.{name.lower()}": name for name in OPERATIONS},
}
RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}  # an argument's name in Keras 2: its name in Keras 3
AXIS_IN_LIST = ("BatchNormalization",)  # Keras 2 writes the axis of these layers as a list of one
# Arguments that change how the layer is trained, and that `fit` does not follow. Initializers and seeds are not among
# them: they matter only where weights are drawn.
TRAINING_RULES = re.compile(r".*_(regularizer|constraint)|noise_shape")
NOT_ARGUMENTS = ("name", "trainable", "dtype", "batch_input_shape", "autocast", "experimental_autocast")


def layer_class_of(layer: Mapping[str, Any]) -> type[Layer]:
    """Return the class of a layer. Raises `NotFollowedError` where convcli has none, or the model brings its own."""
    name, module = layer["class_name"], layer.get("module")
    if name == "Lambda":
        raise NotFollowedError("holds code, and code in a file is never run")
    package, custom, _ = str(layer.get("registered_name")).partition(">")
    if custom:  # registered by the model's author, perhaps under a name of Keras's
        raise NotFollowedError(f"is a class of {shortened(package)}, whose code is not in the file")
    if module is not None and str(module).split(".")[0] not in KERAS_PACKAGES:
        raise NotFollowedError(f"is a class of {shortened(str(module))}, whose code is not in the file")
    if name == OPERATOR_LAYER:
        function = config_of(layer).get("function")
        if str(function) not in OPERATORS:
            raise NotFollowedError(f"calls {short_repr(function)}, which is not one of {', '.join(OPERATORS)}")
        return LAYERS[canonical_name(OPERATORS[str(function)])]
    if is_operation(layer) and name not in OPERATIONS:
        raise NotFollowedError(f"is not an operation that convcli has: {', '.join(OPERATIONS)}")
    result = LAYERS.get(canonical_name(name))
    if result is None or name not in (result.__name__, *result.aliases):
        raise NotFollowedError("is not a layer that convcli has")
    return result


def arguments_of(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> dict[str, Any]:
    """Return a layer's arguments, without those that matter only in training.

    Beside its own arguments stand `stored_as` (its `path` in a Keras weights file), `trainable: False` where it is
    frozen, and `left_out`: the names of its arguments that change training and are not followed. Raises
    `NotFollowedError` for a layer that computes otherwise than its class says.
    """
    layer_type, config = layer_class_of(layer), config_of(layer)
    _check_supported(config)
    arguments = facts_of(layer, name, path, trainable)
    if layer["class_name"] == OPERATOR_LAYER:
        return arguments
    left_out = [key for key, value in config.items() if TRAINING_RULES.fullmatch(key) and value is not None]
    if left_out:
        arguments["left_out"] = left_out
    for key, value in config.items():
        argument = RENAMED.get((layer_type.__name__, key), key)
        if key in NOT_ARGUMENTS or TRAINING_ONLY.fullmatch(key) or (value is None and argument != "axis"):
            continue
        if argument not in layer_type.argument_names() and (value is False or (key == "groups" and value == 1)):
            continue  # Keras writes arguments of a base class that this layer does not have
        arguments[argument] = _argument(layer_type, argument, plain_value(value))
        _check_known(layer_type, argument, arguments[argument])
    return arguments


def _check_known(layer_type: type[Layer], name: str, value: Any) -> None:
    """Raise `NotFollowedError` for an argument that convcli does not have, or a word that it does not know there."""
    if name not in layer_type.argument_names():
        raise NotFollowedError(f"has an argument that convcli does not know: {shortened(name)}")
    if isinstance(value, str):
        try:
            layer_type.read_argument(name, value)
        except ConvcliError as error:
            raise NotFollowedError(f"has a {name} that convcli does not know: {error.problem}") from None


def facts_of(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> dict[str, Any]:
    """Return what the file tells of a layer of any class: name, path in a weights file, whether it is frozen."""
    facts: dict[str, Any] = {"name": name, "stored_as": path}
    if not trainable or config_of(layer).get("trainable") is False:
        facts["trainable"] = False
    return facts


def is_operation(layer: Mapping[str, Any]) -> bool:
    """Return whether a layer is an operation on tensors, which has no weights."""
    return layer["class_name"] == OPERATOR_LAYER or ".ops." in str(layer.get("module"))


def other_dtype(config: Mapping[str, Any]) -> str | None:
    """Return the name of a layer's number type, such as `mixed_float16`; None for float32."""
    dtype = config.get("dtype")
    name = str(config_of(dtype).get("name") if isinstance(dtype, dict) and "config" in dtype else dtype)
    return shortened(name) if "float16" in name or "float64" in name else None


def _check_supported(config: Mapping[str, Any]) -> None:
    """Raise `NotFollowedError` for a layer with variables or computations that convcli does not have."""
    if "Quantized" in str(config.get("dtype")) or config.get("quantization_config"):
        raise NotFollowedError("is quantized")
    if config.get("renorm") is True:
        raise NotFollowedError("renormalises its batches, with variables of its own")
    if config.get("lora_rank") is not None:
        raise NotFollowedError("has LoRA weights beside its own, which are not merged")


def _argument(layer_type: type[Layer], name: str, value: Any) -> Any:
    if name == "activation":
        return _activation(value)
    if name == "axis" and layer_type.__name__ in AXIS_IN_LIST and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _activation(value: Any) -> str | None:
    """Return the name of an activation, which Keras writes by itself or as the `config` of one of its functions."""
    if isinstance(value, dict):
        if str(value.get("module")).split(".")[0] not in KERAS_PACKAGES or not isinstance(value.get("config"), str):
            name = shortened(str(value.get("registered_name") or value.get("class_name")))
            raise NotFollowedError(f"has an activation that is not one of Keras's by name: {name}")
        value = value["config"]
    try:
        return activation_name(value, 0)
    except ConvcliError as error:
        raise NotFollowedError(f"has an unknown activation: {error.problem}") from None
