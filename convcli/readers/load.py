"""Models from files and plain values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from convcli import readers
from convcli.core.errors import ConvcliError, located, short
from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.model.graph import Model
from convcli.readers import validate

Source = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]


def load(source: Source, *, data_format: str | None = None) -> Model:
    """The model in a file, or in a plain mapping or list of layers such as a file holds.

    `data_format` holds where the model does not say. Raises `ConvcliError`.

    >>> load(["Conv2D(40, 3)", "flatten", "dense(10)"])
    """
    layout = DataFormat.of(data_format) if data_format else None
    if isinstance(source, str | os.PathLike):
        return build_model(readers.read(os.fspath(source)), layout)
    if not isinstance(source, Mapping | Sequence):
        raise ConvcliError(f"{short(source)} is no model", "a file, a mapping, or a list of layers")
    value = dict(source) if isinstance(source, Mapping) else {"layers": list(source)}
    return validate.build_model(readers.mapping(value, "model"), "", "model", layout)


def build_model(document: readers.Document, data_format: DataFormat | None = None) -> Model:
    """The model of a file that was read. Raises `ConvcliError`."""
    with located(document.source):
        model = validate.build_model(document.mapping, document.folder, document.name, data_format)
    return replace(model, source=document.source, stored=document.stored)


def located_in(model: Model) -> AbstractContextManager[None]:
    """Errors inside are put in the model's file, where it came from one."""
    return located(model.source) if model.source else nullcontext()
