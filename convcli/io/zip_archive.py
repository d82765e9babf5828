"""Zip archives, which NPZ and `.keras` files are: how much is in one is known before any of it is inflated."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from convcli.core import memory
from convcli.core.errors import ConvcliError, located

START = (b"PK\x03\x04", b"PK\x05\x06")
MOST_GROWTH = 100  # numbers hardly compress; what grows more is meant to fill the memory,
FREE = 1 << 28  # unless it stays below this: zeros shrink to a thousandth
METHODS = (0, 8)  # stored and deflated: other methods inflate without a measure


def is_zip(content: bytes) -> bool:
    """Whether the bytes begin as a zip file does."""
    return content.startswith(START)


def names(content: bytes, kind: str) -> list[str]:
    """The names of the files in an archive; `kind` is what messages call it. Raises `ConvcliError`."""
    return [entry.filename for entry in _opened(content, kind).infolist()]


def read(content: bytes, kind: str, only: str | None = None, most: int | None = None) -> dict[str, bytes]:
    """The files in an archive by name, or `only` that one, all together at most so many bytes. Raises `ConvcliError`.

    `most` is what grows no more than numbers do unless it is given.
    """
    archive = _opened(content, kind)
    entries = [entry for entry in archive.infolist() if only in (None, entry.filename)]
    name, count = Counter(entry.filename for entry in entries).most_common(1)[0] if entries else ("", 0)
    if count > 1:
        raise ConvcliError(f"{name!r} is there {count} times", "a name for each")
    size = sum(entry.file_size for entry in entries)
    most = bound(content) if most is None else most
    if size > most:
        raise ConvcliError(
            f"{only or 'its content'} would be {size:,} bytes",
            f"at most {most:,} here: keep it uncompressed",
        )
    memory.check(size, "a smaller archive")
    return {entry.filename: _inflated(archive, entry, kind) for entry in entries}


def bound(content: bytes) -> int:
    """How many bytes a file of numbers may grow to."""
    return max(FREE, MOST_GROWTH * len(content))


def _opened(content: bytes, kind: str) -> Any:
    import zipfile

    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # zipfile lets through whatever damaged bytes lead to
        raise _broken(kind, error) from None


def _inflated(archive: Any, entry: Any, kind: str) -> bytes:
    with located(entry.filename):
        if entry.compress_type not in METHODS:
            raise ConvcliError(f"compressed by method {entry.compress_type}", "stored or deflated")
        try:
            with archive.open(entry) as stream:
                found: bytes = stream.read(entry.file_size + 1)  # never more, whatever there is
        except Exception as error:
            raise _broken(kind, error) from None
        if len(found) != entry.file_size:
            raise ConvcliError(f"{len(found):,} bytes, the archive's list says {entry.file_size:,}")
    return found


def _broken(kind: str, error: Exception) -> ConvcliError:
    return ConvcliError(f"broken {kind}: {' '.join(str(error).split()) or type(error).__name__}")
