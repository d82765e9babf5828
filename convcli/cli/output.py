"""The destination of a command's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from convcli.io.files import atomic_writer
from convcli.output.render.formats import PLAIN, TextStyle

if TYPE_CHECKING:
    from convcli.core.progress import ProgressCallback

Value = TypeVar("Value")


class Output:
    """The destination of a command's answer, and what is told of the work on it.

    Args:
        format: The name of the answer's format, a key of `FORMATS`.
        style: The style of text for people.
        file: The name of the file for the answer; None: standard output.
        progress: What is told how far the work has come; None: nobody looks.
        format_requested: Whether the user named the format.
        requested: Whether the user named the format or the file.
        shared: Values that the answers to several inputs of one command share, by key.
    """

    def __init__(
        self,
        format: str,  # noqa: A002
        style: TextStyle = PLAIN,
        file: str | None = None,
        progress: ProgressCallback | None = None,
        *,
        format_requested: bool = False,
        requested: bool = False,
        shared: dict[object, Any] | None = None,
    ) -> None:
        self.format, self.style, self.file, self.progress = format, style, file, progress
        self.format_requested, self.requested = format_requested, requested
        self._shared = {} if shared is None else shared

    def once(self, key: object, make: Callable[[], Value]) -> Value:
        """Return `make()` of the first call with this key: the answers to several inputs share one model."""
        if key not in self._shared:
            self._shared[key] = make()
        value: Value = self._shared[key]
        return value

    def beside(self, file: str, progress: ProgressCallback | None) -> Output:
        """Return the output of one of several answers: into another file, sharing the same values."""
        return Output(self.format, self.style, file, progress, shared=self._shared)

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Open the file for an answer that is written part by part. It replaces what is there once it is whole."""
        assert self.file is not None
        with atomic_writer(self.file) as stream:
            yield stream
