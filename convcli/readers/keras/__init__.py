"""What Keras writes of a model, `model.to_json()` of Keras 3 and Keras 2, as the plain mapping.

Graphs of layers, models within models and layers that are called several times become one flat list of layers. Nothing
in the file is run: a layer that this package does not have is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.model.activations import works_along_axis
from convcli.readers.keras.flatten import Flat
from convcli.readers.keras.graph import graph_of
from convcli.readers.keras.json_values import is_keras_2


def mapping(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The plain mapping of the model; `name` is used where it has none. Raises `ConvcliError`, naming the layer."""
    two = is_keras_2(value)
    graph = graph_of(value, two)
    several = len(graph.inputs) > 1
    inputs = {each if several else "input": graph.shapes.get(each) for each in graph.inputs}
    flat = Flat(graph)
    outputs = list(dict.fromkeys(flat.call(graph, tuple(inputs))))  # one that is named twice is one
    _check_versions(flat.entries, two)
    _state_axes(flat.entries)
    shapes = inputs if several else inputs.get("input")
    return {"name": graph.name or name, "input": shapes, "outputs": outputs, "layers": flat.entries}


def _check_versions(entries: Sequence[Mapping[str, dict[str, Any]]], two: bool) -> None:
    """Raise `ConvcliError` for what has another meaning in Keras 2."""
    for entry in entries:
        for arguments in entry.values():
            if two and arguments.get("activation") == "hard_sigmoid":
                with located(f"layer {arguments['name']}"):
                    raise ConvcliError("hard_sigmoid of Keras 2 is clip(0.2·x + 0.5), another function than Keras 3's")


def _state_axes(entries: Sequence[Mapping[str, dict[str, Any]]]) -> None:
    """Say that dense layers and activations work along the last axis, in whatever order the axes are."""
    if any(each.get("data_format") == "channels_first" for entry in entries for each in entry.values()):
        for entry in entries:
            for kind, arguments in entry.items():
                if kind in ("Dense", "Activation"):
                    arguments["axis"] = -1
                elif kind in ("UpSampling1D", "Cropping1D", "ZeroPadding1D") and "data_format" not in arguments:
                    with located(f"layer {arguments['name']}"):
                        raise ConvcliError("works along axis 1 whatever the data format, beside channels_first layers")
                elif works_along_axis(arguments.get("activation") or "linear"):
                    with located(f"layer {arguments['name']}"):
                        raise ConvcliError(f"{arguments['activation']} along the last axis of channels_first maps")
