"""The values of a filter: a nested list of numbers with one level for each axis."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum, isfinite
from typing import Any

from convcli.core.errors import ConvcliError

Values = list[Any]


def shape_of(values: Values | float) -> tuple[int, ...]:
    """Return the shape of a nested list; `()` for a number."""
    return (len(values), *shape_of(values[0])) if isinstance(values, list) else ()


def flatten(values: Values) -> list[float]:
    """Return the numbers of a nested list in order."""
    return [number for item in values for number in (flatten(item) if isinstance(item, list) else [item])]


def map_values(function: Callable[[float], float], values: Values) -> Values:
    """Return a nested list with a function applied to each number."""
    return [map_values(function, item) if isinstance(item, list) else function(item) for item in values]


def rotate_clockwise(values: Values) -> Values:
    """Return a 2-D filter after a quarter turn: one that finds a rise to the right then finds a rise to the bottom."""
    return [list(column) for column in zip(*reversed(values), strict=True)]


def value_sum(values: Values) -> float:
    """Return the sum of a filter's values; a remainder of rounding counts as 0."""
    numbers = flatten(values)
    exact = fsum(numbers)
    return exact if abs(exact) > 1e-12 * fsum(map(abs, numbers)) else 0


def normalizer(values: Values) -> float:
    """Return the number that normalizes a filter: the sum of its values, or where that is 0 of the positive ones.

    A filter without positive values and with a sum of 0 has 1. Raises `ConvcliError` where the sum is not finite.
    """
    if not isfinite(sum(map(abs, flatten(values)))):
        raise ConvcliError("values without a finite sum cannot be normalized")
    return value_sum(values) or fsum(number for number in flatten(values) if number > 0) or 1


def normalize(values: Values) -> Values:
    """Return a filter divided by its `normalizer`."""
    divisor = normalizer(values)
    return map_values(lambda value: value / divisor, values)
