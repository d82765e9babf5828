"""Standard streams that are closed, full, or not read by anybody."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from convcli.core.errors import ConvcliError, one_line
from convcli.io.files import os_error_text


def open_closed() -> None:
    """Reopen standard streams that are closed, so that no other file takes their numbers.

    Input is opened for writing and output for reading: using them still fails, as it should.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.close(number)
            os.open(os.devnull, (os.O_WRONLY, os.O_RDONLY, os.O_RDWR)[number])  # takes the lowest free number, this one
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def write_out(content: bytes) -> None:
    """Write to standard output, to its end. Raises `ConvcliError`."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise failure(error) from None


def failure(error: OSError) -> ConvcliError:
    """Return the error of standard output, and stop writing to it."""
    _give_up(sys.stdout)
    return ConvcliError(f"standard output: {os_error_text(error)}")


def tell(text: str) -> None:
    """Write one line to standard error. A failure is ignored: there is nobody left to tell."""
    show(f"{one_line(text)}\n")


def show(text: str) -> None:
    """Write text of several lines to standard error, as `tell` does."""
    try:
        click.echo(text, nl=False, err=True)
    except OSError:
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Discard what a stream still holds: Python flushes it once more at exit, which must not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
