"""How numbers are written for people to read."""

from __future__ import annotations

from math import isfinite
from typing import Any

from convcli.core.shapes import figure
from convcli.io.arrays import worded


def number_text(value: Any) -> str:
    """Return a number as grids and formulas show it.

    A whole number below 1e15 is written in full, any other with six significant digits, or more where those would make
    it look whole. What is not finite is `NaN`, `Infinity` or `-Infinity`, as in the JSON output.
    """
    number = float(value)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if not isfinite(number):
        return str(worded(number))
    whole_digits = len(str(int(abs(number)))) if abs(number) < 1e15 else 0
    return f"{number:.{max(6, whole_digits + 1)}g}"


def count_text(number: int | None) -> str:
    """Return a count with its thousands separated, `1,024`; `unknown` for None."""
    return "unknown" if number is None else f"{number:,}"


def per_axis_text(values: Any, unknown: str) -> str:
    """Return a number for each axis, `3×3`, or such texts for several inputs by name; `unknown` stands for None."""
    if isinstance(values, dict):
        return ", ".join(f"{name} {per_axis_text(value, unknown)}" for name, value in values.items())
    if set(values) == {None}:
        return unknown
    return "×".join(unknown if value is None else figure(value) for value in values)


def bytes_text(size: int | None) -> str:
    """Return a size in the least unit that leaves at most four digits before the point, `3,528.0 MiB`."""
    if size is None:
        return "unknown"
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    power = 0
    while size >= 10_000 * 1024**power and power < len(units) - 1:
        power += 1
    return f"{size:,} B" if power == 0 else f"{size / 1024**power:,.1f} {units[power]}"
