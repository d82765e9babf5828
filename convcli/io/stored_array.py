"""An array that is still in its file."""

from __future__ import annotations

from collections.abc import Callable

from convcli.core.lazy_imports import Array
from convcli.core.records import Record


class StoredArray(Record):
    """An array that is still in its file, so that its shape can be checked first; `read` reads it."""

    shape: tuple[int, ...]
    read: Callable[[], Array]
