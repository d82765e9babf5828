"""The threads and the spare memory that a program and its tile programs share."""

from __future__ import annotations

import threading

from convcli.core.closeable import Closeable
from convcli.core.thread_pool import ThreadPool
from convcli.engine.buffers import SpareMemory
from convcli.engine.native.records import Scratch


class Workspace(Closeable):
    """Threads, spare memory, and the lock that lets one run at a time use them.

    `workers` does all work but matrix products, which `product_workers` does: it is the same thread pool, or a single
    thread where BLAS has threads of its own. `threads` is the size of the pool, by default one for each processor. The
    native core has threads of its own, as many; `arena` holds its values, and its kernels work in
    `native_scratch`.
    """

    def __init__(self, threads: int | None) -> None:
        self.lock = threading.Lock()
        self.workers = ThreadPool(threads)
        self.product_workers = self.workers.for_matrix_products()
        self.spare = SpareMemory()
        self.arena, self.native_scratch = Scratch(), Scratch()

    def close(self) -> None:
        """Stop the threads and let the memory go."""
        self.workers.close()
        self.product_workers.close()
        self.spare = SpareMemory()
        self.arena, self.native_scratch = Scratch(), Scratch()
