"""The progress bar of long work."""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0  # seconds before the bar appears
EVERY = 0.1  # seconds between two updates


class Bar:
    """A progress bar on standard error that appears after a second of work and disappears when it is closed.

    It is called with the progress of the work, from any thread.
    """

    def __init__(self) -> None:
        self._next = monotonic() + PATIENCE
        self._lock = Lock()
        self._latest = "", 0.0  # the layer, and the largest share that it has reported
        self._progress: Progress | None = None

    def __call__(self, layer: str, share: float) -> None:
        """Show which layer is at work, and which share of all work is done."""
        if monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            self._next = monotonic() + EVERY
            self._progress = self._progress or _start()
            before, most = self._latest
            share = max(share, most) if layer == before else share  # nested work reports its own, smaller share
            self._latest = layer, share
            self._progress.update(self._progress.task_ids[0], description=layer, completed=share)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Remove the bar."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def wipe(self) -> None:
        """Remove the bar where a signal ends the program and no lock can be waited for."""
        if self._progress is not None:
            os.write(2, b"\r\x1b[2K\x1b[?25h")  # clear the line, show the cursor


def _start() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    name = TextColumn("{task.description}", markup=False)  # in a layer's name, brackets are not markup
    columns = (name, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    progress.add_task("", total=1.0)
    progress.start()
    return progress
