"""Values of an answer by their keys, and claims about them: `params <= 60000`, `output_shape == (None, 10)`."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from convcli.core.errors import ConvcliError, short_repr, suggestion
from convcli.output.report.shape import lacks_a_share

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def value(answer: Any, key: str) -> Any:
    """Return the value at a key such as `params`, `layers.conv2d.output_shape` or `output_shape.1`.

    The items of a list are named by their `name`, or by their index from 0; a name that is a number comes first.

    Raises:
        ConvcliError: There is no such key.
    """
    inner, rest = answer, key
    while rest:
        items = _items(inner)
        part = rest.partition(".")[0]
        # A name may contain dots itself: the longest that fits is meant.
        name = max((name for name in items if f"{rest}.".startswith(f"{name}.")), key=len, default=None)
        if name is not None:
            inner, rest = items[name], rest[len(name) + 1 :]
        elif isinstance(inner, list) and re.fullmatch("[0-9]{1,18}", part) and int(part) < len(inner):
            inner, rest = inner[int(part)], rest[len(part) + 1 :]
        else:
            problem = f"no key {part!r}" if part == key else f"no key {part!r} in {key}"
            raise ConvcliError(problem, suggestion(part, items))
    return inner


def _items(answer: Any) -> dict[str, Any]:
    if isinstance(answer, Mapping):
        return dict(answer)
    if isinstance(answer, list):
        names = [item["name"] if isinstance(item, Mapping) else str(index) for index, item in enumerate(answer)]
        return dict(zip(names, answer, strict=True))
    return {}


def bare(actual: Any) -> str:
    """Return a value as text by itself: a string as it is, anything else as JSON."""
    return actual if isinstance(actual, str) else json.dumps(actual, ensure_ascii=False)


def failure(answer: Any, claim: str) -> str | None:
    """Return a sentence about a claim that does not hold; None where it holds.

    Raises:
        ConvcliError: The claim cannot be read, or compares values of different kinds.
    """
    parsed = re.fullmatch(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*", claim, re.DOTALL)
    if parsed is None:
        raise ConvcliError(f"{claim!r} is not a claim", "KEY == VALUE, or with != < <= > >=")
    key, sign, text = parsed.groups()
    if lacks_a_share(answer, key):
        problem = f"{claim!r}: {key} is at least {value(answer, key)}, because layers are not known"
        raise ConvcliError(problem, "a claim about what is known, such as layers.NAME.params")
    actual, claimed = value(answer, key), _literal(text)
    if sign not in ("==", "!="):
        if not _is_number(claimed):
            raise ConvcliError(f"{claim!r}: {sign} {text}", "a number; other values are compared by == and !=")
        if actual is not None and not _is_number(actual):
            raise ConvcliError(f"{claim!r}: {key} is {short_repr(bare(actual))}", "== or !=, or a key of a number")
        holds = actual is not None and OPERATORS[sign](actual, claimed)
    else:
        if actual is not None and claimed is not None and _kind(actual) != _kind(claimed):
            raise ConvcliError(f"{claim!r}: {key} is {short_repr(bare(actual))}", f"{_kind(actual)}")
        # Of an unknown value no claim holds, except that it is unknown.
        holds = OPERATORS[sign](actual, claimed) and not (actual is None is not claimed)
    return None if holds else f"{claim.strip()} does not hold: {key} is {_actual_text(actual, claimed, text)}"


def _kind(candidate: Any) -> str:
    """Return words for what a value can be compared with."""
    words = ((list, "a list such as (None, 10)"), (dict, "one of its values"), (str, "a text"))
    return next((word for type_, word in words if isinstance(candidate, type_)), "a number")


def _is_number(candidate: Any) -> bool:
    return isinstance(candidate, int | float) and not isinstance(candidate, bool)


def _literal(text: str) -> Any:
    """Read the value of a claim: a number, a list or tuple, None, a quoted text, or a word, which is a text."""
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return _listed(parse(text))
    if re.fullmatch(r"[\w./#-]+", text):
        return text
    raise ConvcliError(f"{short_repr(text)} is not a value", "a number, a list such as (None, 10), or a text")


def _listed(candidate: Any) -> Any:
    return list(map(_listed, candidate)) if isinstance(candidate, list | tuple) else candidate


def _actual_text(actual: Any, claimed: Any, text: str) -> str:
    """Return the actual value as text; a shape is written as the claim writes one."""
    if actual is None:
        return "unknown"
    if isinstance(actual, list) and isinstance(claimed, list) and text.startswith("("):
        return repr(tuple(actual))
    return bare(actual)
