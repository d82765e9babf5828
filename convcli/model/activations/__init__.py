"""Every activation of Keras 3 that can be asked for by name alone (`threshold`, which needs arguments, cannot).

A function takes an array of any shape and returns one; those that work along an axis take `axis`. To add one, write it
with its slope, both decorated: layers, training, the command line and the messages read the register.
"""

from __future__ import annotations

import math
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.model.activations import along_axis, pointwise
from convcli.model.activations.registry import ACTIVATIONS, PULLBACKS, works_along_axis

__all__ = [
    "ACTIVATIONS",
    "along_axis",
    "apply_in_place",
    "clip_limit",
    "input_gradient",
    "pointwise",
    "works_along_axis",
]


def input_gradient(name: str, x: Array, y: Array, dy: Array, **parameters: Any) -> Array:
    """The gradient by x of what follows, given that by y = f(x)."""
    return np.asarray(PULLBACKS[ACTIVATIONS[name].__name__](x, y, dy, **parameters))


def clip_limit(name: str, **parameters: Any) -> float | None:
    """The clip_limit value of an activation that cuts its input off below 0 and there; None of any other."""
    if name not in ("relu", "relu6") or parameters.get("negative_slope") or parameters.get("threshold"):
        return None
    most = 6.0 if name == "relu6" else parameters.get("max_value")
    return math.inf if most is None else float(most)


def apply_in_place(name: str, x: Array, **parameters: Any) -> None:
    """An activation of each number by itself, written over its input."""
    most = clip_limit(name, **parameters)
    if most is not None:
        if most < math.inf:
            np.clip(x, 0, most, out=x)
        else:
            np.maximum(x, 0, out=x)
    elif name != "linear":
        x[...] = ACTIVATIONS[name](x, **parameters)
