"""The values in Keras's JSON: its objects (`class_name` and `config`), tuples, arrays and tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, short_repr


def is_keras(value: Any) -> bool:
    """Return whether a value is how Keras writes a model or a layer: a mapping with `class_name` and `config`."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def config_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `config` of a model, layer or tensor. Raises `ConvcliError` where it is not a mapping."""
    config = value.get("config")
    if isinstance(config, list):  # early versions of Keras 2 wrote a sequential model so
        return {"layers": config}
    if not isinstance(config, dict):
        raise ConvcliError(f"{value.get('class_name')}: config is {short_repr(config)}", "a mapping")
    return config


def plain_value(value: Any) -> Any:
    """Return the list that Keras wrote as a tuple or an array; any other value as it is."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items")
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        return config_of(value).get("value")
    return value


def sample_shape(value: Any) -> list[int | None] | None:
    """Return a shape that Keras wrote without its batch axis; None where the value is not such a shape."""
    shape = plain_value(value)
    if not isinstance(shape, Sequence) or isinstance(shape, str) or not all(map(_is_extent, shape)):
        return None
    return list(shape[1:]) or None


def _is_extent(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def is_keras_2(model: Mapping[str, Any]) -> bool:
    """Return whether Keras 2 wrote a model: its version says so, or the calls of its layers are lists."""
    if str(model.get("keras_version")).startswith("2"):
        return True
    layers = config_of(model).get("layers")
    return any(_is_called_by_lists(layer) for layer in layers) if isinstance(layers, list) else False


def _is_called_by_lists(layer: Any) -> bool:
    nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
    return isinstance(nodes, list) and any(isinstance(node, list) for node in nodes)
