"""Text -> plain values: YAML as version 1.2 has it, JSON by a JSON parser. A key that is given twice is an error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import yaml

MAX_DEPTH = 100
MAX_INTEGER_BITS = 1024  # what float64 can hold, rounded
# What a value takes at most while it is read, by the signs that part values.
JSON_BYTES, YAML_BYTES = 300, 450
SMALLER_TEXT = "a smaller text; an .npy file takes less"
TOO_DEEP = "too deeply nested"

# YAML 1.2's core schema: `1e-3` is a number, `on` and `010` are not special.
SCALARS = {
    "tag:yaml.org,2002:null": (r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "tag:yaml.org,2002:int": (r"^[-+]?[0-9]+$|^0o[0-7]+$|^0x[0-9a-fA-F]+$", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$",
        "-+0123456789.",
    ),
}


def parse(text: str, json_only: bool = False) -> Any:
    """The value that a YAML or JSON text holds.

    Text that starts as JSON does is read as JSON first; unless `json_only`, YAML's flow style is tried after that.
    Raises `ConvcliError` with the line and column of a mistake.
    """
    if json_only or text.lstrip()[:1] in ("{", "["):
        try:
            memory.require(JSON_BYTES * text.count(","), SMALLER_TEXT)
            return json.loads(text, object_pairs_hook=_mapping)
        except json.JSONDecodeError as error:
            if json_only:
                raise ConvcliError(f"line {error.lineno}, column {error.colno}: {error.msg}", "valid JSON") from None
        except RecursionError:
            raise ConvcliError(TOO_DEEP) from None
        except ValueError as error:  # a number of more digits than Python reads
            raise ConvcliError(str(error), "valid JSON") from None
    return _yaml(text)


def _yaml(text: str) -> Any:
    memory.require(YAML_BYTES * sum(map(text.count, (",", "\n", "- "))), SMALLER_TEXT)
    try:
        _check_depth(text)
        value = yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ConvcliError(_yaml_problem(error), "valid YAML") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:  # a tag on a value that it does not suit
        raise ConvcliError(f"a value that cannot be read: {error}", "valid YAML") from None
    if "*" in text and _expanded(value, {}) > len(text):
        raise ConvcliError("aliases that repeat more than the text holds", "the values written out")
    return value


def _check_depth(text: str) -> None:
    """Refuse deep nesting, which the parser's own recursion does not survive. Raises `ConvcliError`."""
    leads = max(map(len, re.findall(r"(?:^|[\n\r\x85\u2028\u2029])([ ?:-]*)", text)))
    if leads + text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConvcliError(TOO_DEEP)


def _expanded(value: Any, sizes: dict[int, int]) -> int:
    """How many values there are once aliases are written out."""
    if not isinstance(value, list | dict):
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = sys.maxsize  # met again below itself: it has no end
        parts = value if isinstance(value, list) else [*value, *value.values()]
        sizes[id(value)] = 1 + sum(_expanded(each, sizes) for each in parts)
    return sizes[id(value)]


def _mapping(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ConvcliError(f"{key!r} is given twice")
        mapping[key] = value
    return mapping


@lru_cache(maxsize=1)
def _loader() -> Any:
    base: Any = getattr(yaml, "CSafeLoader", None) or yaml.SafeLoader

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for place, _ in node.value:
                key = self.construct_object(place, deep=True)
                if not isinstance(key, str | int | float | None):
                    raise yaml.constructor.ConstructorError(None, None, "a key must be a word", place.start_mark)
                if key in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", place.start_mark)
                seen.add(key)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return mapping

    def whole(loader: Any, node: Any) -> int:
        value = int(node.value, {"0x": 16, "0o": 8}.get(node.value[:2], 10))
        if value.bit_length() > MAX_INTEGER_BITS:
            raise ValueError(f"a whole number of {value.bit_length()} bits")
        return value

    Loader.add_constructor("tag:yaml.org,2002:int", whole)
    for tag, (pattern, first) in SCALARS.items():
        Loader.add_implicit_resolver(tag, re.compile(pattern), ["" if each == "\0" else each for each in first])
    return Loader


def _yaml_problem(error: Any) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + " ".join(str(problem).split())
