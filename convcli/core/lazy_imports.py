"""NumPy and PyYAML, imported when they are first used: commands that need neither start sooner."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["Array", "np", "yaml"]


class LazyModule:
    """A module that is imported when one of its attributes is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


if TYPE_CHECKING:
    import numpy as np
    import yaml
    from numpy.typing import NDArray

    Array = NDArray[Any]
else:
    np, yaml, Array = LazyModule("numpy"), LazyModule("yaml"), Any
