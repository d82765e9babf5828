"""What ends a child, or keeps it, does not end the program."""

from __future__ import annotations

import os
import signal
import time

import pytest

from convcli.core.child_process import survives_in_child


def raises():
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("use", "survived"),
    [
        (lambda: None, True),
        (raises, True),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), False),
        (lambda: os.abort(), False),
        (lambda: time.sleep(60), False),
    ],
)
def test_what_a_child_does(use, survived, capfd):
    assert survives_in_child(use, 0.3) is survived
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # none is left behind
