"""One layer of a Keras model: the class that convcli has for it, and its arguments."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.option_names import option
from convcli.model.layers import LAYERS, TRAINING_ONLY, Layer, activation_name, canonical_name
from convcli.readers.keras.json_values import config_of, plain_value

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
    """Return the class of a layer. Raises `ConvcliError` where convcli has none, or the model brings its own."""
    name, module = layer["class_name"], layer.get("module")
    if name == "Lambda":
        raise ConvcliError("Lambda holds code, and code in a file is never run", "layers of Keras")
    if module is not None and str(module).split(".")[0] not in KERAS_PACKAGES:
        own = short_repr(f"{module}.{name}").strip("'")
        raise ConvcliError(f"{own} is a class of the model's own, whose code is not in the file", "a class of Keras")
    if name == OPERATOR_LAYER:
        function = config_of(layer).get("function")
        if str(function) not in OPERATORS:
            raise ConvcliError(f"unknown operation {short_repr(function)}", f"one of {', '.join(OPERATORS)}")
        return LAYERS[canonical_name(OPERATORS[str(function)])]
    if ".ops." in str(module) and name not in OPERATIONS:
        raise ConvcliError(f"unknown operation {name}", f"one of {', '.join(OPERATIONS)}")
    result = LAYERS.get(canonical_name(name))
    if result is None or name not in (result.__name__, *result.aliases):
        raise ConvcliError(f"unknown layer class {short_repr(name)}", "convcli help layer-types lists them")
    return result


def arguments_of(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> dict[str, Any]:
    """Return a layer's arguments, without those that matter only in training.

    Beside its own arguments stand `stored_as` (its `path` in a Keras weights file), `trainable: False` where it is
    frozen, and `left_out`: the names of its arguments that change training and are not followed. Raises
    `ConvcliError` for a layer that computes otherwise than its class says.
    """
    layer_type, config = layer_class_of(layer), config_of(layer)
    _check_supported(config)
    dtype = str(config.get("dtype"))
    if "float16" in dtype or "float64" in dtype:
        sets = f"{option('dtype')} sets the number type of the computation"
        warnings.warn(f"layer {name}: its dtype is ignored; {sets}", stacklevel=2)
    arguments: dict[str, Any] = {"name": name, "stored_as": path}
    if not trainable or config.get("trainable") is False:
        arguments["trainable"] = False
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
    return arguments


def _check_supported(config: Mapping[str, Any]) -> None:
    """Raise `ConvcliError` for a layer with variables or computations that convcli does not have."""
    if "Quantized" in str(config.get("dtype")) or config.get("quantization_config"):
        raise ConvcliError("is quantized", "weights of real numbers")
    if config.get("renorm") is True:
        raise ConvcliError("renormalises its batches, with variables of its own", "renorm: false")
    if config.get("lora_rank") is not None:
        raise ConvcliError("has LoRA weights beside its own", "the layer without them, merged")


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
            raise ConvcliError(
                f"activation: {value.get('registered_name') or value.get('class_name')} is not an activation by name",
                "a name such as relu; any other activation as a layer of its own",
            )
        value = value["config"]
    with located("activation"):
        return activation_name(value, 0)
