"""Zip archives, which NPZ and `.keras` files are.

The size of the content is checked before any of it is decompressed.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection
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


def listed_names(content: bytes) -> Collection[str]:
    """Return the names of the files in an archive; none for bytes that are not one, or a broken one."""
    if not is_zip(content):
        return ()
    try:
        return Archive(content, "zip file").entries
    except ConvcliError:  # a broken zip file is reported where it is read as NPZ
        return ()


class Archive:
    """A zip archive in memory, whose files are read where they are used. `kind` is what messages call it.

    Raises `ConvcliError` for bytes that are not an archive, and for two files of one name.
    """

    def __init__(self, content: bytes, kind: str, max_bytes: int | None = None) -> None:
        self.kind = kind
        self.max_bytes = max_uncompressed_size(content) if max_bytes is None else max_bytes
        self.opened = _open(content, kind)
        counts = Counter(entry.filename for entry in self.opened.infolist())
        name, count = counts.most_common(1)[0] if counts else ("", 0)
        if count > 1:
            raise ConvcliError(f"{short_repr(name)} is there {count} times", "a name for each")
        self.entries = {entry.filename: entry for entry in self.opened.infolist()}

    def size(self, name: str) -> int:
        """Return the size of a file in bytes, as the archive's list says."""
        size: int = self.entries[name].file_size
        return size

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises `ConvcliError`, also where it would be larger than `max_bytes`."""
        self.check_size([name])
        return _decompress(self.opened, self.entries[name], self.kind)

    def check_size(self, names: Collection[str]) -> None:
        """Raise `ConvcliError` if these files would be larger than `max_bytes` together, or than the memory left."""
        size = sum(self.size(name) for name in names)
        if size > self.max_bytes:
            (name,) = names if len(names) == 1 else ("its content",)
            raise ConvcliError(
                f"{name} would be {size:,} bytes", f"at most {self.max_bytes:,} here: store it uncompressed"
            )
        memory.require(size, "a smaller archive")


def extract(content: bytes, kind: str) -> dict[str, bytes]:
    """Return the files in an archive by name. `kind` is what messages call it. Raises `ConvcliError`."""
    archive = Archive(content, kind)
    archive.check_size(archive.entries)
    return {name: archive.read(name) for name in archive.entries}


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
