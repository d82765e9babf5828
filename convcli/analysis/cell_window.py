"""The window of a model's input that one cell of a layer's output depends on."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Shape, format_shape
from convcli.model.bounded_field import BoundedField
from convcli.model.cell_sets import TooManyRangesError
from convcli.model.plan import Plan
from convcli.model.receptive_field import AxisField, PeriodicField, ReceptiveField, TracedAxis


def windows_at(plan: Plan, cell: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Return for each layer the window of the input that its output cell at this position depends on.

    For each spatial axis of the input, `window` is the first and the last cell, and `window_padding` is how many cells
    of the window lie in the padding before and after the input. Where the layer's output has no such cell, both are
    None; where an unknown extent leaves one axis open, the axis is None. With several inputs both are mappings by the
    inputs' names. Raises `ConvcliError` where no layer's output has such a cell.
    """
    within_borders = plan.trace({name: _cells_of(shape) for name, shape in plan.input_shapes.items()})
    result: dict[str, dict[str, Any]] = {}
    for layer in plan.layers:
        if not _has_cell(layer.output_shape[:-1], cell):
            result[layer.name] = {"window": None, "window_padding": None}
            continue
        windows = {
            name: _windows(plan.input_shapes[name], field, plan.receptive_fields[layer.name][name], cell)
            for name, field in within_borders[layer.name].items()
        }
        result[layer.name] = {
            "window": plan.by_input({name: window for name, (window, _) in windows.items()}),
            "window_padding": plan.by_input({name: padding for name, (_, padding) in windows.items()}),
        }
    spaces = {layer.name: layer.output_shape[:-1] for layer in plan.layers}
    if not any(result[name]["window"] for name, space in spaces.items() if space):
        largest = max(spaces.values(), key=lambda space: (len(space), [extent or 0 for extent in space]))
        raise ConvcliError(
            f"no layer's output has a cell {', '.join(map(str, cell))}",
            f"an index for each axis in space, from 0; the largest output has {format_shape(largest)}",
        )
    return result


def _has_cell(space: Shape, cell: tuple[int, ...]) -> bool:
    """Return whether an output with these spatial extents has the cell; an output without space is one cell."""
    if not space:
        return True
    return len(space) == len(cell) and all(
        extent is None or position < extent for position, extent in zip(cell, space, strict=True)
    )


def _cells_of(shape: Shape) -> ReceptiveField:
    """Return what the cells of an input see of it along each spatial axis: each sees itself."""
    return tuple(
        "unknown" if width is None else TracedAxis(axis, BoundedField(width)) for axis, width in enumerate(shape[:-1])
    )


def _windows(
    shape: Shape, within: ReceptiveField, unbounded: ReceptiveField, cell: tuple[int, ...]
) -> tuple[list[Any], list[Any]]:
    """Return the window and its padding along each spatial axis of an input of this shape."""
    pairs = [_window(*axis, cell) for axis in zip(shape[:-1], within, unbounded, strict=True)]
    return [window for window, _ in pairs], [padding for _, padding in pairs]


def _window(width: int | None, within: AxisField, unbounded: AxisField, cell: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the window and its padding along one axis of the input.

    `within` is what the cell sees inside the input's borders. `unbounded` is what it would see if the input had no
    border: the part beyond the border lies in the padding. Each is None where it is not known.
    """
    if width is None or within == "unknown":
        return None, None
    if within in (None, "whole"):
        return [0, width - 1], [0, 0]
    assert isinstance(within, TracedAxis)
    if within.axis >= len(cell):  # a permutation has moved the axis among the channels
        return None, None
    try:
        seen, span = within.field.span(cell[within.axis]), None
    except TooManyRangesError:
        return None, None
    if unbounded == "unknown":
        return seen and list(seen), None
    if isinstance(unbounded, TracedAxis):
        assert isinstance(unbounded.field, PeriodicField)
        span = unbounded.field.span(cell[unbounded.axis])
    padding = [max(-span[0], 0), max(span[1] - width + 1, 0)] if span else [0, 0]
    return seen and list(seen), padding
