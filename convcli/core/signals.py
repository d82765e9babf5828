"""Signals end the program at once, with unfinished files removed and without a traceback."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

EXIT_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE")  # Windows lacks some

_cleanups: list[Callable[[], object]] = []


@contextmanager
def cleanup_on_signal(cleanup: Callable[[], object]) -> Iterator[None]:
    """Call `cleanup` if a signal ends the program within the `with` block."""
    _cleanups.append(cleanup)
    try:
        yield
    finally:
        _cleanups.remove(cleanup)


def exit_on_signals() -> None:
    """Make the exit signals end the program with the exit code that a shell gives them: 128 plus their number.

    Python would turn Ctrl-C into an exception. That is lost where none can be raised, and prints a traceback elsewhere.
    """
    for number in _existing(EXIT_SIGNALS):
        # A signal that is ignored stays so: nohup asks for that. Only SIGPIPE is ignored by Python itself.
        if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGPIPE:
            signal.signal(number, _exit)


@contextmanager
def leave_signals_to_child() -> Iterator[None]:
    """Ignore Ctrl-C and a closed pipe within the `with` block, for a child that we write to and wait for: a pager."""
    previous = {number: signal.signal(number, lambda *_: None) for number in _existing(("SIGINT", "SIGPIPE"))}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _existing(names: tuple[str, ...]) -> Iterator[signal.Signals]:
    return (getattr(signal, name) for name in names if hasattr(signal, name))


def _exit(number: int, frame: object) -> None:
    for cleanup in reversed(_cleanups):
        with suppress(OSError):
            cleanup()
    if number == signal.SIGINT:
        with suppress(OSError):
            os.write(2, b"Interrupted\n")
    os._exit(128 + number)
