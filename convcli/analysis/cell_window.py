"""Which cells of a model's input one cell of each layer sees."""

from __future__ import annotations

from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Shape, shape_text
from convcli.model.plan import Plan
from convcli.model.receptive_field import AxisField, BoundedField, PeriodicField, ReceptiveField, TracedAxis

MOST_CELLS = 1 << 20


def windows_at(plan: Plan, cell: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """For each layer what its output at this place in space sees.

    `window` holds for each spatial axis of the input the first and last cell, `window_padding` how far the
    window reaches beyond the input on either side. Both are None where the layer has no such
    cell, and one axis is where unknown extents leave it open. With several inputs they are mappings by name. Raises
    `ConvcliError` where no layer has such a cell.
    """
    within = plan.trace({name: _sight(shape) for name, shape in plan.input_shapes.items()})
    found: dict[str, dict[str, Any]] = {}
    for layer in plan.layers:
        space = layer.output_shape[:-1]
        there = len(space) == 0 or (
            len(space) == len(cell)
            and all(extent is None or place < extent for place, extent in zip(cell, space, strict=True))
        )
        if not there:
            found[layer.name] = {"window": None, "window_padding": None}
            continue
        windows = {
            name: _windows(plan.input_shapes[name], field, plan.receptive_fields[layer.name][name], cell)
            for name, field in within[layer.name].items()
        }
        window, padding = ({name: each[part] for name, each in windows.items()} for part in (0, 1))
        found[layer.name] = {"window": plan.by_input(window), "window_padding": plan.by_input(padding)}
    spaces = {layer.name: layer.output_shape[:-1] for layer in plan.layers}
    if not any(found[name]["window"] for name, space in spaces.items() if space):
        largest = max(spaces.values(), key=lambda space: (len(space), [extent or 0 for extent in space]))
        raise ConvcliError(
            f"no layer's output has a cell {', '.join(map(str, cell))}",
            f"a place from 0 for each axis in space; the largest output has {shape_text(largest)}",
        )
    return found


def _sight(shape: Shape) -> ReceptiveField:
    for width in shape[:-1]:
        if width is not None and width > MOST_CELLS:
            raise ConvcliError(f"an axis of {width:,} cells", f"at most {MOST_CELLS:,} to tell what one cell sees")
    return tuple(
        "unknown" if width is None else TracedAxis(axis, BoundedField.identity(width))
        for axis, width in enumerate(shape[:-1])
    )


def _windows(
    shape: Shape, within: ReceptiveField, without: ReceptiveField, cell: tuple[int, ...]
) -> tuple[list[Any], list[Any]]:
    pairs = [_window(*each, cell) for each in zip(shape[:-1], within, without, strict=True)]
    return [window for window, _ in pairs], [padding for _, padding in pairs]


def _window(width: int | None, within: AxisField, without: AxisField, cell: tuple[int, ...]) -> tuple[Any, Any]:
    if width is None or within == "unknown" or without == "unknown":
        return None, None
    if within is None:
        return [0, width - 1], [0, 0]
    if within.axis >= len(cell):  # the axis lies along the channels now
        return None, None
    seen, span = within.field.span(cell[within.axis]), None
    if without is not None:
        assert isinstance(without.field, PeriodicField)
        span = without.field.span(cell[without.axis])
    padding = [max(-span[0], 0), max(span[1] - width + 1, 0)] if span else [0, 0]
    return seen and list(seen), padding
