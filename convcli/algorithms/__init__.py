"""Ways to correlate, and the one function that picks among them.

Every way has the same signature: `way(x, kernel, windows, groups) -> y`, on arrays of one float type, with

- `x` of shape `(batch, *spatial, in)`,
- `kernel` of shape `(*k, in/groups, filters)`, as it meets the input (already flipped or transposed),
- `windows`, one for each spatial axis,
- `y` of shape `(batch, *positions, filters)`.

To add one, write a module with such a function and a predicate `suits(windows, groups, channels, filters)`, and enter
it in `WAYS`; `auto` takes the first that suits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convcli.algorithms import patches, plain, spread
from convcli.algorithms.types import Array
from convcli.errors import ConvcliError
from convcli.geometry import Window


@dataclass(frozen=True)
class Way:
    """One algorithm: the function and what it can do."""

    run: Callable[[Array, Array, Sequence[Window], int], Array]
    suits: Callable[[Sequence[Window]], bool]


WAYS: dict[str, Way] = {
    "patches": Way(patches.correlate, patches.suits),
    "spread": Way(spread.correlate, spread.suits),
    "plain": Way(plain.correlate, plain.suits),
}
NAMES = ("auto", *WAYS)


def correlate(x: Array, kernel: Array, windows: Sequence[Window], groups: int, algorithm: str = "auto") -> Array:
    """Correlate by the named algorithm, or by the first that suits. Raises `ConvcliError` where it does not suit."""
    if algorithm == "auto":
        return next(way for way in WAYS.values() if way.suits(windows)).run(x, kernel, windows, groups)
    if not WAYS[algorithm].suits(windows):
        suited = [name for name, way in WAYS.items() if way.suits(windows)]
        raise ConvcliError(f"algorithm {algorithm} does not suit this layer", f"{' or '.join(suited)}, or auto")
    return WAYS[algorithm].run(x, kernel, windows, groups)
