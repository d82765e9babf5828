"""Records of operations, as the kernels in C read them: one element of a NumPy array for each.

The C side is the only list of fields (`OPERATION_FIELDS` in operation.h); the NumPy type is made of it. A record holds
addresses: whoever fills it checks shapes and types first, and keeps the arrays until the run is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import inf, prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.native.core import NativeCore

AXES = 3  # of space in every record; leading ones have extent 1 where an operation has fewer
CACHE_LINE = 64
MOST_OVERSIZE, NEGLIGIBLE = 4, 1 << 20  # spare memory is let go where it is larger than needed by more than this


@cache
def record_type(module: Any) -> np.dtype[Any]:
    """Return the NumPy type of a record of the module `_core`."""
    fields, size = module.fields()
    names, formats, counts, offsets = zip(*fields, strict=True)
    shaped = [form if count == 1 else (form, (count,)) for form, count in zip(formats, counts, strict=True)]
    return np.dtype({"names": list(names), "formats": shaped, "offsets": list(offsets), "itemsize": size})


def new_records(core: NativeCore, kinds: Sequence[str], dtype: str) -> Array:
    """Return records of operations of these kinds, with neither clip nor activation, and all else zero."""
    records = np.zeros(len(kinds), record_type(core.module))
    records["kind"] = [core.module.kinds().index(kind) for kind in kinds]
    records["is_double"] = dtype == "float64"
    records["low"], records["high"] = -inf, inf
    return records


def check(fits: bool, what: str) -> None:
    """Raise `ValueError` unless arrays fit a record. Not an assertion, which Python may leave out: C checks nothing."""
    if not fits:
        raise ValueError(what)


def axes_of(numbers: Sequence[int], lacking: int) -> tuple[int, ...]:
    """Return a number for each axis of a record, given those of the last axes."""
    return (*[lacking] * (AXES - len(numbers)), *numbers)


def steps_of(array: Array) -> tuple[int, ...]:
    """Return how many numbers lie between samples and between neighbours along each axis of a record.

    array: (samples, *space, channels), its channels next to each other.
    """
    samples, *space, channels = (stride // array.itemsize for stride in array.strides)
    check(channels == 1 or array.shape[-1] <= 1, "the channels of a cell are not neighbours")
    return (samples, *axes_of(space, 0))


def dense_steps(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the same for samples of a shape (*space, channels) that lie in memory in one piece."""
    samples, *space = (prod(shape[axis:]) for axis in range(len(shape)))
    return (samples, *axes_of(space, 0))


def address(array: Array) -> int:
    """Return where the numbers of an array begin in memory."""
    start: int = array.ctypes.data
    return start


class Scratch:
    """Memory that kernels work in, reused from run to run."""

    def __init__(self) -> None:
        self._block = np.empty(0, np.uint8)

    def reserve(self, size: int) -> int:
        """Return the address of so many bytes, on a cache line. Their contents are undefined."""
        if not size + CACHE_LINE <= self._block.size <= MOST_OVERSIZE * size + NEGLIGIBLE:
            self._block = np.empty(size + CACHE_LINE, np.uint8)
        return -(-address(self._block) // CACHE_LINE) * CACHE_LINE


def run_records(
    core: NativeCore,
    records: Array,
    threads: int,
    scratch: Scratch,
    callback: Callable[[int, float], object] | None = None,
    finished: Array | None = None,
) -> None:
    """Run the operations in order.

    `callback` is called some times a second with the index of the operation at work and the share of it that is begun.
    `finished`, int64, takes the nanoseconds from the start to the end of each. What a signal handler or `callback`
    raises ends the run.
    """
    check(records.dtype == record_type(core.module) and records.flags.c_contiguous, "not records")
    check(finished is None or (finished.dtype == np.int64 and len(finished) == len(records)), "no room for times")
    size, parts = core.module.scratch(core.level, address(records), len(records))
    threads = max(1, min(threads, parts))
    memory = scratch.reserve(threads * size)
    times = 0 if finished is None else address(finished)
    core.module.run(core.level, address(records), len(records), threads, memory, size, times, callback)
