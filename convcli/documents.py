"""Text -> plain values: YAML as version 1.2 has it, JSON by a JSON parser. A key that is given twice is an error."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from convcli._lazy import Lazy
from convcli.errors import ConvcliError

if TYPE_CHECKING:
    import yaml
else:
    yaml = Lazy("yaml")

# YAML 1.2's core schema: `1e-3` is a number, `on` and `010` are not special.
SCALARS = {
    "tag:yaml.org,2002:null": (r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    "tag:yaml.org,2002:bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "tag:yaml.org,2002:int": (r"^[-+]?[0-9]+$|^0x[0-9a-fA-F]+$", "-+0123456789"),
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
            return json.loads(text, object_pairs_hook=_mapping)
        except json.JSONDecodeError as error:
            if json_only:
                raise ConvcliError(f"line {error.lineno}, column {error.colno}: {error.msg}", "valid JSON") from None
        except RecursionError:
            raise ConvcliError("too deeply nested") from None
    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise ConvcliError(_yaml_problem(error), "valid YAML") from None
    except RecursionError:
        raise ConvcliError("too deeply nested") from None
    except ValueError as error:
        raise ConvcliError(str(error), "valid YAML") from None


def _mapping(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ConvcliError(f"{key!r} is given twice")
        mapping[key] = value
    return mapping


@lru_cache(maxsize=1)
def _loader() -> Any:
    import re

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
        return int(node.value, 16 if node.value.startswith("0x") else 10)

    Loader.add_constructor("tag:yaml.org,2002:int", whole)
    for tag, (pattern, first) in SCALARS.items():
        Loader.add_implicit_resolver(tag, re.compile(pattern), ["" if each == "\0" else each for each in first])
    return Loader


def _yaml_problem(error: Any) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + " ".join(str(problem).split())
