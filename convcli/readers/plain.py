"""The project's own model files, in each of their forms: the full mapping, a list of layers, one layer, a kernel."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.io.arrays import from_document
from convcli.readers import bare_kernel


def is_keras(value: Any) -> bool:
    """Whether a value is what Keras writes of a model or a layer, which `readers.keras` reads."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def mapping(value: Any, name: str) -> dict[str, Any]:
    """The full mapping of whatever form the value has; `name` is what a bare kernel is called."""
    if isinstance(value, str):
        return {"layers": [value]}
    if isinstance(value, list) and value:
        if all(isinstance(each, int | float | list) for each in value):
            return bare_kernel.mapping(value, name)
        return {"layers": value}
    if isinstance(value, dict) and value:
        if "data" in value:
            return bare_kernel.mapping(from_document(value), name)
        if len(value) > 1 or isinstance(next(iter(value.values())), list):
            return value  # the full form, whose keys the validator knows
        return value if "layers" in value else {"layers": [value]}
    raise ConvcliError("is not a model", "a mapping with layers, a list of layers, one layer, or a kernel")
