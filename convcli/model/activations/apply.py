"""Activations by name, applied to arrays: their gradients, and themselves in place."""

from __future__ import annotations

import math
from typing import Any

from convcli.core.lazy_imports import Array, np
from convcli.model.activations.registry import ACTIVATIONS, GRADIENTS


def input_gradient(name: str, x: Array, y: Array, dy: Array, **parameters: Any) -> Array:
    """Return the gradient by x of a loss, from its gradient dy by y = f(x)."""
    return np.asarray(GRADIENTS[ACTIVATIONS[name].__name__](x, y, dy, **parameters))


def clip_limit(name: str, **parameters: Any) -> float | None:
    """Return the upper limit of an activation that only clips its input, to 0 from below; None for any other."""
    if name not in ("relu", "relu6") or parameters.get("negative_slope") or parameters.get("threshold"):
        return None
    limit = 6.0 if name == "relu6" else parameters.get("max_value")
    return math.inf if limit is None else float(limit)


def apply_in_place(name: str, x: Array, **parameters: Any) -> None:
    """Overwrite an array with an activation of each of its numbers."""
    limit = clip_limit(name, **parameters)
    if limit is not None:
        if limit < math.inf:
            np.clip(x, 0, limit, out=x)
        else:
            np.maximum(x, 0, out=x)
    elif name != "linear":
        x[...] = ACTIVATIONS[name](x, **parameters)
