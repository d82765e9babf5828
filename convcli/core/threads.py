"""Sharing work among threads, each with scratch memory of its own.

BLAS has threads too. Its own and these get into each other's way, tenfold: so the command line starts BLAS with one,
and in a program that did not, only work without matrix products is shared here. Nothing that is global is changed.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from math import prod
from queue import SimpleQueue
from typing import Any, TypeVar

from convcli.core.lazy_imports import Array, np

Item = TypeVar("Item")
Own = TypeVar("Own", bound="Closing")

# What the usual builds of BLAS take their number of threads from, when they are loaded.
# The first that is set counts.
VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def leave_blas_one_thread(environment: MutableMapping[str, str]) -> None:
    """Have a BLAS that is not loaded yet use one thread, unless the user has said otherwise.

    For a program of its own, before NumPy is imported: two Python threads over blocks beat BLAS's own two.
    """
    if not any(name in environment for name in VARIABLES):
        environment.update(dict.fromkeys(VARIABLES, "1"))


def blas_has_one_thread(environment: Mapping[str, str]) -> bool:
    """Whether BLAS was started with one thread, as far as the environment tells."""
    return next((environment[name] for name in VARIABLES if name in environment), None) == "1"


class Closing:
    """What holds threads: to be closed, or used as a context."""

    def close(self) -> None:
        """Let them go."""
        raise NotImplementedError

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Team(Closing):
    """`count` threads that share out tasks; the caller's is one of them. To be closed, or used as a context.

    The helpers wait for work at a simple queue, which wakes one in a tenth of the time that an executor takes: work is
    often done in less than that.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = cores() if count is None else count
        self.watch: Callable[[float], object] | None = None  # told which share of the tasks is done, by any thread
        self._own = threading.local()
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()  # helpers do not follow into a child
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._helpers: list[threading.Thread] = []
        self._stop = weakref.finalize(self, _stop, self._inbox, self._helpers)

    def run(self, task: Callable[[Item], object], items: Sequence[Item]) -> None:
        """Do the task for each item, in any order. What it raises is raised here, once all threads have stopped.

        Within a task it goes on in the thread that it is in.
        """
        helping, inside = min(self.count, len(items)) - 1, getattr(self._own, "inside", False)
        if self.watch is not None and not inside:
            task = _watched(task, len(items), self.watch)
        if helping < 1 or inside:
            for item in items:
                task(item)
            return
        if self._process != os.getpid():
            self._start()
        while len(self._helpers) < helping:
            helper = threading.Thread(target=_help, args=(self._inbox,), name="convcli", daemon=True)
            helper.start()
            self._helpers.append(helper)
        left = iter(items)  # taking the next item of a list is one step that no other thread can cut in two
        done: SimpleQueue[None] = SimpleQueue()
        errors: list[BaseException] = []
        settings: Any = np.geterr()  # a thread has its own

        def work() -> None:
            self._own.inside = True
            try:
                with np.errstate(**settings):
                    for item in left:
                        if errors:
                            break
                        task(item)
            except BaseException as error:
                errors.append(error)
            finally:
                self._own.inside = False

        def help_out() -> None:
            try:
                work()
            finally:
                done.put(None)

        asked = 0
        try:
            for _ in range(helping):
                self._inbox.put(help_out)
                asked += 1
            work()
        except BaseException as error:
            errors.append(error)
        while asked:
            try:
                done.get()
                asked -= 1
            except KeyboardInterrupt as error:  # the others must stop before it goes on
                errors.insert(0, error)
        try:
            if errors:
                raise errors[0]
        finally:
            errors.clear()  # which hold this frame, and so the arrays

    def scratch(self, name: str, shape: Sequence[int], dtype: Any) -> Array:
        """An array of this thread's own to write into; the next call with the same name takes its memory back."""
        kept: dict[str, Array] = self._own.__dict__
        size = prod(shape) * np.dtype(dtype).itemsize
        if name not in kept or kept[name].size < size:
            kept[name] = np.empty(size, np.uint8)
        return kept[name][:size].view(dtype).reshape(shape)

    def filled(self, name: str, shape: Sequence[int], dtype: Any, value: float, use: object) -> Array:
        """The same, filled with a value; for the `use` of the last call as that left it, in the same shape."""
        kept: dict[str, Any] = self._own.__dict__
        array, key = self.scratch(name, shape, dtype), (tuple(shape), dtype, value, use)
        if kept.get(f"{name}, filled") != key:
            kept.pop(f"{name}, filled", None)
            array[...] = value
            kept[f"{name}, filled"] = key
        return array

    def for_products(self) -> Team:
        """Who shares out matrix products: this team, or BLAS, if it has threads of its own."""
        return self if blas_has_one_thread(os.environ) else Team(1)

    def close(self) -> None:
        """Let the threads and their memory go."""
        _stop(self._inbox, self._helpers)
        self._own = threading.local()


def _watched(task: Callable[[Item], object], count: int, watch: Callable[[float], object]) -> Callable[[Item], object]:
    """The task, which tells after each of so many items how far it is."""
    done = itertools.count(1)  # which threads share without a lock

    def watched(item: Item) -> None:
        task(item)
        watch(next(done) / count)

    return watched


def _help(inbox: SimpleQueue[Callable[[], None] | None]) -> None:
    """What a helper does: one piece of work after the other, until there is to be none."""
    while (work := inbox.get()) is not None:
        work()
        del work  # and the arrays that it holds


def _stop(inbox: SimpleQueue[Callable[[], None] | None], helpers: list[threading.Thread]) -> None:
    for _ in helpers:
        inbox.put(None)
    for helper in helpers:
        if helper is not threading.current_thread():
            helper.join()
    helpers.clear()
