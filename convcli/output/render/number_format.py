"""Numbers as text for people to read."""

from __future__ import annotations

from math import isfinite
from typing import Any

from convcli.core.shapes import format_extents
from convcli.io.nested_lists import spell_nonfinite


def format_value(value: Any) -> str:
    """Return a number as grids and formulas show it.

    A whole number below 1e15 is written in full, any other with six significant digits, or more where those would make
    it look whole. What is not finite is `NaN`, `Infinity` or `-Infinity`, as in the JSON output.
    """
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if not isfinite(number):
        return str(spell_nonfinite(number))
    whole_digits = len(str(int(abs(number)))) if abs(number) < 1e15 else 0
    return f"{number:.{max(6, whole_digits + 1)}g}"


def format_count(number: int | None) -> str:
    """Return a count with its thousands separated, `1,024`; `unknown` for None."""
    return "unknown" if number is None else f"{number:,}"


def format_per_axis(values: Any, unknown: str) -> str:
    """Return a number for each axis, `3×3`, or such texts for several inputs by name; `unknown` stands for None."""
    if isinstance(values, dict):
        return ", ".join(f"{name} {format_per_axis(value, unknown)}" for name, value in values.items())
    if set(values) == {None}:
        return unknown
    return format_extents(values, unknown)
