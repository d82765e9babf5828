"""Load arrays from files: NPY, NPZ, images, lines of numbers, prints of NumPy, YAML, JSON.

The content of a file tells its format; its name does not matter. NumPy is imported when the first array is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import DataFormat
from convcli.io import images, nested_lists, npy, zip_archive
from convcli.io.files import STANDARD_STREAM, display_name, read_bytes, suffix

MAX_LABEL_LENGTH = 40  # of an inline array in messages
SUFFIXES = (".npy", ".npz", ".yaml", ".yml", ".json", ".csv", ".tsv", ".txt", *images.SUFFIXES)


def load(name: str) -> Array:
    """Return the array that a user names: `FILE`, `FILE.npz:KEY`, `FILE.tif:PAGE`, `-` (standard input), or `[0, 1]`.

    Raises `ConvcliError`, naming the file.
    """
    loaded = _load(name)
    return loaded.values if isinstance(loaded, images.Picture) else loaded


def load_input(name: str, data_format: DataFormat, *, as_stored: bool = False) -> Array | npy.MappedArray:
    """Return the array that a user names, as an input of a model. Raises `ConvcliError`, naming the file.

    An image becomes a batch of one sample in the data format: `(1, height, width, channels)` or
    `(1, channels, height, width)`, a stack of pages likewise with the pages before the height. `as_stored` leaves it
    as `images.Picture` has it. A large NPY file is mapped and not read yet.
    """
    with located(label(name)):
        mapped = None if name == STANDARD_STREAM else npy.map_large(name)
    if mapped is not None:
        return mapped
    loaded = _load(name)
    if not isinstance(loaded, images.Picture):
        return loaded
    if as_stored:
        return loaded.values
    sample = loaded.sample()
    return (np.moveaxis(sample, -1, 0) if data_format is DataFormat.CHANNELS_FIRST else sample)[None]


def load_named(name: str) -> dict[str, Array]:
    """Return all arrays of an NPZ file by name. Raises `ConvcliError`, naming the file."""
    path, key = _split_key(name)
    with located(display_name(path)):
        if key is not None:
            raise ConvcliError(f"{key} is one array of it", "the whole file, or NAME=FILE for each")
        arrays = decode(read_bytes(path), suffix(path))
        if not isinstance(arrays, dict):
            raise ConvcliError("holds a single array without a name", "an .npz file")
        return arrays


def _load(name: str) -> Array | images.Picture:
    """Return the array or image that a user names."""
    if is_inline(name):
        return _parse_inline(name)
    path, key = _split_key(name)
    with located(display_name(path)):
        content = read_bytes(path)
        if images.is_image(content):
            return images.decode(content, display_name(path), None if key is None else _page_number(key))
        decoded = decode(content, suffix(path), display_name(path))
        if not isinstance(decoded, dict):
            if key is not None:
                raise ConvcliError(f"holds one array, not a {key!r}", "leave out the key")
            return decoded
        if key is None and len(decoded) == 1:
            return next(iter(decoded.values()))
        if key not in decoded:
            raise array_choice_error(decoded, path, key)
        return decoded[key]


def _page_number(key: str) -> int:
    """Return the number of a page of an image. Raises `ConvcliError`."""
    if not (key.isascii() and key.isdecimal() and len(key) < 10):
        raise ConvcliError(f"no page {key!r}", "pages are counted from 0: FILE:0")
    return int(key)


def is_inline(name: str) -> bool:
    """Return True if a name begins as an array does, and no file has this name."""
    return name.startswith("[") and not names_file(name)


def names_file(name: str) -> bool:
    """Return True if there is a file of this name, which may have a key."""
    return os.path.exists(_split_key(name)[0])


def label(name: str) -> str:
    """Return what messages call an array that a user names: the name of its file, or the start of an inline array."""
    shown = display_name(name)
    is_long = is_inline(name) and len(shown) > MAX_LABEL_LENGTH
    return f"{shown[: MAX_LABEL_LENGTH - 3]}..." if is_long else shown


def _parse_inline(text: str) -> Any:
    """Return the array that an argument itself holds. Raises `ConvcliError`."""
    with located(label(text)):
        try:
            return decode(text.encode("utf-8", "surrogateescape"))
        except ConvcliError as error:
            raise ConvcliError(f"no such file, and not an array: {error}") from None


def _split_key(name: str) -> tuple[str, str | None]:
    """Return the file and the key of `FILE:KEY`; a file that has a colon in its name goes first."""
    if name.startswith(f"{STANDARD_STREAM}:"):
        return STANDARD_STREAM, name.removeprefix(f"{STANDARD_STREAM}:")
    if ":" not in name or os.path.exists(name):
        return name, None
    path, _, key = name.rpartition(":")
    return (path, key) if os.path.isfile(path) else (name, None)


def array_choice_error(names: Iterable[str], path: str, key: str | None = None) -> ConvcliError:
    """Return the error for a file of several arrays where the key is missing (None) or not one of the names."""
    known = tuple(names)
    problem = "which array?" if key is None else f"no array {key!r}:"
    argument = f"-- {path}" if path == STANDARD_STREAM else path  # `-:KEY` alone would be taken for an option
    return ConvcliError(f"{problem} it holds {', '.join(known) or 'none'}", f"{argument}:{(*known, 'KEY')[0]}")


def decode(content: bytes, suffix: str = "", name: str = "the file") -> Array | dict[str, Array]:
    """Return the array that the bytes hold, or several arrays by name. Raises `ConvcliError`.

    `suffix` only tells `.json` from YAML; `name` is what warnings call the file.
    """
    if content.startswith(npy.MAGIC):
        return npy.decode(content)
    from convcli.io import foreign_formats

    foreign_formats.refuse(content, suffix)
    if zip_archive.is_zip(content):
        return npy.decode_npz(content)
    if images.is_image(content):
        return images.decode(content, name).values
    from convcli.io import text_arrays

    text = _text(content)
    value = _parse_text(text, suffix, name)
    problem = text_arrays.first_problem(text) if isinstance(value, str) else None
    if problem is not None:
        raise problem
    return nested_lists.from_document(value)


def is_binary(content: bytes) -> bool:
    """Return True if the bytes are an array in a binary format, or an image."""
    return content.startswith(npy.MAGIC) or zip_archive.is_zip(content) or images.is_image(content)


def decode_text(content: bytes, suffix: str = "", name: str = "the file") -> Any:
    """Return the value that a text holds: numbers in lines or as NumPy prints them, else what YAML or JSON reads.

    `name` is what notes call the file. Raises `ConvcliError`.
    """
    return _parse_text(_text(content), suffix, name)


def _text(content: bytes) -> str:
    """Return the bytes of a text file as text that is not empty. Raises `ConvcliError`."""
    if b"\0" in content:  # asked before gigabytes are decoded
        raise ConvcliError("holds null bytes", "UTF-8 text, or an .npy or .npz file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConvcliError(f"byte {error.start} is not text", "UTF-8 text, or an .npy or .npz file") from None
    if not text.strip():
        raise ConvcliError("is empty")
    return text


def _parse_text(text: str, suffix: str, name: str) -> Any:
    from convcli.io import text_arrays, yaml_json

    value = text_arrays.parse_lines(text, name)
    if value is None and "[" in text:
        from convcli.io import numpy_prints

        value = numpy_prints.parse(text)
    return yaml_json.parse(text, json_only=suffix == ".json") if value is None else value
