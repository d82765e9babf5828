"""The answer of `apply`: feature maps and filters, with the names that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli.analysis.map_names import map_names, numbered_maps
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record, field, replace
from convcli.core.shapes import DataFormat, known
from convcli.io import layout, nested_lists
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.steps import Correlate
from convcli.output.report import Grid, Report
from convcli.output.report.shape import SummaryOptions, summary

if TYPE_CHECKING:
    from convcli.engine.run import RunResult


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

    def one_map_of(self, index: int) -> ApplyReport:
        """Return the report of one map alone, that of this index."""
        return replace(self, maps=(self.maps[0].one(index),), one_map=True)

    def mapping(self) -> dict[str, Any]:
        rows = [
            {**layer, "algorithm": ", ".join(self.algorithms.get(layer["name"], ())) or None}
            for layer in self.summary["layers"]
        ]
        if self.weights:
            rows = [{**layer, "weights": _plain(self.weights.get(layer["name"], {}))} for layer in rows]
        outputs = _plain({maps.layer: layout.from_batch(maps.array, self.data_format) for maps in self.maps})
        return {**self.summary, "layers": rows, "output": next(iter(outputs.values())) if self.single else outputs}

    def arrays(self) -> dict[str, Array]:
        return {maps.layer: np.ascontiguousarray(layout.from_batch(maps.array, self.data_format)) for maps in self.maps}

    def grids(self) -> Iterator[Grid]:
        return (nested_lists.from_array(grid) for sample in self.maps[0].array for grid in _grids(sample))

    def check_alone(self, form: str) -> None:
        if not self.single:
            raise ConvcliError(f"{form} holds one output", "-o X.npz for all, or --layer-output NAME for one")
        if self.weights:
            raise ConvcliError(f"{form} holds the output alone", "--show-weights with table, json or yaml")


def apply_report(
    result: RunResult, layers: Sequence[str], data_format: DataFormat, *, single: bool, show_weights: bool
) -> ApplyReport:
    """Return the report of a run: the maps of the named layers, `single` where they are one output and not several."""
    names = map_names(result.plan)
    return ApplyReport(
        summary=summary(result.plan, data_format, SummaryOptions(result.batch_size)),
        maps=tuple(Maps(name, result.outputs[name], names[name]) for name in layers),
        data_format=data_format,
        single=single and len(layers) == 1,
        kernels=kernels_of(result.plan, result.weights) if show_weights else (),
        weights=result.weights if show_weights else {},
        notes=operations(result.plan),
        algorithms=result.algorithms,
    )


def _plain(named: Mapping[str, Array]) -> dict[str, Any]:
    return {name: nested_lists.from_array(array) for name, array in named.items()}


def _grids(sample: Array) -> Iterator[Array]:
    """(*spatial, channels) -> each map with its rows; each slice, in 3-D; of one without space, a row of all."""
    if sample.ndim == 1:
        yield sample[None]
        return
    for image in np.moveaxis(sample, -1, 0):
        yield from image.reshape(-1, *image.shape[-2:]) if image.ndim > 1 else image[None, None]


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
                filters = own if len(own) == step.filters else numbered_maps(known(step.filters))
                found.append(Kernels(title, kernel, bias, filters))
    return tuple(found)
