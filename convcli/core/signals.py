"""How a signal ends the program, at whatever moment it comes: nothing unfinished stays, no traceback is shown."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

EXIT_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE")  # as far as the system has them

_unfinished: list[Callable[[], object]] = []


@contextmanager
def cleanup_on_signal(undo: Callable[[], object]) -> Iterator[None]:
    """Have `undo` called where a signal ends the program within."""
    _unfinished.append(undo)
    try:
        yield
    finally:
        _unfinished.remove(undo)


def exit_on_signals() -> None:
    """Have these signals end the program with the exit code that a shell gives them, 128 and their number.

    An exception, as Python makes one of Ctrl-C, would be lost where none can be raised and show its way elsewhere.
    """
    for number in (getattr(signal, name) for name in EXIT_SIGNALS if hasattr(signal, name)):
        # What is ignored stays so, as nohup asks; but Python itself ignores SIGPIPE.
        if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGPIPE:
            signal.signal(number, _end)


@contextmanager
def left_to_child() -> Iterator[None]:
    """Leave Ctrl-C, and the end of what reads our output, to a program that this one feeds and waits for: a pager."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGPIPE") if hasattr(signal, name)]
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _end(number: int, frame: object) -> None:
    for undo in reversed(_unfinished):
        with suppress(OSError):
            undo()
    if number == signal.SIGINT:
        with suppress(OSError):
            os.write(2, b"Interrupted\n")
    os._exit(128 + number)
