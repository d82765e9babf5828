"""The JSON of a Keras model as the plain mapping that `validate` takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located
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
    if any(arguments.get("data_format") == "channels_first" for _, arguments in _arguments(layers)):
        _keep_last_axis(layers)
    return {
        "name": model.name or title,
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


def _keep_last_axis(layers: Iterable[LayerEntry]) -> None:
    """Write down the axis of layers that Keras applies to the last axis whatever the data format.

    In a channels_first model of convcli the same layers work along the channel axis. Raises `ConvcliError` for a layer
    that has no argument to say otherwise.
    """
    for layer_type, arguments in _arguments(layers):
        if layer_type in ("Dense", "Activation"):
            arguments["axis"] = -1
        elif layer_type in ("UpSampling1D", "Cropping1D", "ZeroPadding1D") and "data_format" not in arguments:
            with located(f"layer {arguments['name']}"):
                raise ConvcliError("works along axis 1 whatever the data format, beside channels_first layers")
        elif works_along_axis(arguments.get("activation") or "linear"):
            with located(f"layer {arguments['name']}"):
                raise ConvcliError(f"{arguments['activation']} works along the last axis of channels_first maps")
