"""One layer of a Keras model: its class here, and its arguments."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located, short
from convcli.model.layers import LAYERS, TRAINING_ONLY, Layer, activation_name, normalised
from convcli.readers.keras.json_values import config_of, plain

OURS = ("keras", "tf_keras", "tensorflow")  # the packages whose classes are Keras's own
OPERATIONS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
FUNCTIONS = {  # Keras 2's operators on tensors
    "__operators__.add": "Add",
    "__operators__.sub": "Subtract",
    "__operators__.mul": "Multiply",
    **{f"math.{name.lower()}": name for name in OPERATIONS},
}
OPERATOR_LAYER = "TFOpLambda"
RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}  # Keras 2's name of an argument: Keras 3's
ONE_AXIS = ("BatchNormalization",)  # layers whose axis Keras 2 puts in a list
# Of what matters in training alone, what would make training another one; where weights begin and chance are `fit`'s.
TRAINS_OTHERWISE = re.compile(r".*_(regularizer|constraint)|noise_shape")
NO_ARGUMENTS = ("name", "trainable", "dtype", "batch_input_shape", "autocast", "experimental_autocast")


def layer_class_of(layer: Mapping[str, Any]) -> type[Layer]:
    """The layer's class here. Raises `ConvcliError` where there is none, or it is code of the model's author."""
    name, module = layer["class_name"], layer.get("module")
    if name == "Lambda":
        raise ConvcliError("Lambda holds code, and code in a file is never run", "layers of Keras")
    if module is not None and str(module).split(".")[0] not in OURS:
        own = short(f"{module}.{name}").strip("'")
        raise ConvcliError(f"{own} is a class of the model's own, whose code is not in the file", "Keras's")
    if name == OPERATOR_LAYER:
        function = config_of(layer).get("function")
        if str(function) not in FUNCTIONS:
            raise ConvcliError(f"the operation {short(function)} is not known", ", ".join(FUNCTIONS))
        return LAYERS[normalised(FUNCTIONS[str(function)])]
    if ".ops." in str(module) and name not in OPERATIONS:
        raise ConvcliError(f"the operation {name} is not known", ", ".join(OPERATIONS))
    found = LAYERS.get(normalised(name))
    if found is None or name not in (found.__name__, *found.aliases):
        raise ConvcliError(f"unknown layer class {name!r}", "convcli help layer-types lists them")
    return found


def arguments_of(layer: Mapping[str, Any], name: str, path: str, trainable: bool) -> dict[str, Any]:
    """The layer's arguments, without those that matter in training alone, but with the names of some: `left_out`."""
    kind, config = layer_class_of(layer), config_of(layer)
    if "Quantized" in str(config.get("dtype")) or config.get("quantization_config"):
        raise ConvcliError("is quantized", "weights of real numbers")
    if config.get("renorm") is True:
        raise ConvcliError("renormalises its batches, with variables of its own", "renorm: false")
    if config.get("lora_rank") is not None:
        raise ConvcliError("has LoRA weights beside its own", "the layer without them, merged")
    kept = str(config.get("dtype"))
    if "float16" in kept or "float64" in kept:
        warnings.warn(f"layer {name}: its dtype is not followed; --dtype says what is computed in", stacklevel=2)
    arguments: dict[str, Any] = {"name": name, "stored_as": path}
    if not trainable or config.get("trainable") is False:
        arguments["trainable"] = False
    if layer["class_name"] == OPERATOR_LAYER:
        return arguments
    left_out = [key for key, value in config.items() if TRAINS_OTHERWISE.fullmatch(key) and value is not None]
    if left_out:
        arguments["left_out"] = left_out
    for key, value in config.items():
        argument = RENAMED.get((kind.__name__, key), key)
        if key in NO_ARGUMENTS or TRAINING_ONLY.fullmatch(key) or (value is None and argument != "axis"):
            continue
        if argument not in kind.arguments() and (value is False or (key == "groups" and value == 1)):
            continue  # what other layers have, and this one has not
        arguments[argument] = _argument(kind, argument, plain(value))
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
                f"activation: {value.get('registered_name') or value.get('class_name')} is no activation by name",
                "relu and its like by name, any other as a layer of its own",
            )
        value = value["config"]
    with located("activation"):
        return activation_name(value, 0)
