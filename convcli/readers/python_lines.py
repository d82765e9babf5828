"""Layers as Keras code adds them: a file with a call in each line, with or without `model.add`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from convcli.readers.call_form import MOST_CHARACTERS, SEQUENTIAL
from convcli.readers.python_code import START, statements_about_layers
from convcli.readers.reader import ModelFile, Reader

EXPRESSION = re.compile(rf"\s*(?:[A-Za-z_]\w*\.)*{SEQUENTIAL}\s*\(")


def layer_texts(text: str) -> list[str] | None:
    """Return the layers of a text of Keras code, each as a call; None for any other text.

    Layers are calls in lines of their own, the arguments of `model.add`, or those in the list of a `Sequential`, which
    may be assigned to a name. Imports, and calls that add no layers, are passed over. Lists of layers of other
    frameworks are left to their readers.

    >>> layer_texts("model = Sequential()\\nmodel.add(Conv1D(4, 3))\\nmodel.add(Flatten())")
    ['model.add(Conv1D(4, 3))', 'model.add(Flatten())']
    """
    if len(text) > MOST_CHARACTERS or not START.match(text):
        return None
    try:
        statements = statements_about_layers(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not all(map(_is_layers, statements)):
        return None
    return [ast.unparse(layer) for statement in statements for layer in _layers(statement)] or None


def is_expression(text: str) -> bool:
    """Return whether a text, such as an argument of the command line, is an expression `Sequential([…])`."""
    return EXPRESSION.match(text) is not None


def _is_layers(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return _sequential_list(statement.value) is not None
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Name | ast.Attribute)


def _layers(statement: ast.stmt) -> Iterator[ast.expr]:
    assert isinstance(statement, ast.Assign | ast.Expr)
    listed = _sequential_list(statement.value)
    yield from [statement.value] if listed is None else listed


def _sequential_list(value: ast.expr) -> list[ast.expr] | None:
    """Return the layers in Keras's `Sequential([…])`, none of `Sequential()`; None for any other expression."""
    if not isinstance(value, ast.Call):
        return None
    path = ast.unparse(value.func).split(".")
    arguments = value.args or [keyword.value for keyword in value.keywords if keyword.arg == "layers"]
    if path[-1] != SEQUENTIAL or "nn" in path:
        return None
    if not arguments:
        return []
    return arguments[0].elts if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple) else None


def _texts(file: ModelFile) -> list[str] | None:
    if file.parsed is not None or b"(" not in file.content:
        return None
    try:
        return layer_texts(file.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def _read(file: ModelFile) -> dict[str, Any]:
    return {"layers": _texts(file)}


CALLS = Reader("Keras code", lambda file: bool(_texts(file)), _read)
