"""A crash or an endless loop in a child process does not end the program."""

from __future__ import annotations

import os
import signal
import time

import pytest

from convcli.core.child_process import survives_in_child


def exit_with_an_error():
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("work", "survives"),
    [
        (lambda: None, True),
        (exit_with_an_error, True),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), False),
        (lambda: os.abort(), False),
        (lambda: time.sleep(60), False),
    ],
    ids=["return", "exception", "segfault", "abort", "endless"],
)
def test_only_a_crash_or_a_timeout_counts_as_not_surviving(work, survives, capfd):
    assert survives_in_child(work, 0.3) is survives
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left behind
