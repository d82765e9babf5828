"""Models from files and from plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.model.graph import Model
from convcli.readers import validate
from convcli.readers.reader import Document

Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]


def load_model(
    source: Source, data_format: str | None = None, dialect: str | None = None, listed_order: bool = False
) -> Model:
    """Return the model in a file, or in a plain mapping or list of layers such as a file holds.

    `data_format` is used where the model does not say its own. `dialect` and `listed_order` are those of `api.load`.
    Raises `ConvcliError`.
    """
    from convcli.readers.formats import read_model_file, read_value

    default = DataFormat.parse(data_format) if data_format else None
    if isinstance(source, str | os.PathLike):
        return load_document(in_words_of(dialect, read_model_file(os.fspath(source), listed_order)), default)
    if not isinstance(source, Mapping | Sequence):
        raise ConvcliError(f"{short_repr(source)} is not a model", "a file, a mapping, or a list of layers")
    value = dict(source) if isinstance(source, Mapping) else {"layers": list(source)}
    return load_document(in_words_of(dialect, read_value(value)), default)


def in_words_of(dialect: str | None, document: Document) -> Document:
    """Return the document as one in the words of a dialect; as it is where the dialect is None."""
    return document if dialect is None else replace(document, mapping={**document.mapping, "dialect": dialect})


def load_document(document: Document, data_format: DataFormat | None = None) -> Model:
    """Build the model that a document describes. Raises `ConvcliError`, which names the file."""
    with _located(document.source):
        model = validate.build_model(document.mapping, document.folder, document.title, data_format)
    return replace(model, source=document.source, embedded_weights=document.embedded_weights)


def located_in(model: Model) -> AbstractContextManager[None]:
    """Put the model's file, if it has one, in front of the errors raised inside the `with` block."""
    return _located(model.source)


def _located(source: str | None) -> AbstractContextManager[None]:
    return located(source) if source else nullcontext()
