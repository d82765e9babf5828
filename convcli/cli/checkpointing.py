"""What `fit` keeps of what has been learned when it is stopped, or a file cannot be written."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError
from convcli.io.files import write_bytes

if TYPE_CHECKING:
    from convcli.core.lazy_imports import Array


STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")  # as far as the system has them


class Stop:
    """Whether a signal asked for an end, and which."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def __call__(self) -> bool:
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """What a shell gives a program that the signal ended: 130 for Ctrl-C."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ctrl-C, and what asks a program to end, waits for the end of a batch; the same again does not."""
    stop = Stop()
    numbers = [getattr(signal, name) for name in STOPPING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: Any) -> None:
        stop.number = number
        signal.signal(number, before[number])

    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Checkpoints:
    """Writes a run to a file again and again. One that fails does not end the run: the next may do.

    `error` is what went wrong with the last, if anything did.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: ConvcliError | None = None

    def __call__(self, found: Mapping[str, Array]) -> None:
        from convcli.io.npy import encode_npz

        try:
            write_bytes(self.name, encode_npz(found))
        except ConvcliError as error:
            if self.error is None:
                warnings.warn(f"no checkpoint: {error}", stacklevel=2)
            self.error = error
        else:
            self.error = None


def write_weights(name: str, found: Mapping[str, Array], checkpoints: Checkpoints | None) -> None:
    """Write what was learned. Raises `ConvcliError`, which says where it is otherwise."""
    from convcli.io.npy import encode_npz

    try:
        write_bytes(name, encode_npz(found))
    except ConvcliError as error:
        if checkpoints is not None and checkpoints.error is None:
            error.remedy = f"{checkpoints.name} holds what was learned: --resume {checkpoints.name}, another -o"
        raise
