"""Parse YAML 1.2 and JSON into plain values: dictionaries, lists, numbers, texts.

A key that stands twice in a mapping is an error. The text is checked before it is parsed, so that no text can fill the
memory or end the program.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar

from convcli.core import memory
from convcli.core.dtypes import MAX_INTEGER_BITS
from convcli.core.errors import ConvcliError, short_repr
from convcli.core.lazy_imports import yaml

MAX_DEPTH = 100
JSON_BYTES_PER_VALUE, YAML_BYTES_PER_VALUE = 300, 450  # memory that parsing takes at most
YAML_SEPARATORS = (",", "\n", "- ")
SMALLER_TEXT = "a smaller text; an .npy file takes less"
TOO_DEEP = "too deeply nested"

# The scalars of YAML 1.2's core schema, and the characters that each begins with (\0: none). PyYAML follows YAML 1.1,
# in which `1e-3` is a text, `on` is true and `010` is 8.
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
    """Return the value that a YAML or JSON text holds.

    A text that begins as JSON does is first parsed as JSON, which is faster; unless `json_only`, YAML follows if that
    fails. Raises `ConvcliError` with the line and column of a mistake.
    """
    if json_only or text.lstrip()[:1] in ("{", "["):
        try:
            memory.require(JSON_BYTES_PER_VALUE * text.count(","), SMALLER_TEXT)
            return json.loads(text, object_pairs_hook=_unique_keys)
        except json.JSONDecodeError as error:
            if json_only:
                raise ConvcliError(f"line {error.lineno}, column {error.colno}: {error.msg}", "valid JSON") from None
        except RecursionError:
            raise ConvcliError(TOO_DEEP) from None
        except ValueError as error:  # a number of more digits than Python converts
            raise ConvcliError(str(error), "valid JSON") from None
    return _parse_yaml(text)


def _unique_keys(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ConvcliError(f"{short_repr(key)} is given twice")
        mapping[key] = value
    return mapping


def _parse_yaml(text: str) -> Any:
    memory.require(YAML_BYTES_PER_VALUE * sum(map(text.count, YAML_SEPARATORS)), SMALLER_TEXT)
    try:
        _check_depth(text)
        value = yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ConvcliError(_yaml_problem(error), "valid YAML") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:  # a tag on a value that it does not suit
        raise ConvcliError(f"a value that cannot be read: {error}", "valid YAML") from None
    if "*" in text and _count_values(value, {}) > len(text):
        raise ConvcliError("aliases that repeat more than the text holds", "the values written out")
    return value


def _check_depth(text: str) -> None:
    """Raise `ConvcliError` for deep nesting, at which the parser's recursion would end the program.

    A count of indents and brackets bounds the depth of nearly every text. Only for the rest are the events counted.
    """
    deepest_indent = max(map(len, re.findall(r"(?:^|[\n\r\x85\u2028\u2029])([ ?:-]*)", text)))
    if deepest_indent + text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConvcliError(TOO_DEEP)


def _count_values(value: Any, counts: dict[int, int]) -> int:
    """Return how many values there are once aliases are written out; `counts` remembers collections by their id."""
    if not isinstance(value, list | dict):
        return 1
    if id(value) not in counts:
        counts[id(value)] = sys.maxsize  # for a collection that holds itself
        items = value if isinstance(value, list) else [*value, *value.values()]
        counts[id(value)] = 1 + sum(_count_values(item, counts) for item in items)
    return counts[id(value)]


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return the class of PyYAML's loader, changed to YAML 1.2's scalars and to unique keys."""
    base: Any = getattr(yaml, "CSafeLoader", None) or yaml.SafeLoader

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, str | int | float | None):
                    raise yaml.constructor.ConstructorError(None, None, "a key must be a word", key_node.start_mark)
                if key in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{short_repr(key)} is given twice", key_node.start_mark
                    )
                keys.add(key)
            mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return mapping

    Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
    for tag, (pattern, first) in SCALARS.items():
        characters = ["" if character == "\0" else character for character in first]
        Loader.add_implicit_resolver(tag, re.compile(pattern), characters)
    return Loader


def _construct_int(loader: Any, node: Any) -> int:
    value = int(node.value, {"0x": 16, "0o": 8}.get(node.value[:2], 10))
    if value.bit_length() > MAX_INTEGER_BITS:
        raise ValueError(f"a whole number of {value.bit_length()} bits")
    return value


def _yaml_problem(error: Any) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    location = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return location + " ".join(str(problem).split())
