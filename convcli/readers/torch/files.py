"""The reader of models that PyTorch's users write and print; what reads them is imported where a text has them."""

from __future__ import annotations

import re
from typing import Any

from convcli.readers.reader import ModelFile, Reader

MOST_LOOKED_AT = 1 << 16  # bytes of a file, to recognise it

# Keras's Sequential takes a list, or nothing.
OPENING = r"(?:(?:torch\s*\.\s*)?nn\s*\.\s*Sequential\s*\(|Sequential\s*\((?!\s*(?:\[|\)|layers\s*=)))"
EXPRESSION = re.compile(OPENING)
# An expression in a file may follow comments and imports, and be assigned to a name.
EXPRESSION_FILE = re.compile(rf"(?:\s*(?:#[^\n]*|(?:import|from)\s[^\n]*)?\n)*\s*(?:[A-Za-z_]\w*\s*=\s*)?{OPENING}")
PRINTED = re.compile(r"\s*[A-Za-z_]\w*\(\s*\n\s+\([\w-]+\): ")


def is_expression(text: str) -> bool:
    """Return whether a text, such as an argument of the command line, is an expression `nn.Sequential(…)`."""
    return EXPRESSION.match(text.strip()) is not None


def _recognises(file: ModelFile) -> bool:
    if file.parsed is not None or b"(" not in file.content[:MOST_LOOKED_AT]:
        return False
    head = _text(file.content[:MOST_LOOKED_AT])
    return bool(EXPRESSION_FILE.match(head) or PRINTED.match(head))


def _read(file: ModelFile) -> dict[str, Any]:
    from convcli.readers.torch import text

    content = _text(file.content)
    if PRINTED.match(content):
        return text.printed_mapping(content, file.listed_order)
    return text.expression_mapping(text.expression_in(content))


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace").replace("\r\n", "\n")


TEXT = Reader("PyTorch's text", _recognises, _read)
