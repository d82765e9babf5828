"""Ways to correlate, and the one function that prepares them.

A way is a module with `FOR`, what it is for in words, and two functions:

- `suits(work)`: whether it can do such `Work` (in `work`: windows, groups, extents, number type, tolerance),
- `prepare(kernel, work) -> Blocks` (in `blocks`): the weights laid out as it wants them, ready to run on any number of
  samples. `kernel` is `(*k, in/groups, filters)` as it meets the input: already flipped or transposed.

To add one, write the module, enter its name in `WAYS` and say in `rule` when it is the fastest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np

if TYPE_CHECKING:
    from convcli.engine.algorithms.blocks import Blocks
    from convcli.engine.algorithms.problem import Work

WAYS = (
    "patches",
    "banded",
    "winograd",
    "space_to_depth",
    "fourier",
    "interleaved",
    "channelwise",
    "phases",
    "compiled",
    "plain",
)
AUTO = "auto"
SKIP_ZEROS = ("phases", "compiled")


def way(name: str) -> Any:
    """The module of that name."""
    return import_module(f"convcli.engine.algorithms.{name}")


def prepare(kernel: Array, work: Work, algorithm: str = AUTO) -> tuple[str, Blocks]:
    """The named way, or the one that the rule says, ready to run. Raises `ConvcliError` where it does not suit."""
    from convcli.engine.algorithms import compiled
    from convcli.engine.algorithms.choose import choose

    finite = bool(np.isfinite(kernel).all())
    if algorithm == AUTO:
        # Infinity times the zeros of padding, and of a stretched input, is no number: few ways look at them at all.
        chosen = choose(work) if finite else "patches" if work.unstretched else "plain"
    elif algorithm in WAYS and way(algorithm).suits(work) and (finite or algorithm not in SKIP_ZEROS):
        chosen = algorithm
    elif algorithm not in WAYS:
        raise ConvcliError(f"algorithm {algorithm!r}", f"{AUTO}, {', '.join(WAYS)}")
    else:
        suited = [name for name in WAYS if way(name).suits(work) and (finite or name not in SKIP_ZEROS)]
        if not compiled.installed():
            suited = [name for name in suited if name != "compiled"]
        what = f"algorithm {algorithm} does not suit this layer: it is for {way(algorithm).FOR}"
        raise ConvcliError(what, f"{' or '.join(suited)}, or {AUTO}")
    prepared: Blocks = way(chosen).prepare(kernel, work)
    return chosen, prepared
