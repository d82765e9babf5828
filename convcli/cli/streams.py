"""The standard streams where they are closed, full, or nobody reads them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from convcli.core.errors import ConvcliError, one_line
from convcli.io.files import os_error_text


def open_closed() -> None:
    """Have a stream that was closed be there again, so that no other file takes its number.

    Using standard input or output fails then as it should, because they are opened the wrong way round.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            with suppress(OSError):
                os.close(number)
            os.open(os.devnull, (os.O_WRONLY, os.O_RDONLY, os.O_RDWR)[number])  # takes the lowest number that is free
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def write_out(content: bytes) -> None:
    """Write to standard output, to its end. Raises `ConvcliError`."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise failure(error) from None


def failure(error: OSError) -> ConvcliError:
    """The error of standard output, which is not written to any more."""
    _give_up(sys.stdout)
    return ConvcliError(f"standard output: {os_error_text(error)}")


def tell(text: str) -> None:
    """Say something in one line of standard error; where that fails nobody can be told."""
    show(f"{one_line(text)}\n")


def show(text: str) -> None:
    """The same for text of several lines."""
    try:
        click.echo(text, nl=False, err=True)
    except OSError:
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: Python flushes it once more at exit, which must not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
