"""Try in a child process what could crash: libraries written in C do, on some damaged files."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress

MAX_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.0005, 0.05  # seconds between two looks at the child


def survives_in_child(work: Callable[[], object], seconds: float = MAX_SECONDS) -> bool:
    """Return True if a child process that calls `work` ends in time without a crash.

    An exception is not a crash: the caller will meet it, too. Also return True where the system cannot fork.
    """
    if not hasattr(os, "fork"):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking drops other threads; the child needs none
        child = os.fork()
    if child == 0:
        _work_in_child(work)
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _work_in_child(work: Callable[[], object]) -> None:
    """Call `work`, then end the process; a crash prints no traceback and leaves no core file."""
    try:
        faulthandler.disable()
        with suppress(ImportError, ValueError, OSError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work()
    finally:
        os._exit(0)  # also after an exception
