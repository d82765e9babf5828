"""Threads that share out tasks."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from convcli.core.blas_threads import blas_has_one_thread
from convcli.core.closeable import Closeable
from convcli.core.lazy_imports import np
from convcli.core.scratch_memory import ScratchMemory

Item = TypeVar("Item")
Inbox = SimpleQueue[Callable[[], None] | None]  # None ends a helper


def available_cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ThreadPool(Closeable):
    """`count` threads that share out tasks: the caller's thread and `count - 1` helpers; by default one for each core.

    Helpers start when they are first needed. They wait at a simple queue, which wakes one in a tenth of the time that
    `concurrent.futures` takes; many tasks are shorter than that.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = available_cores() if count is None else count
        self.scratch = ScratchMemory()
        self.report_progress: Callable[[float], object] | None = None  # any thread calls it with the share that is done
        self._local = threading.local()
        self._reset_helpers()

    def _reset_helpers(self) -> None:
        self._process = os.getpid()  # a forked child has no helpers
        self._inbox: Inbox = SimpleQueue()
        self._helpers: list[threading.Thread] = []
        self._stop = weakref.finalize(self, _stop_helpers, self._inbox, self._helpers)

    def run(self, task: Callable[[Item], object], items: Sequence[Item]) -> None:
        """Run `task(item)` for every item, in any order.

        Raises the first exception of a task, after all threads have stopped. A task that calls `run` itself runs all
        its items in its own thread.
        """
        helper_count, nested = min(self.count, len(items)) - 1, getattr(self._local, "in_task", False)
        if self.report_progress is not None and not nested:
            task = _with_progress(task, len(items), self.report_progress)
        if helper_count < 1 or nested:
            for item in items:
                task(item)
            return
        self._start_helpers(helper_count)
        job, running = _Job(task, items, self._local), 0
        try:
            for _ in range(helper_count):
                self._inbox.put(job.help)
                running += 1
            job.work()
        except BaseException as error:  # an interruption, wherever it comes
            job.errors.append(error)
        while running:
            try:
                job.finished.get()
                running -= 1
            except KeyboardInterrupt as error:  # wait for the other threads before raising it
                job.errors.insert(0, error)
        try:
            if job.errors:
                raise job.errors[0]
        finally:
            job.errors.clear()  # an error refers to this frame, and so to the task's arrays

    def _start_helpers(self, count: int) -> None:
        if self._process != os.getpid():
            self._reset_helpers()
        while len(self._helpers) < count:
            helper = threading.Thread(target=_help, args=(self._inbox,), name="convcli", daemon=True)
            helper.start()
            self._helpers.append(helper)

    def for_matrix_products(self) -> ThreadPool:
        """Return the pool that shares out matrix products: this one, or one thread where BLAS has several itself."""
        return self if blas_has_one_thread(os.environ) else ThreadPool(1)

    def close(self) -> None:
        """Stop the helpers and release the scratch memory."""
        _stop_helpers(self._inbox, self._helpers)
        self.scratch = ScratchMemory()


class _Job(Generic[Item]):
    """One call of `ThreadPool.run`: the items that its threads take, and the errors that they met."""

    def __init__(self, task: Callable[[Item], object], items: Sequence[Item], local: threading.local) -> None:
        self.errors: list[BaseException] = []
        self.finished: SimpleQueue[None] = SimpleQueue()  # one entry for each helper that is done
        self._task, self._local = task, local
        self._remaining = iter(items)  # threads need no lock: an iterator of a list gives each item once
        self._error_handling: Any = np.geterr()  # NumPy keeps it for each thread

    def work(self) -> None:
        """Run the task for items until none is left or a thread has met an error."""
        self._local.in_task = True
        try:
            with np.errstate(**self._error_handling):
                for item in self._remaining:
                    if self.errors:
                        break
                    self._task(item)
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._local.in_task = False

    def help(self) -> None:
        """Work as a helper does, and tell when it is done."""
        try:
            self.work()
        finally:
            self.finished.put(None)


def _with_progress(
    task: Callable[[Item], object], count: int, report_progress: Callable[[float], object]
) -> Callable[[Item], object]:
    """Return the task, followed by a report of the share of `count` items that is done."""
    done = itertools.count(1)  # threads share it without a lock

    def run_and_report(item: Item) -> None:
        task(item)
        report_progress(next(done) / count)

    return run_and_report


def _help(inbox: Inbox) -> None:
    """Run what comes into the inbox, until it is None."""
    while (work := inbox.get()) is not None:
        work()
        del work  # and with it the arrays that it refers to


def _stop_helpers(inbox: Inbox, helpers: list[threading.Thread]) -> None:
    for _ in helpers:
        inbox.put(None)
    for helper in helpers:
        if helper is not threading.current_thread():
            helper.join()
    helpers.clear()
