"""Bytes in and out: a path, or `-` for standard input and output."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from convcli.errors import ConvcliError

STREAM = "-"


def display_name(name: str) -> str:
    """What messages call a file."""
    return "standard input" if name == STREAM else name


def read_bytes(name: str) -> bytes:
    """All bytes of a file, or of standard input. Raises `ConvcliError`."""
    if name == STREAM:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise ConvcliError(problem(error)) from None
    except ValueError as error:  # a path with a null character
        raise ConvcliError(str(error)) from None


def write_bytes(name: str, content: bytes) -> None:
    """Replace a file whole: written beside it first, then renamed. Raises `ConvcliError`."""
    path = Path(name)
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():  # a device or a pipe is written to, not replaced
        _write_through(target, content)
        return
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        raise ConvcliError(f"{name}: {problem(error)}") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def problem(error: OSError) -> str:
    """What went wrong with a file, in the words of the system."""
    return (error.strerror or str(error)).lower()


def _write_through(target: Path, content: bytes) -> None:
    try:
        target.write_bytes(content)
    except OSError as error:
        raise ConvcliError(f"{target}: {problem(error)}") from None


def _mode(target: Path) -> int:
    """The permissions that the file has, or that a new one would get."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
