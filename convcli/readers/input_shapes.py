"""Shapes that the user writes: of a model's inputs, and of `-i`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from convcli.core.errors import ConvcliError, located, short_repr
from convcli.core.shapes import DataFormat, Extent, Shape

INPUT = "input"  # the name of a model's single input
MOST_AXES = 32
MOST_INPUTS = 1000  # every layer computes its receptive field for each of them


def parse_shape(value: Any) -> Shape:
    """Return the shape of a sample: `[28, 28, 1]`, or text such as `28x28x1`, `28,28,1` or `(28, 28, 1)`.

    An extent of None, `?` or `none` is unknown. Raises `ConvcliError`.
    """
    extents = re.split(r"[xX×,]", _unwrapped(value)) if isinstance(value, str) else value
    if not isinstance(extents, list | tuple) or not 1 <= len(extents) <= MOST_AXES:
        raise ConvcliError(f"{short_repr(value)} is not a shape", "such as [28, 28, 1] or 28x28x1")
    return tuple(_parse_extent(extent, value) for extent in extents)


def _unwrapped(text: str) -> str:
    """Return a text without the parentheses or brackets around it, and the comma that a tuple of one ends in."""
    match = re.fullmatch(r"\s*(?:\((.*?),?\s*\)|\[(.*)\])\s*", text, re.DOTALL)
    return text if match is None else match[1] or match[2] or ""


def _parse_extent(extent: Any, shape: Any) -> Extent:
    if isinstance(extent, str):
        extent = extent.strip().lower()
        if extent in ("?", "none"):
            return None
        extent = int(extent) if re.fullmatch("[0-9]{1,18}", extent) else extent
    if extent is None:
        return None
    if isinstance(extent, bool) or not isinstance(extent, int) or extent < 1:
        raise ConvcliError(
            f"extent {short_repr(extent)} in {short_repr(shape)}",
            "a whole number of at least 1, or ? for an unknown one",
        )
    return extent


def parse_inputs(value: Any, data_format: DataFormat) -> dict[str, Shape | None]:
    """Return the shape (channels last) of each of a model's inputs by name; None where the model does not say it.

    `value` is one shape, or a mapping NAME: SHAPE, with the axes in the order of `data_format`. Raises `ConvcliError`.
    """
    if value is None:
        return {INPUT: None}
    by_name = value if isinstance(value, Mapping) else {INPUT: value}
    shapes: dict[str, Shape | None] = {}
    for name, shape in by_name.items():
        if not str(name).isprintable():
            raise ConvcliError(f"input: the name {short_repr(name)} is not printable", "printable text")
        with located("input" if name == INPUT else f"input: {name}"):
            shapes[str(name)] = None if shape is None else data_format.to_channels_last(parse_shape(shape))
    if not 1 <= len(shapes) <= MOST_INPUTS:
        raise ConvcliError(f"input: {len(shapes) or 'no'} inputs", f"at least one, at most {MOST_INPUTS:,}")
    return shapes
