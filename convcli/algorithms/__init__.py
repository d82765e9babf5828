"""Ways to correlate, and the one function that picks among them.

A way is a module with two functions:

- `suits(windows, groups, seen, made)`: whether it is for so many groups of `made` filters that see `seen` channels,
- `correlate(x, kernel, windows, groups) -> y`, on arrays of one float type: `x` of shape `(batch, *spatial, in)`,
  `kernel` of shape `(*k, in/groups, filters)` as it meets the input (already flipped or transposed), `windows` one for
  each spatial axis, `y` of shape `(batch, *positions, filters)`.

To add one, write the module and enter its name in `WAYS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from convcli._lazy import Array
from convcli.errors import ConvcliError
from convcli.geometry import Window

WAYS = ("passes", "patches", "spread", "plain")  # `auto` takes the first that suits
AUTO = "auto"


def way(name: str) -> Any:
    """The module of that name."""
    return import_module(f"convcli.algorithms.{name}")


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int, algorithm: str = AUTO) -> Array:
    """Correlate by the named way, or by the first that suits. Raises `ConvcliError` where it does not suit."""
    seen, made = kernel.shape[-2], kernel.shape[-1] // groups
    suited = [name for name in WAYS if way(name).suits(windows, groups, seen, made)]
    chosen = suited[0] if algorithm == AUTO else algorithm
    if chosen not in suited:
        what = "does not suit this layer" if chosen in WAYS else "is not known"
        raise ConvcliError(f"algorithm {chosen} {what}", f"{' or '.join(suited)}, or {AUTO}")
    result: Array = way(chosen).correlate(x, kernel, windows, groups)
    return result
