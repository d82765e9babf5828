"""Progress of a program: how much of all the work is done, told by layer while its operations run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import accumulate
from math import prod

from convcli.core.progress import ProgressCallback
from convcli.core.thread_pool import ThreadPool
from convcli.engine.fusion import Operation
from convcli.engine.prepared_operations import PreparedOperation


def work_shares(operations: Sequence[Operation]) -> list[tuple[float, float]]:
    """Return for each operation the share of all work that is done before it, and the share that it is.

    Work is counted in multiplications by kernel weights, and one for each number of the result.
    """
    work = [_work(operation) for operation in operations]
    total = max(sum(work), 1)
    return [(before / total, own / total) for before, own in zip(accumulate(work, initial=0), work, strict=False)]


def _work(operation: Operation) -> int:
    """Return the work of an operation on one sample."""
    macs = 0 if operation.step is None else operation.step.macs(operation.input_shape) or 0
    return macs + prod(operation.output_shape)


def reporting(
    pools: Sequence[ThreadPool], layer: str, shares: tuple[float, float], callback: ProgressCallback | None
) -> AbstractContextManager[None]:
    """Return a context that reports how far an operation of the layer is, as the pools finish its tasks.

    `shares` are those of `work_shares`. Without a callback nothing is reported.
    """
    return nullcontext() if callback is None else _reporting(pools, layer, shares, callback)


def native_progress(
    operations: Sequence[PreparedOperation], shares: Sequence[tuple[float, float]], callback: ProgressCallback | None
) -> Callable[[int, float], object] | None:
    """Return the callback of a stretch of operations: it takes the index of one and the share of it that is begun.

    `shares` are those of `work_shares`, one for each operation. None where nothing is to be reported.
    """
    if callback is None:
        return None

    def report(index: int, begun: float) -> None:
        before, own = shares[index]
        callback(operations[index].operation.layer, before + own * begun)

    return report


@contextmanager
def _reporting(
    pools: Sequence[ThreadPool], layer: str, shares: tuple[float, float], callback: ProgressCallback
) -> Iterator[None]:
    before, own = shares
    for workers in pools:
        workers.report_progress = lambda share: callback(layer, before + own * share)
    callback(layer, before)
    try:
        yield
    finally:
        for workers in pools:
            workers.report_progress = None
