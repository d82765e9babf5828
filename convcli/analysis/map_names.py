"""Names of feature maps: each is called after its filter, or by its number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from convcli.core.errors import ConvcliError, suggestion
from convcli.model.layers.merging import Interleave
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer


def map_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return a name for each channel of each layer's output.

    A map is called after the filter that makes it. Layers that keep channels apart hand the names on.
    """
    names: dict[str, tuple[str, ...]] = {}
    for layer in plan.layers:
        count = (layer.output_shape or (None,))[-1] or 0  # none of a shape that is not known
        own = _filter_names(layer) if count else ()
        if not own and len(layer.input_names) == 1 and all(step.keeps_channels for step in layer.steps):
            own = names.get(layer.input_names[0], ())
        if isinstance(layer.node.layer, Interleave):
            own = tuple(chain(*zip(*(names.get(name, ()) for name in layer.input_names), strict=False)))
        names[layer.name] = own if len(own) == count else numbered_maps(count)
    return names


def map_index(names: Sequence[str], requested: str | int) -> int:
    """Return the index of the map of that name or number. Raises `ConvcliError` where there is none."""
    text = str(requested)
    if text in names:
        return names.index(text)
    is_number = re.fullmatch("[0-9]{1,18}", text) is not None
    if is_number and int(text) < len(names):
        return int(text)
    remedy = "map 0" if len(names) == 1 else f"maps 0 to {len(names) - 1}"
    if names != numbered_maps(len(names)):
        remedy = f"{remedy}: {', '.join(names)}" if is_number else suggestion(text, names) or remedy
    raise ConvcliError(f"{text}: no such map", remedy)


def numbered_maps(count: int) -> tuple[str, ...]:
    """Return names for maps that have none of their own: `map 0`, `map 1`, …"""
    return tuple(f"map {index}" for index in range(count))


def _filter_names(layer: PlannedLayer) -> tuple[str, ...]:
    """Return the names of the layer's filters; in a depthwise layer each filter makes one map of every channel."""
    own = tuple(f"map {name}" if name.isdigit() else name for name in layer.node.filter_names)
    channels = layer.input_shapes[0][-1] or 1
    if not own or (layer.output_shape[-1] or 0) == len(own):
        return own
    return tuple(f"{name}, channel {channel}" for channel in range(channels) for name in own)
