"""Files of other programs that convcli does not read: what they are, told by their content."""

from __future__ import annotations

import re
from collections.abc import Callable

from convcli.core.errors import ConvcliError
from convcli.core.option_names import option
from convcli.core.records import Record
from convcli.io import zip_archive

# An ONNX file is a protocol buffer that begins with the version of the format (field 1, a small number) and, nearly
# always, the name of the program that wrote it (field 2, a text).
ONNX_START = re.compile(rb"\x08[\x01-\x1f]\x12[\x01-\x7f][\x20-\x7e]")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
TFLITE_MAGIC, TFLITE_MAGIC_OFFSET = b"TFL3", 4
SAFETENSORS_HEADER_OFFSET = 8
FIRST_BYTES = 2048


class ForeignFormat(Record):
    """A format of models, or of weights alone, by its content and suffix; `what` is how messages call a file of it."""

    what: str
    recognises: Callable[[bytes, str], bool]
    brings_a_model: bool = True


CHECKPOINT = ForeignFormat(
    "a PyTorch checkpoint", lambda content, suffix: _is_checkpoint(content), brings_a_model=False
)
FORMATS = (
    ForeignFormat("an ONNX model", lambda content, suffix: suffix == ".onnx" or ONNX_START.match(content) is not None),
    ForeignFormat("a program of torch.export", lambda content, suffix: _is_zip_with(content, r"(.*/)?archive_format")),
    ForeignFormat("a TorchScript archive", lambda content, suffix: _is_zip_with(content, r"[^/]+/constants\.pkl")),
    ForeignFormat(
        "a TensorFlow Lite model",
        lambda content, suffix: content[TFLITE_MAGIC_OFFSET:].startswith(TFLITE_MAGIC),
    ),
    ForeignFormat("a SavedModel of TensorFlow", lambda content, suffix: suffix == ".pb"),
    CHECKPOINT,
    ForeignFormat("an HDF5 file", lambda content, suffix: content.startswith(HDF5_MAGIC), brings_a_model=False),
    ForeignFormat(
        "a safetensors file",
        lambda content, suffix: content[SAFETENSORS_HEADER_OFFSET:].startswith(b'{"') and content[5:8] == b"\0\0\0",
        brings_a_model=False,
    ),
)


def looks_foreign(content: bytes, suffix: str) -> bool:
    """Return whether the file cannot be a text: a quick look, before the formats are tried one by one."""
    return suffix in (".onnx", ".pb") or b"\0" in content[:FIRST_BYTES] or content[:1] in (b"\x08", b"\x80")


def find(content: bytes, suffix: str) -> ForeignFormat | None:
    """Return the foreign format of a file, None for any other file."""
    if looks_foreign(content, suffix):
        return next((form for form in FORMATS if form.recognises(content, suffix)), None)
    return None


def not_a_model(form: ForeignFormat) -> ConvcliError:
    """Return the error for a file of this format in place of a model."""
    layers = "the layers in a YAML file, PyTorch's print(model) as text, or what Keras's model.save writes"
    if form.brings_a_model:
        return ConvcliError(f"is {form.what}, which convcli does not read", layers)
    return ConvcliError(f"is {form.what}, which holds weights and no layers", f"{layers}; {option('weights')} takes it")


def refuse(content: bytes, suffix: str) -> None:
    """Raise `ConvcliError` where the bytes of a file of arrays are of a foreign format."""
    form = find(content, suffix)
    if form is not None:
        raise ConvcliError(
            f"is {form.what}, not a file of arrays", "an .npy or .npz file, an image, or numbers as text"
        )


def _is_checkpoint(content: bytes) -> bool:
    from convcli.io import torch_files

    return torch_files.is_checkpoint(content)


def _is_zip_with(content: bytes, pattern: str) -> bool:
    """Return whether the bytes are a zip file with an entry of such a name."""
    return any(re.fullmatch(pattern, name) for name in zip_archive.listed_names(content))
