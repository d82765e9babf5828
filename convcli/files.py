"""Bytes in and out: a path, or `-` for standard input and output."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from convcli.errors import ConvcliError, located

STREAM = "-"
MOST_OF_DEVICE = 1 << 24  # what is typed is less
MOST_OF_PIPE = 1 << 32
PORTION = 1 << 20


def display_name(name: str) -> str:
    """What messages call a file."""
    return "standard input" if name == STREAM else name


def suffix(name: str) -> str:
    """The suffix of a file's name, `.npy`, in lower case; empty where it has none."""
    return os.path.splitext(name)[1].lower()


def read_bytes(name: str) -> bytes:
    """All bytes of a file, or of standard input. Raises `ConvcliError`."""
    try:
        if name == STREAM:
            return _all_of(sys.stdin.buffer)
        with open(name, "rb") as stream:
            return _all_of(stream)
    except OSError as error:
        raise ConvcliError(problem(error)) from None
    except ValueError as error:  # a path with a null character
        raise ConvcliError(str(error)) from None


def _all_of(stream: BinaryIO) -> bytes:
    """All bytes of a file, which has an end; of a pipe or a device, which may have none, at most so many."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:  # bytes in memory
        return stream.read()
    if stat.S_ISREG(mode):
        return stream.read()
    most = MOST_OF_DEVICE if stat.S_ISCHR(mode) else MOST_OF_PIPE
    content = bytearray()
    while part := stream.read(PORTION):
        content += part
        if len(content) > most:
            raise ConvcliError(f"more than {most:,} bytes, and no end", "a file")
    return bytes(content)


def write_bytes(name: str, content: bytes) -> None:
    """Replace a file whole: it has the old content or the new, whatever happens. Raises `ConvcliError`, naming it."""
    with replacing(name) as stream:
        stream.write(content)


@contextmanager
def replacing(name: str) -> Iterator[BinaryIO]:
    """A stream to what becomes the file at the end: written beside it, then renamed; nothing remains of a failure.

    Raises `ConvcliError`, naming the file, for what goes wrong with it.
    """
    with located(name):
        target = _real(name)  # a link stays, what it points to is replaced
    try:
        if os.path.exists(target) and not os.path.isfile(target):  # a device or a pipe is written to
            with open(target, "wb") as stream:
                yield stream
        else:
            with _beside(target) as stream:
                yield stream
    except OSError as error:
        raise ConvcliError(f"{name}: {problem(error)}") from None


def check_writable(name: str) -> None:
    """Raise `ConvcliError`, naming the file, where it plainly cannot be written: to be told before long work."""
    with located(name):
        folder = os.path.dirname(_real(name))
        if os.path.isdir(name):
            raise ConvcliError("is a directory", "a file")
        if not os.path.isdir(folder):
            raise ConvcliError("no such file or directory")
        if not os.access(folder, os.W_OK) and not (os.path.exists(name) and not os.path.isfile(name)):
            raise ConvcliError("permission denied")


def _real(name: str) -> str:
    try:
        return os.path.realpath(name)
    except ValueError as error:  # a null character, or what is no text
        raise ConvcliError(str(error)) from None


@contextmanager
def _beside(target: str) -> Iterator[BinaryIO]:
    # As `tempfile` does, which takes longer to import than most answers to compute.
    temporary = os.path.join(os.path.dirname(target), f".convcli-{os.urandom(8).hex()}")
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def problem(error: OSError) -> str:
    """What went wrong with a file, in the words of the system."""
    return (error.strerror or str(error)).lower()


def _mode(target: str) -> int:
    """The permissions that the file has, or that a new one would get."""
    if os.path.exists(target):
        return os.stat(target).st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
