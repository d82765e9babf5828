"""Signals that ask a training to stop: it finishes the batch at work first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # those of them that the system has


class Stop:
    """The number of the signal that asked to stop, 0 while none has. Calling it tells whether one has."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def __call__(self) -> bool:
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """The exit code that a shell gives a program that the signal ended: 130 for Ctrl-C."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Note the signals of Ctrl-C and of `kill`, in place of what they do. The second of a kind does that again."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, frame: Any) -> None:
        stop.number = number
        signal.signal(number, handlers[number])

    for number, handler in handlers.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
