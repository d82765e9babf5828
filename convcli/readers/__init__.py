"""Model files -> the plain mapping that `spec` validates.

A format is told by its content. To read another one, write a module that turns it into such a mapping and ask for it
in `read`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record
from convcli.io import arrays, weights_file
from convcli.io.files import STREAM, display_name, read_bytes, suffix
from convcli.readers import bare_kernel, plain


class Document(Record):
    """A model file as read: the plain mapping, where its file names start from, its name, what to call it.

    `stored` are the bytes of the weights file in it, if it has one.
    """

    mapping: Mapping[str, Any]
    folder: str
    name: str
    source: str
    stored: bytes | None = None


def read(name: str) -> Document:
    """Read a model file, `FILE.npz:KEY`, or `-`. Raises `ConvcliError`, naming the file."""
    folder, file = os.path.split(name)
    stem = "model" if name == STREAM else os.path.splitext(file)[0]
    title = "".join(letter if letter.isprintable() else "?" for letter in stem)
    if ":" in name and not os.path.exists(name):
        array = arrays.load(name)
        with located(name):
            return Document(bare_kernel.mapping(array, title), folder, title, name)
    held = None
    with located(display_name(name)):
        content = read_bytes(name)
        if weights_file.is_archive(content):
            config = weights_file.member(content, weights_file.CONFIG)
            mapping, held = _of_text(config, ".json", title), content
        elif content.startswith(weights_file.HDF5):
            raise ConvcliError(
                "holds weights in HDF5, not a model", "model.to_json(), or .keras; --weights takes this file"
            )
        elif suffix(name) == ".keras":
            raise ConvcliError("is no .keras archive: a zip file with config.json", "what model.save writes")
        elif arrays.is_binary(content):
            found = arrays.read(content, suffix(name), display_name(name))
            only = next(iter(found.values())) if isinstance(found, dict) and len(found) == 1 else found
            mapping = bare_kernel.mapping(only, title)
        else:
            mapping = _of_text(content, suffix(name), title)
    return Document(mapping, folder, title, display_name(name), held)


def _of_text(content: bytes, ending: str, title: str) -> dict[str, Any]:
    return mapping(arrays.read_document(content, ending), title)


def mapping(value: Any, title: str) -> dict[str, Any]:
    """The plain mapping of a model in any form that a text file may have it. Raises `ConvcliError`."""
    if plain.is_keras(value):
        from convcli.readers import keras

        return keras.mapping(value, title)
    return plain.mapping(value, title)
