"""What `fit` keeps of what has been learned when it is stopped, or a file cannot be written."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convcli.errors import ConvcliError
from convcli.files import write_bytes

if TYPE_CHECKING:
    from convcli._lazy import Array


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, which then waits for the end of a batch; a second one does not."""
    asked = False
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before == signal.SIG_IGN:
        yield lambda: False
        return

    def note(number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


class Checkpoints:
    """Writes a run to a file again and again. One that fails does not end the run: the next may do.

    `error` is what went wrong with the last, if anything did.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: ConvcliError | None = None

    def __call__(self, found: Mapping[str, Array]) -> None:
        from convcli.arrays import packed

        try:
            write_bytes(self.name, packed(found))
        except ConvcliError as error:
            if self.error is None:
                warnings.warn(f"no checkpoint: {error}", stacklevel=2)
            self.error = error
        else:
            self.error = None


def write_weights(name: str, found: Mapping[str, Array], checkpoints: Checkpoints | None) -> None:
    """Write what was learned. Raises `ConvcliError`, which says where it is otherwise."""
    from convcli.arrays import packed

    try:
        write_bytes(name, packed(found))
    except ConvcliError as error:
        if checkpoints is not None and checkpoints.error is None:
            error.remedy = f"{checkpoints.name} holds what was learned: --resume {checkpoints.name}, another -o"
        raise
