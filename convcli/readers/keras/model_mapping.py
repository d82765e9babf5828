"""The JSON of a Keras model as the plain mapping that `validate` takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from convcli.core.option_names import option
from convcli.model.activations import works_along_axis
from convcli.model.layers import UNKNOWN
from convcli.readers.keras.flatten import Flattener, LayerEntry
from convcli.readers.keras.json_values import is_keras_2
from convcli.readers.keras.model_tree import KerasModel, read_model


def mapping(value: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return the plain mapping of a Keras model; `title` names it where it has no name.

    Raises `ConvcliError`, which names the layer.
    """
    from_keras_2 = is_keras_2(value)
    model = read_model(value, from_keras_2)
    several = len(model.inputs) > 1
    inputs = {name if several else "input": model.shapes.get(name) for name in model.inputs}
    flattener = Flattener(model)
    outputs = flattener.call(model, tuple(inputs))
    layers = flattener.layers
    for layer_type, arguments in _arguments(layers):
        if layer_type == UNKNOWN and arguments["name"] in flattener.told:
            arguments["output_shape"] = flattener.told[arguments["name"]]
    _warn_of_dtypes(model)
    data_format = _data_format(layers)
    _state_axes(layers, data_format)
    return {
        "name": model.name or title,
        "data_format": data_format,
        "input": inputs if several else inputs.get("input"),
        "outputs": list(dict.fromkeys(outputs)),  # Keras may name an output twice
        "layers": layers,
    }


def _arguments(layers: Iterable[LayerEntry]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the type and the arguments of each layer."""
    for layer in layers:
        yield from layer.items()


def _warn_of_dtypes(model: KerasModel) -> None:
    """Warn, once for all layers, of number types other than float32."""
    dtypes = {path[-1]: layer.dtype for path, layer in model.leaves() if layer.dtype}
    if not dtypes:
        return
    (first, dtype), others = next(iter(dtypes.items())), len(dtypes) - 1
    layers = f"layer {first}" if not others else f"layer {first} and {others:,} other{'s' * (others > 1)}"
    sets = f"{option('dtype')} sets the number type of the computation"
    warnings.warn(f"{layers}: the dtype {dtype} is ignored; {sets}", stacklevel=2)


def _data_format(layers: Iterable[LayerEntry]) -> str | None:
    """Return the data format of the first layer that says one; Flatten says channels_last behind whatever it stands."""
    stating = [(layer_type, arguments) for layer_type, arguments in _arguments(layers) if "data_format" in arguments]
    _, arguments = min(stating, key=lambda layer: layer[0] == "Flatten", default=("", {}))
    return arguments.get("data_format")


def _state_axes(layers: Iterable[LayerEntry], data_format: str | None) -> None:
    """State the axis of layers that Keras applies to one axis whatever the data format: the last, or axis 1.

    In a channels_first model of convcli the same layers would work along the channels, or in space.
    """
    for layer_type, arguments in _arguments(layers):
        own = arguments.get("data_format", data_format)
        if own != "channels_first":
            continue
        if layer_type in ("Dense", "Activation"):
            arguments["axis"] = -1
        elif layer_type in ("UpSampling1D", "Cropping1D", "ZeroPadding1D"):
            arguments.setdefault("data_format", "channels_last")
        elif works_along_axis(arguments.get("activation") or "linear"):
            arguments["activation_axis"] = -1
