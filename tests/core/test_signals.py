"""How signals end the program. That nothing is left is checked in `test_faults`."""

from __future__ import annotations

import sys

import pytest
from conftest import shell


def ended(by: str, before: str = "SIG_DFL") -> tuple[int, bytes, bytes]:
    """Exit code, output and errors of a program that sends itself a signal within two undertakings."""
    code = (
        f"import os, signal; signal.signal(signal.{by}, signal.{before})\n"
        "from convcli.core.signals import exit_on_signals, cleanup_on_signal; exit_on_signals()\n"
        "with cleanup_on_signal(lambda: os.write(1, b'outer')), cleanup_on_signal(lambda: os.unlink('/none')):\n"
        "    with cleanup_on_signal(lambda: os.write(1, b'done before')): pass\n"
        f"    os.kill(os.getpid(), signal.{by}); print(' and lived')"
    )
    done = shell(f'exec "{sys.executable}" -c "{code}"')
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("by", "code", "error"), [("SIGINT", 130, b"Interrupted\n"), ("SIGTERM", 143, b""), ("SIGHUP", 129, b"")]
)
def test_what_is_unfinished_is_undone(by, code, error):
    assert ended(by) == (code, b"outer", error)


@pytest.mark.parametrize("by", ["SIGINT", "SIGPIPE"])
def test_a_child_that_this_program_waits_for_has_signals_of_its_own(by):
    code = (
        "import os, signal; from convcli.core.signals import exit_on_signals, left_to_child; exit_on_signals()\n"
        f"with left_to_child(): os.kill(os.getpid(), signal.{by}); print('lived', flush=True)\n"
        f"os.kill(os.getpid(), signal.{by}); print('and lived again')"
    )
    done = shell(f'exec "{sys.executable}" -c "{code}"')
    assert (done.returncode, done.stdout) == (130 if by == "SIGINT" else 141, b"lived\n")


def test_what_is_ignored_stays_ignored():
    assert ended("SIGHUP", "SIG_IGN") == (0, b" and lived\n", b"")
