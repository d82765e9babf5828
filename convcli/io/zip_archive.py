"""Zip archives, which NPZ and `.keras` files are.

The size of the content is checked before any of it is decompressed.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from convcli.core import memory
from convcli.core.errors import ConvcliError, located, short_repr

START = (b"PK\x03\x04", b"PK\x05\x06")
MAX_GROWTH = 100  # numbers hardly compress: a file that grows more is probably meant to fill the memory
ALWAYS_ALLOWED_BYTES = 1 << 28  # but zeros do, to a thousandth
METHODS = (0, 8)  # stored and deflated; other methods decompress without a limit


def is_zip(content: bytes) -> bool:
    """Return True if the bytes begin as a zip file does."""
    return content.startswith(START)


def member_names(content: bytes, kind: str) -> list[str]:
    """Return the names of the files in an archive. `kind` is what messages call it. Raises `ConvcliError`."""
    return [entry.filename for entry in _open(content, kind).infolist()]


def extract(content: bytes, kind: str, only: str | None = None, max_bytes: int | None = None) -> dict[str, bytes]:
    """Return the files in an archive by name, or only one of them. Raises `ConvcliError`.

    `kind` is what messages call the archive. `max_bytes` is the total size allowed: by default what a file of numbers
    may grow to.
    """
    archive = _open(content, kind)
    entries = [entry for entry in archive.infolist() if only in (None, entry.filename)]
    name, count = Counter(entry.filename for entry in entries).most_common(1)[0] if entries else ("", 0)
    if count > 1:
        raise ConvcliError(f"{short_repr(name)} is there {count} times", "a name for each")
    size = sum(entry.file_size for entry in entries)
    max_bytes = max_uncompressed_size(content) if max_bytes is None else max_bytes
    if size > max_bytes:
        raise ConvcliError(
            f"{only or 'its content'} would be {size:,} bytes", f"at most {max_bytes:,} here: store it uncompressed"
        )
    memory.require(size, "a smaller archive")
    return {entry.filename: _decompress(archive, entry, kind) for entry in entries}


def max_uncompressed_size(content: bytes) -> int:
    """Return how many bytes a file of numbers may grow to."""
    return max(ALWAYS_ALLOWED_BYTES, MAX_GROWTH * len(content))


def _open(content: bytes, kind: str) -> Any:
    import zipfile

    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # zipfile raises many kinds on damaged bytes
        raise _broken(kind, error) from None


def _decompress(archive: Any, entry: Any, kind: str) -> bytes:
    with located(entry.filename):
        if entry.compress_type not in METHODS:
            raise ConvcliError(f"compressed by method {entry.compress_type}", "stored or deflated")
        try:
            with archive.open(entry) as stream:
                content: bytes = stream.read(entry.file_size + 1)  # never more, whatever the archive holds
        except Exception as error:
            raise _broken(kind, error) from None
        if len(content) != entry.file_size:
            raise ConvcliError(f"{len(content):,} bytes, the archive's list says {entry.file_size:,}")
    return content


def _broken(kind: str, error: Exception) -> ConvcliError:
    return ConvcliError(f"broken {kind}: {' '.join(str(error).split()) or type(error).__name__}")
