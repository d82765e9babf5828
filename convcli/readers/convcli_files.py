"""convcli's own model files (YAML, JSON or text) in all their forms: a mapping, a list, one layer, a kernel."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.io.nested_lists import from_document
from convcli.readers import bare_kernel
from convcli.readers.reader import Reader


def mapping(value: Any, title: str) -> dict[str, Any]:
    """Return the full mapping for a value in any of the forms; a bare filter is called `title`.

    Raises `ConvcliError` for any other value. The keys of a mapping are left to the validator.
    """
    if isinstance(value, str):
        return {"layers": [value]}
    if isinstance(value, list) and value:
        if all(isinstance(item, int | float | list) for item in value):
            return bare_kernel.mapping(value, title)
        return {"layers": value}
    if isinstance(value, dict) and value:
        if "data" in value:
            return bare_kernel.mapping(from_document(value), title)
        if len(value) > 1 or "layers" in value or isinstance(next(iter(value.values())), list):
            return value
        return {"layers": [value]}  # the one key is a layer's type
    raise ConvcliError("is not a model", "a mapping with layers, a list of layers, one layer, or a kernel")


TEXT = Reader("convcli's own", lambda file: True, lambda file: mapping(file.value, file.title))
