"""Bytes in and out: a path, or `-` for standard input and output."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from convcli.core import memory
from convcli.core.errors import ConvcliError, located
from convcli.core.signals import cleanup_on_signal

STANDARD_STREAM = "-"
MAX_DEVICE_BYTES = 1 << 24  # what is typed is less
SMALLER_FILE = "a smaller file; of large .npy files apply reads and writes parts, with -o FILE.npy"
CHUNK_BYTES = 1 << 20


def display_name(name: str) -> str:
    """What messages and results call a file, in UTF-8 whatever the locale has made of its name."""
    if name == STANDARD_STREAM:
        return "standard input"
    try:
        return os.fsencode(name).decode("utf-8", "replace")
    except UnicodeEncodeError:  # it cannot be a file's
        return name


def suffix(name: str) -> str:
    """The suffix of a file's name, `.npy`, in lower case; empty where it has none."""
    return os.path.splitext(name)[1].lower()


def read_bytes(name: str) -> bytes:
    """All bytes of a file, or of standard input. Raises `ConvcliError`."""
    try:
        if name == STANDARD_STREAM:
            return _all_of(sys.stdin.buffer)
        with open(name, "rb") as stream:
            return _all_of(stream)
    except OSError as error:
        raise ConvcliError(os_error_text(error)) from None
    except ValueError as error:  # a path with a null character
        raise ConvcliError(str(error)) from None


def _all_of(stream: BinaryIO) -> bytes:
    """All bytes of a file, or of a pipe or a device, which may have no end. Raises `ConvcliError` for too many."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # bytes in memory
        return stream.read()
    if stat.S_ISREG(status.st_mode):
        memory.require(status.st_size, SMALLER_FILE)
        return stream.read()
    content = bytearray()
    while part := stream.read(CHUNK_BYTES):
        content += part
        memory.require(len(content), SMALLER_FILE)  # as much again, for the copy
        if stat.S_ISCHR(status.st_mode) and len(content) > MAX_DEVICE_BYTES:
            raise ConvcliError(f"more than {MAX_DEVICE_BYTES:,} bytes, and no end", "a file")
    return bytes(content)


def write_bytes(name: str, content: bytes) -> None:
    """Replace a file whole: it has the old content or the new, whatever happens. Raises `ConvcliError`, naming it."""
    with atomic_writer(name) as stream:
        stream.write(content)


@contextmanager
def atomic_writer(name: str) -> Iterator[BinaryIO]:
    """A stream to what becomes the file at the end: written beside it, then renamed; nothing remains of a failure.

    What is no regular file, and what the name of an open descriptor stands for (`/dev/stdout`), is written to instead.
    Raises `ConvcliError`, naming the file, for what goes wrong with it.
    """
    try:
        target = _target(name)
        if target is None:
            descriptor = _descriptor(name)
            with open(name if descriptor is None else os.dup(descriptor), "wb") as stream:
                yield stream
        else:
            with _beside(target) as stream:
                yield stream
    except OSError as error:
        raise ConvcliError(f"{name}: {os_error_text(error)}") from None


def is_replaceable(name: str) -> bool:
    """Whether writing to the name replaces a file, or makes one; a device or a pipe is written to."""
    try:
        return _target(name) is not None
    except OSError:
        return False


def allocate(stream: BinaryIO, size: int) -> None:
    """Give a file that is being written so many bytes, which are there then even if the disk becomes full.

    Raises `OSError` where it is.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, size)
        return
    for start in range(stream.tell(), size, CHUNK_BYTES):
        stream.write(bytes(min(CHUNK_BYTES, size - start)))


def check_writable(name: str) -> None:
    """Raise `ConvcliError`, naming the file, where it plainly cannot be written: to be told before long work."""
    with located(name):
        try:
            target = _target(name)
        except OSError as error:
            raise ConvcliError(os_error_text(error)) from None
        if os.path.isdir(name):
            raise ConvcliError("is a directory", "a file")
        if target is None:
            return
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise ConvcliError("no such file or directory")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConvcliError("permission denied")


def _target(name: str) -> str | None:
    """The file that is to be replaced or made, behind all links; None for what is written to.

    Raises `OSError`, also for a file that must not be written.
    """
    if _descriptor(name) is not None:
        return None
    try:
        mode = os.stat(name).st_mode
    except ValueError:  # the words for it are other in each version of Python
        raise OSError(errno.EINVAL, "embedded null byte") from None
    except FileNotFoundError:
        if not os.path.basename(name):
            raise
        return os.path.realpath(name)
    if not stat.S_ISREG(mode):
        return None
    if not os.access(name, os.W_OK):  # renaming would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return os.path.realpath(name)


def _descriptor(name: str) -> int | None:
    """The number of an open file that a name stands for: opened anew, a file that is appended to would lose all."""
    found = re.fullmatch(r"/dev/(?:fd/(\d+)|(stdout)|(stderr))|/proc/self/fd/(\d+)", name)
    return found and (1 if found[2] else 2 if found[3] else int(found[1] or found[4]))


@contextmanager
def _beside(target: str) -> Iterator[BinaryIO]:
    # As `tempfile` does, which takes longer to import than most answers to compute.
    temporary = os.path.join(os.path.dirname(target), f".convcli-{os.urandom(8).hex()}")
    with cleanup_on_signal(lambda: os.unlink(temporary)):
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


def os_error_text(error: OSError) -> str:
    """What went wrong with a file, in the words of the system."""
    return (error.strerror or str(error)).lower()


def _mode(target: str) -> int:
    """The permissions that the file has, or that a new one would get."""
    if os.path.exists(target):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
