"""How signals end the program. `test_faults` checks that no unfinished file is left."""

from __future__ import annotations

import sys

import pytest
from conftest import shell


def run_and_signal(name: str, handler: str = "SIG_DFL") -> tuple[int, bytes, bytes]:
    """Return exit code, output and errors of a program that sends itself a signal within two cleanups."""
    code = (
        f"import os, signal; signal.signal(signal.{name}, signal.{handler})\n"
        "from convcli.core.signals import exit_on_signals, cleanup_on_signal; exit_on_signals()\n"
        "with cleanup_on_signal(lambda: os.write(1, b'outer')), cleanup_on_signal(lambda: os.unlink('/none')):\n"
        "    with cleanup_on_signal(lambda: os.write(1, b'done before')): pass\n"
        f"    os.kill(os.getpid(), signal.{name}); print(' and lived')"
    )
    done = shell(f'exec "{sys.executable}" -c "{code}"')
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("name", "exit_code", "error"),
    [("SIGINT", 130, b"Interrupted\n"), ("SIGTERM", 143, b""), ("SIGHUP", 129, b"")],
)
def test_a_signal_cleans_up_and_ends_the_program(name, exit_code, error):
    assert run_and_signal(name) == (exit_code, b"outer", error)


@pytest.mark.parametrize(("name", "exit_code"), [("SIGINT", 130), ("SIGPIPE", 141)])
def test_signals_are_ignored_while_a_child_takes_them(name, exit_code):
    code = (
        "import os, signal\n"
        "from convcli.core.signals import exit_on_signals, leave_signals_to_child\n"
        "exit_on_signals()\n"
        f"with leave_signals_to_child(): os.kill(os.getpid(), signal.{name}); print('lived', flush=True)\n"
        f"os.kill(os.getpid(), signal.{name}); print('and lived again')"
    )
    done = shell(f'exec "{sys.executable}" -c "{code}"')
    assert (done.returncode, done.stdout) == (exit_code, b"lived\n")


def test_an_ignored_signal_stays_ignored():
    assert run_and_signal("SIGHUP", "SIG_IGN") == (0, b" and lived\n", b"")
