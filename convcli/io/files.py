"""Read and write files as bytes; `-` is standard input."""

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
CHUNK_BYTES = 1 << 20
MAX_DEVICE_BYTES = 1 << 24  # more than anyone types at a terminal
SMALLER_FILE = "a smaller file; of large .npy files apply reads and writes parts, with -o FILE.npy"


def display_name(name: str) -> str:
    """Return what messages and results call a file: its name as valid UTF-8, whatever the locale made of it."""
    if name == STANDARD_STREAM:
        return "standard input"
    try:
        return os.fsencode(name).decode("utf-8", "replace")
    except UnicodeEncodeError:  # not the name of any file
        return name


def suffix(name: str) -> str:
    """Return the suffix of a file name in lower case, such as `.npy`; empty if there is none."""
    return os.path.splitext(name)[1].lower()


def os_error_text(error: OSError) -> str:
    """Return what went wrong with a file, in the words of the system."""
    return (error.strerror or str(error)).lower()


# ---- reading ----


def read_bytes(name: str) -> bytes:
    """Return all bytes of a file, or of standard input. Raises `ConvcliError`."""
    try:
        if name == STANDARD_STREAM:
            return _read_all(sys.stdin.buffer)
        with open(name, "rb") as stream:
            return _read_all(stream)
    except OSError as error:
        raise ConvcliError(os_error_text(error)) from None
    except ValueError as error:  # a path with a null character
        raise ConvcliError(str(error)) from None


def _read_all(stream: BinaryIO) -> bytes:
    """Return all bytes of a file, a pipe or a device. Raises `ConvcliError` where they would fill the memory.

    A pipe or a device may have no end, so the bytes are counted while they come.
    """
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # a stream in memory
        return stream.read()
    if stat.S_ISREG(status.st_mode):
        memory.require(status.st_size, SMALLER_FILE)
        beginning = stream.read(CHUNK_BYTES)
        if len(beginning) == CHUNK_BYTES and not beginning.strip(b"\0"):  # as a sparse file does, and no format
            raise ConvcliError(f"begins with {CHUNK_BYTES:,} zero bytes", "a file with content")
        stream.seek(-len(beginning), os.SEEK_CUR)
        return stream.read()
    content = bytearray()
    while chunk := stream.read(CHUNK_BYTES):
        content += chunk
        memory.require(len(content), SMALLER_FILE)  # the final copy takes as much again
        if stat.S_ISCHR(status.st_mode) and len(content) > MAX_DEVICE_BYTES:
            raise ConvcliError(f"more than {MAX_DEVICE_BYTES:,} bytes, and no end", "a file")
    return bytes(content)


# ---- writing ----


def write_bytes(name: str, content: bytes) -> None:
    """Replace a file whole: it has the old content or the new, whatever happens. Raises `ConvcliError`, naming it."""
    with atomic_writer(name) as stream:
        stream.write(content)


@contextmanager
def atomic_writer(name: str) -> Iterator[BinaryIO]:
    """Give a stream to what becomes the file at the end of the `with` block.

    The content is written beside the file, then renamed; after an error or a signal nothing of it remains. Devices,
    pipes and names of open files (`/dev/stdout`) cannot be replaced and are written to.
    Raises `ConvcliError`, naming the file, for any error with it.
    """
    try:
        target = _replaceable_path(name)
        if target is None:
            descriptor = _open_descriptor(name)
            with open(name if descriptor is None else os.dup(descriptor), "wb") as stream:
                yield stream
        else:
            with _temporary_file(target) as stream:
                yield stream
    except OSError as error:
        with located(name):
            raise ConvcliError(os_error_text(error)) from None


def is_replaceable(name: str) -> bool:
    """Return True if writing to the name replaces or makes a file; a device or a pipe is written to instead."""
    try:
        return _replaceable_path(name) is not None
    except OSError:
        return False


def check_writable(name: str) -> None:
    """Raise `ConvcliError`, naming the file, if it plainly cannot be written, so that long work does not even start."""
    with located(name):
        try:
            target = _replaceable_path(name)
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


def allocate(stream: BinaryIO, size: int) -> None:
    """Reserve `size` bytes on the disk for a file that is being written. Raises `OSError` if the disk is full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, size)
        return
    for start in range(stream.tell(), size, CHUNK_BYTES):
        stream.write(bytes(min(CHUNK_BYTES, size - start)))


def _replaceable_path(name: str) -> str | None:
    """Return the path of the file to replace or make, behind all links; None for what is written to instead.

    Raises `OSError`, also for a file that must not be written.
    """
    if _open_descriptor(name) is not None:
        return None
    try:
        mode = os.stat(name).st_mode
    except ValueError:  # Python's own words differ from version to version
        raise OSError(errno.EINVAL, "embedded null byte") from None
    except FileNotFoundError:
        if not os.path.basename(name):
            raise
        return os.path.realpath(name)
    if not stat.S_ISREG(mode):
        return None
    if not os.access(name, os.W_OK):  # renaming would replace a read-only file, too
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return os.path.realpath(name)


def _open_descriptor(name: str) -> int | None:
    """Return the number of the open file that a name such as `/dev/stdout` stands for; None for any other name.

    Opened by its name, a file that is appended to (`>> log`) would lose its content.
    """
    match = re.fullmatch(r"/dev/(?:fd/(\d+)|(stdout)|(stderr))|/proc/self/fd/(\d+)", name)
    return match and (1 if match[2] else 2 if match[3] else int(match[1] or match[4]))


@contextmanager
def _temporary_file(target: str) -> Iterator[BinaryIO]:
    """Give a stream to a new file beside the target, which it replaces at the end of the `with` block."""
    # Not with `tempfile`, which takes longer to import than most answers take to compute.
    temporary = os.path.join(os.path.dirname(target), f".convcli-{os.urandom(8).hex()}")
    with cleanup_on_signal(lambda: os.unlink(temporary)):
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w+b") as stream:
                yield stream
            os.chmod(temporary, _permissions(target))
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise


def _permissions(target: str) -> int:
    """Return the permissions that the file has, or that a new file would get."""
    if os.path.exists(target):
        return os.stat(target).st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
