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

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def value(answer: Any, key: str) -> Any:
    """The value at a key such as `params`, `layers.conv2d.output_shape` or `output_shape.1`. Raises `ConvcliError`.

    A list of mappings with names is entered by name, any other list by place.
    """
    inner, rest = answer, key
    while rest:
        parts = _parts(inner)
        # Names may hold points themselves: the longest that fits is meant.
        name = max((each for each in parts if f"{rest}.".startswith(f"{each}.")), key=len, default=None)
        if name is None:
            part = rest.partition(".")[0]
            where = f"no key {part!r}" if part == key else f"no key {part!r} in {key}"
            raise ConvcliError(where, suggestion(part, parts))
        inner, rest = parts[name], rest[len(name) + 1 :]
    return inner


def _parts(answer: Any) -> dict[str, Any]:
    if isinstance(answer, Mapping):
        return dict(answer)
    if isinstance(answer, list):
        named = [each["name"] if isinstance(each, Mapping) else str(place) for place, each in enumerate(answer)]
        return dict(zip(named, answer, strict=True))
    return {}


def bare(found: Any) -> str:
    """A value by itself: a text as it is, anything else as JSON has it."""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def failure(answer: Any, claim: str) -> str | None:
    """What is wrong with a claim, None where it holds. Raises `ConvcliError` where it is none."""
    parsed = re.fullmatch(r"\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*", claim, re.DOTALL)
    if parsed is None:
        raise ConvcliError(f"{claim!r} is no claim", "KEY == VALUE, or with != < <= > >=")
    key, sign, text = parsed.groups()
    found, wanted = value(answer, key), _literal(text)
    if sign not in ("==", "!="):
        if not _is_number(wanted):
            raise ConvcliError(f"{claim!r}: {sign} {text}", "a number; other values are compared by == and !=")
        if found is not None and not _is_number(found):
            raise ConvcliError(f"{claim!r}: {key} is {short_repr(bare(found))}", "== or !=, or a key of a number")
        holds = found is not None and OPERATORS[sign](found, wanted)
    else:
        if found is not None and wanted is not None and _kind(found) != _kind(wanted):
            raise ConvcliError(f"{claim!r}: {key} is {short_repr(bare(found))}", f"{_kind(found)}")
        # What is unknown shows nothing, but that it is unknown.
        holds = OPERATORS[sign](found, wanted) and not (found is None is not wanted)
    return None if holds else f"{claim.strip()} does not hold: {key} is {_shown(found, wanted, text)}"


def _kind(candidate: Any) -> str:
    """What a value is compared with, in words."""
    words = ((list, "a list such as (None, 10)"), (dict, "one of its values"), (str, "a text"))
    return next((word for kind, word in words if isinstance(candidate, kind)), "a number")


def _is_number(candidate: Any) -> bool:
    return isinstance(candidate, int | float) and not isinstance(candidate, bool)


def _literal(text: str) -> Any:
    """A number, a list or tuple, a quoted text, None; a word by itself is a text."""
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            return _listed(parse(text))
    if re.fullmatch(r"[\w./#-]+", text):
        return text
    raise ConvcliError(f"{short_repr(text)} is no value", "a number, a list such as (None, 10), or a text")


def _listed(candidate: Any) -> Any:
    return list(map(_listed, candidate)) if isinstance(candidate, list | tuple) else candidate


def _shown(found: Any, wanted: Any, text: str) -> str:
    """The value that was found, a shape in the way that the claim writes one."""
    if found is None:
        return "unknown"
    if isinstance(found, list) and isinstance(wanted, list) and text.startswith("("):
        return repr(tuple(found))
    return bare(found)
