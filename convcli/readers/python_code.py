"""Texts of Python code, which is never run: the statements in them that say something of layers."""

from __future__ import annotations

import ast
import re
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.readers.call_form import MOST_CHARACTERS
from convcli.readers.reader import ModelFile, Reader

# What code begins with after comments: an import, a definition, a text in three quotes, a call, or an assignment.
START = re.compile(
    r"(?:\s*#[^\n]*\n)*\s*(?:(?:import|from|class|def|async)\s|@\w|\"{3}|'{3}|[A-Za-z_][\w.]*\s*(?:\(|=[^=]))"
)
# Functions and methods that add no layers to a model.
ADDS_NO_LAYER = frozenset(
    ("build", "compile", "cpu", "cuda", "eval", "evaluate", "fit", "predict", "print", "save", "summary", "to", "train")
)
DEFINES = (ast.Assign, ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)


def statements_about_layers(text: str) -> list[ast.stmt]:
    """Return the statements of a text but imports, comments, and calls that add no layers, such as `print(model)`.

    Raises `SyntaxError`, `ValueError`, `RecursionError` or `MemoryError` for a text that is not Python code.

    >>> len(statements_about_layers("import keras\\nmodel.add(Flatten())\\nmodel.compile()"))
    1
    """
    return [statement for statement in ast.parse(text).body if not _says_nothing(statement)]


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if not isinstance(statement, ast.Expr | ast.Assign):
        return False
    value = statement.value
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", None)
        return name in ADDS_NO_LAYER
    return isinstance(value, ast.Constant) and isinstance(statement, ast.Expr)


def _recognises(file: ModelFile) -> bool:
    """Return whether a file holds code that defines, assigns or imports something."""
    if file.parsed is not None or len(file.content) > MOST_CHARACTERS:
        return False
    text = file.content.decode("utf-8-sig", "replace")
    try:
        return bool(START.match(text)) and any(isinstance(item, DEFINES) for item in ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _refuse(file: ModelFile) -> dict[str, Any]:
    raise ConvcliError(
        "is Python code, which is never run",
        "a Sequential of layers alone, the text of PyTorch's print(model), or what Keras's model.to_json() writes",
    )


OTHER_CODE = Reader("Python code", _recognises, _refuse)
