"""The table of all formats of model files, and the functions that read a file with it."""

from __future__ import annotations

import os
from typing import Any

from convcli.core.errors import located
from convcli.io import arrays
from convcli.io.files import STANDARD_STREAM, display_name, read_bytes, suffix
from convcli.readers import bare_kernel, convcli_files, foreign_files, python_code, python_lines
from convcli.readers.call_form import SEQUENTIAL
from convcli.readers.keras import files as keras
from convcli.readers.reader import Document, ModelFile, Reader
from convcli.readers.torch import files as torch_files

# The first reader that recognises a file reads it. Binary formats come first, because the readers of text formats ask
# for the file's `value`, which is an error for binary content. The last reader takes whatever is left.
READERS: tuple[Reader, ...] = (
    keras.HDF5,
    keras.ARCHIVE,
    foreign_files.FOREIGN,
    bare_kernel.ARRAY,
    torch_files.TEXT,
    python_lines.CALLS,
    python_code.OTHER_CODE,
    keras.JSON,
    convcli_files.TEXT,
)


EXPRESSION_SOURCE = "nn.Sequential"  # what messages call a model that the command line itself holds


def read_model_file(name: str, listed_order: bool = False) -> Document:
    """Read a model file: a path, `FILE.npz:KEY` for one array of several, `-` for standard input, or a kernel itself.

    Or an expression `nn.Sequential(…)` or `Sequential([…])` itself. `listed_order`: where a printed model does not say
    in which order its parts are used, take that of the text.

    Raises `ConvcliError`, which names the file.
    """
    if torch_files.is_expression(name) and not os.path.exists(name):
        from convcli.readers.torch import text as torch_text

        with located(EXPRESSION_SOURCE):
            return Document(torch_text.expression_mapping(name), "", "model", EXPRESSION_SOURCE)
    if python_lines.is_expression(name) and not os.path.exists(name):
        return Document({"layers": python_lines.layer_texts(name) or [name]}, "", "model", SEQUENTIAL)
    if arrays.is_inline(name):
        kernel = arrays.load(name)
        with located(arrays.label(name)):
            return Document(bare_kernel.mapping(kernel, "kernel"), "", "kernel", arrays.label(name))
    folder, file_name = os.path.split(name)
    title = "model" if name == STANDARD_STREAM else _printable(os.path.splitext(file_name)[0])
    if ":" in name and not os.path.exists(name):
        kernel = arrays.load(name)
        with located(name):
            return Document(bare_kernel.mapping(kernel, title), folder, title, name)
    source = display_name(name)
    with located(source):
        return read_file(ModelFile(read_bytes(name), suffix(name), title, source, listed_order=listed_order), folder)


def read_value(value: Any, title: str = "model") -> Document:
    """Read a model from a plain value, such as a YAML or JSON file holds. Raises `ConvcliError`."""
    return read_file(ModelFile(b"", "", title, title, parsed=value), "")


def read_file(file: ModelFile, folder: str) -> Document:
    """Read a file with the first reader that recognises it. Raises `ConvcliError`."""
    reader = next(reader for reader in READERS if reader.recognises(file))
    source = file.source if file.parsed is None else None
    return Document(reader.read(file), folder, file.title, source, file.content if reader.holds_weights else None)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
