"""Pages from templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def fill_template(template: str, parts: Mapping[str, str]) -> bytes:
    """Return a template in which each `{{ name }}` is replaced by the part of that name.

    It is a single pass, so that `{{ name }}` in a part stays as it is.
    """
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], template).encode()


def json_for_script(data: Any) -> str:
    """Return data as JSON that can stand in a script element, which only `<` could end early."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
