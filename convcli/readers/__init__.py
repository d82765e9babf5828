"""Model files -> the plain mapping that `spec` validates.

A format is told by its content. To read another one, write a module that turns it into such a mapping and ask for it
in `read`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from convcli import arrays
from convcli.errors import located
from convcli.files import STREAM, display_name, read_bytes, suffix
from convcli.readers import keras, kernel, native
from convcli.records import Record


class Document(Record):
    """A model file as read: the plain mapping, where its file names start from, its name, what to call it."""

    mapping: Mapping[str, Any]
    folder: str
    name: str
    source: str


def read(name: str) -> Document:
    """Read a model file, `FILE.npz:KEY`, or `-`. Raises `ConvcliError`, naming the file."""
    folder, file = os.path.split(name)
    stem = "model" if name == STREAM else os.path.splitext(file)[0]
    title = "".join(letter if letter.isprintable() else "?" for letter in stem)
    if ":" in name and not os.path.exists(name):
        array = arrays.load(name)
        with located(name):
            return Document(kernel.mapping(array, title), folder, title, name)
    with located(display_name(name)):
        content = read_bytes(name)
        if arrays.is_binary(content):
            found = arrays.read(content)
            only = next(iter(found.values())) if isinstance(found, dict) and len(found) == 1 else found
            mapping = kernel.mapping(only, title)
        else:
            value = arrays.read_document(content, suffix(name))
            mapping = keras.mapping(value, title) if keras.is_keras(value) else native.mapping(value, title)
    return Document(mapping, folder, title, display_name(name))
