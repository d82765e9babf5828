"""Records that all readers share: the file to read, the reader of one format, and the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.records import Record
from convcli.io import arrays


class NotFollowedError(ConvcliError):
    """A layer, or a call of it, that convcli cannot follow: the reader goes on with an `unknown` layer in its place.

    The problem is the predicate of a sentence whose subject is the layer's class: `is quantized`.
    """


class ModelFile(Record):
    """A model file whose format is not known yet.

    The content decides the format; `suffix` (`.json`) settles only what the content leaves open. `title` names a model
    that has no name of its own. `source` is what warnings call the file.
    """

    content: bytes
    suffix: str
    title: str
    source: str
    parsed: Any = None  # the value itself, where `load` was given a value and no file
    listed_order: bool = (
        False  # whether parts of a printed model that have no order of use are taken as they are listed
    )

    @cached_property
    def value(self) -> Any:
        """The plain value that a text file holds: YAML, JSON or lines of numbers. Raises `ConvcliError`."""
        if self.parsed is not None:
            return self.parsed
        return arrays.decode_text(self.content, self.suffix, self.source)


class Document(Record):
    """A model as its file describes it, not yet validated."""

    mapping: Mapping[str, Any]  # layers, and optionally name, input, outputs, data_format
    folder: str  # names of files in the mapping are relative to it
    title: str
    source: str | None = None  # what messages call the file; None where the model is not from a file
    embedded_weights: bytes | None = None  # the file's bytes, where it holds the model's weights too


class Reader(Record):
    """The reader of one format of model files.

    `recognises` says whether a file is of this format; the readers before this one in the table have declined it.
    `read` returns the plain mapping, or raises `ConvcliError`.
    """

    name: str
    recognises: Callable[[ModelFile], bool]
    read: Callable[[ModelFile], dict[str, Any]]
    holds_weights: bool = False
