"""The answer of `apply`: feature maps and filters, with the names that tell them apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, nearest
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record, field
from convcli.core.shapes import DataFormat, known
from convcli.io import arrays, layout
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.steps import Correlate
from convcli.output.report import Grid, Report


class Maps(Record):
    """What one layer yields: an array `(batch, *spatial, channels)` and a name for each channel."""

    layer: str
    array: Array
    names: tuple[str, ...]

    def one(self, place: int) -> Maps:
        """The map at a place alone."""
        return Maps(self.layer, self.array[..., place : place + 1], (self.names[place],))


class Kernels(Record):
    """The filters of one layer as they meet the input, `(*k, in/groups, filters)`, and what is added to each map."""

    layer: str
    kernel: Array
    bias: Array | None
    names: tuple[str, ...]


class ApplyReport(Report):
    """The answer of `apply`: the summary with real batch sizes, and the maps of the layers that were asked for.

    `algorithms` names the ways that correlated, for each layer that does. `single` says that `maps` is one output, not
    a mapping of several, `one_map` that one of its maps was asked for. `kernels` and `weights`, the variables of each
    layer by name, are there if asked for.
    """

    kind = "apply"

    summary: dict[str, Any]
    maps: tuple[Maps, ...]
    data_format: DataFormat
    single: bool = True
    one_map: bool = False
    kernels: tuple[Kernels, ...] = ()
    weights: Mapping[str, Mapping[str, Array]] = field(factory=dict)
    notes: tuple[str, ...] = field(default=())
    algorithms: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def mapping(self) -> dict[str, Any]:
        rows = [
            {**row, "algorithm": ", ".join(self.algorithms.get(row["name"], ())) or None}
            for row in self.summary["layers"]
        ]
        if self.weights:
            rows = [{**row, "weights": _plain(self.weights.get(row["name"], {}))} for row in rows]
        outputs = _plain({maps.layer: layout.from_batch(maps.array, self.data_format) for maps in self.maps})
        return {**self.summary, "layers": rows, "output": next(iter(outputs.values())) if self.single else outputs}

    def arrays(self) -> dict[str, Array]:
        return {maps.layer: np.ascontiguousarray(layout.from_batch(maps.array, self.data_format)) for maps in self.maps}

    def grids(self) -> Iterator[Grid]:
        return (arrays.plain(grid) for sample in self.maps[0].array for grid in _grids(sample))

    def check_alone(self, form: str) -> None:
        if not self.single:
            raise ConvcliError(f"{form} holds one output", "-o X.npz for all, or --layer-output NAME for one")
        if self.weights:
            raise ConvcliError(f"{form} holds the output alone", "--show-weights with table, json or yaml")


def _plain(named: Mapping[str, Array]) -> dict[str, Any]:
    return {name: arrays.plain(array) for name, array in named.items()}


def _grids(sample: Array) -> Iterator[Array]:
    """(*spatial, channels) -> each map with its rows; each slice, in 3-D; of one without space, a row of all."""
    if sample.ndim == 1:
        yield sample[None]
        return
    for image in np.moveaxis(sample, -1, 0):
        yield from image.reshape(-1, *image.shape[-2:]) if image.ndim > 1 else image[None, None]


# ---- names of maps ----


def map_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """A name for each channel of each layer's output: its filter's, handed on by layers that keep channels apart."""
    names: dict[str, tuple[str, ...]] = {}
    for layer in plan.layers:
        count = layer.output_shape[-1] or 0
        own = _filter_names(layer)
        if not own and len(layer.input_names) == 1 and all(step.keeps_channels for step in layer.steps):
            own = names.get(layer.input_names[0], ())
        names[layer.name] = own if len(own) == count else numbered(count)
    return names


def map_place(names: Sequence[str], asked: str | int) -> int:
    """The place of the map of that name or number. Raises `ConvcliError`."""
    text = str(asked)
    if text in names:
        return names.index(text)
    counted = re.fullmatch("[0-9]{1,18}", text) is not None
    if counted and int(text) < len(names):
        return int(text)
    span = "map 0" if len(names) == 1 else f"maps 0 to {len(names) - 1}"
    if names != numbered(len(names)):
        span = f"{span}: {', '.join(names)}" if counted else nearest(text, names) or span
    raise ConvcliError(f"{text}: no such map", span)


def numbered(count: int) -> tuple[str, ...]:
    """Names for maps that have none of their own."""
    return tuple(f"map {place}" for place in range(count))


def _filter_names(layer: PlannedLayer) -> tuple[str, ...]:
    own = tuple(f"map {name}" if name.isdigit() else name for name in layer.node.filter_names)
    channels = layer.input_shapes[0][-1] or 1
    if not own or (layer.output_shape[-1] or 0) == len(own):
        return own
    return tuple(f"{name}, channel {channel}" for channel in range(channels) for name in own)


def operations(plan: Plan) -> tuple[str, ...]:
    """For each way of meeting the kernel in the plan, a sentence that says which layers do it."""
    found: dict[str, list[str]] = {}
    for layer in plan.layers:
        for step in layer.steps:
            if isinstance(step, Correlate) and any(window.size > 1 for window in step.windows):
                found.setdefault(operation(step.transposed, step.flip), []).append(layer.name)
    return tuple(f"{sentence}: {', '.join(dict.fromkeys(layers))}" for sentence, layers in found.items())


def operation(transposed: bool, flip: bool) -> str:
    """What a way of meeting the kernel is called."""
    kind = "Transposed " if transposed else ""
    word = "convolution" if flip else "cross-correlation"
    flipped = "is" if flip else "is not"
    return f"{(kind + word).capitalize()} (the kernel {flipped} flipped)"


def turned(transposed: bool, flip: bool) -> str:
    """How a filter looks where it meets the input, if not as it is stored."""
    if transposed == flip:
        return ""
    return ", in reverse" if transposed else ", flipped"


def kernel_title(layer: PlannedLayer, step: Correlate) -> str:
    """What the filters of a layer's step are called: the layer, and which of its kernels if it has several."""
    return layer.name if step.kernel.name == "kernel" else f"{layer.name} {step.kernel.name}"


def kernels_of(plan: Plan, weights: Mapping[str, Mapping[str, Array]]) -> tuple[Kernels, ...]:
    """The filters of every layer that has any."""
    from convcli.engine.algorithms.kernel_layout import correlation_kernel

    names = map_names(plan)
    found = []
    for layer in plan.layers:
        own = names[layer.name]
        if layer.name not in weights:  # another call of a layer, or one that did not run
            continue
        for step in layer.steps:
            if isinstance(step, Correlate):
                title = kernel_title(layer, step)
                kernel = correlation_kernel(step, weights[layer.name][step.kernel.name])
                bias = weights[layer.name][step.bias.name] if step.bias else None
                filters = own if len(own) == step.filters else numbered(known(step.filters))
                found.append(Kernels(title, kernel, bias, filters))
    return tuple(found)
