"""Plain values as Keras writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from convcli.core.errors import ConvcliError, short


def config_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a model or layer. Raises `ConvcliError`."""
    found = value.get("config")
    if isinstance(found, list):  # a sequential model of an early Keras 2
        return {"layers": found}
    if not isinstance(found, dict):
        raise ConvcliError(f"{value.get('class_name')}: config is {short(found)}", "a mapping")
    return found


def plain(value: Any) -> Any:
    """A list for what Keras writes as a tuple or an array."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items")
    if isinstance(value, dict) and value.get("class_name") == "__numpy__":
        return config_of(value).get("value")
    return value


def is_keras_2(value: Mapping[str, Any]) -> bool:
    """Whether a model was written by Keras 2, which says so, or writes calls as lists."""
    layers = config_of(value).get("layers")
    found = layers if _is_list(layers) else []
    nodes = [layer.get("inbound_nodes") for layer in found if isinstance(layer, dict)]
    listed = any(_is_list(node) for each in nodes if _is_list(each) for node in each)
    return listed or str(value.get("keras_version")).startswith("2")


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
