"""Measure what this machine can do at most: matrix products, which multiply, and copies, which move memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import Thread
from time import perf_counter

import numpy as np

from convcli.core import memory
from convcli.core.records import Record

SIDE = 512  # of the matrices
COPIED = 32 << 20  # bytes that a thread copies: more than caches hold
ROUNDS, REPEATS = 7, 3  # a thread repeats its task, as to start it takes a while
REMEDY = "fewer threads, or more with --max-memory"


class MachineLimits(Record):
    """The most that some threads together do in a second: `flops` operations of products, `bytes` read and written."""

    flops: float
    bytes: float

    def least_seconds(self, flops: int, moved: int) -> float:
        """Return the time that so many operations and so many bytes take at least: what takes longer of the two."""
        return max(flops / self.flops, moved / self.bytes)


def measure_limits(dtype: str, threads: int) -> MachineLimits:
    """Measure the limits of so many threads, in a quarter of a second. Raises `ConvcliError` for lack of memory."""
    memory.require(2 * COPIED * threads, REMEDY)
    matrices = [(np.ones((SIDE, SIDE), dtype), np.empty((SIDE, SIDE), dtype)) for _ in range(threads)]
    products = _seconds_together([partial(np.matmul, a, a, out=c) for a, c in matrices])
    arrays = [(np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)) for _ in range(threads)]
    copies = _seconds_together([partial(np.copyto, c, a) for a, c in arrays])
    return MachineLimits(threads * 2 * SIDE**3 / products, threads * 2 * COPIED / copies)


def _seconds_together(tasks: Sequence[Callable[[], object]]) -> float:
    """Return the seconds that all tasks take at once, each in its own thread: the least of some rounds."""

    def repeat(task: Callable[[], object]) -> None:
        for _ in range(REPEATS):
            task()

    rounds = []
    for _ in range(ROUNDS):
        threads = [Thread(target=repeat, args=(task,)) for task in tasks]
        start = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rounds.append((perf_counter() - start) / REPEATS)
    return min(rounds)
