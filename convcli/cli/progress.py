"""A bar that shows how far long work has come."""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0  # seconds before there is a bar
EVERY = 0.1  # seconds between two looks at it


class Bar:
    """Told how far the work is, it appears on standard error once that has taken a second, and goes when it is closed.

    Any thread may tell it.
    """

    def __init__(self) -> None:
        self._next = monotonic() + PATIENCE
        self._lock = Lock()
        self._told = "", 0.0  # the layer, and the most that it has told
        self._progress: Progress | None = None

    def __call__(self, layer: str, share: float) -> None:
        """The layer that is at work, and which share of everything is done."""
        if monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            self._next = monotonic() + EVERY
            self._progress = self._progress or _begun()
            before, most = self._told
            share = max(share, most) if layer == before else share  # work within work tells of its own share
            self._told = layer, share
            self._progress.update(self._progress.task_ids[0], description=layer, completed=share)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def wipe(self) -> None:
        """The same where a signal ends the program, and no lock can be waited for."""
        if self._progress is not None:
            os.write(2, b"\r\x1b[2K\x1b[?25h")  # an empty line, and the cursor again


def _begun() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    name = TextColumn("{task.description}", markup=False)  # a layer's, in which brackets are brackets
    columns = (name, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    progress.add_task("", total=1.0)
    progress.start()
    return progress
