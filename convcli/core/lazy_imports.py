"""Modules that are imported when they are first used, for start-up time only, and the type of their arrays."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["Array", "np", "yaml"]


class LazyModule:
    """Stands for a module until one of its attributes is asked for."""

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
