"""Trying in a child what could end the program: at some damaged files libraries written in C do."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress

SECONDS = 60.0


def survives_in_child(use: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Whether a child that does this comes back, in so many seconds; it may raise what it likes.

    True where the system cannot make a child of a program as it is.
    """
    if not hasattr(os, "fork"):
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which the child does not need
        child = os.fork()
    if child == 0:
        _do(use)
    end, pause = time.monotonic() + seconds, 0.0005
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _do(use: Callable[[], object]) -> None:
    """What the child does, of which nothing is seen or kept."""
    try:
        faulthandler.disable()
        with suppress(ImportError, ValueError, OSError):
            import resource

            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        use()
    except BaseException:
        os._exit(0)  # whoever does it next is told
    os._exit(0)
