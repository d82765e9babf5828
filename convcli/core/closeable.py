"""The base class of objects that hold threads or memory until they are closed."""

from __future__ import annotations

from typing import TypeVar

CloseableType = TypeVar("CloseableType", bound="Closeable")


class Closeable:
    """An object to be closed after its last use, by `close` or by the end of a `with` block."""

    def close(self) -> None:
        """Release what the object holds."""
        raise NotImplementedError

    def __enter__(self: CloseableType) -> CloseableType:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
