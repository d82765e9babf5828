"""The answer of `apply`: feature maps and filters, with the names that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcli.analysis.map_names import map_names, numbered_maps
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record, field, replace
from convcli.core.shapes import DataFormat, format_extents, known
from convcli.io import layout, nested_lists
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Correlate
from convcli.output.report import Grid, Report
from convcli.output.report.shape import SummaryOptions, summary

if TYPE_CHECKING:
    from convcli.engine.run import RunResult


class Maps(Record):
    """The feature maps of one layer: an array `(batch, *spatial, channels)` and a name for each channel."""

    layer: str
    array: Array
    names: tuple[str, ...]

    def one(self, index: int) -> Maps:
        """Return the map of this index alone."""
        return Maps(self.layer, self.array[..., index : index + 1], (self.names[index],))


class Kernels(Record):
    """The filters of one layer as they meet the input, `(*k, in/groups, filters)`, with the bias of each map."""

    layer: str
    kernel: Array
    bias: Array | None
    names: tuple[str, ...]

    @property
    def is_spatial(self) -> bool:
        """True unless the filters, as those of a dense layer, are rows of a number for each channel."""
        return self.kernel.ndim > 2

    def grids(self, titles: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Yield each filter below its title; one that sees several channels, channel by channel."""
        for index, title in enumerate(titles):
            filter_ = self.kernel[..., index]  # (*size, channels)
            channels = filter_.shape[-1]
            if self.is_spatial and channels > 1:
                for channel in range(channels):
                    yield f"{title}, input channel {channel}", filter_[..., channel]
            else:
                yield title, filter_[..., 0] if self.is_spatial else filter_


class ApplyReport(Report):
    """The answer of `apply`: the summary with the actual batch size, and the maps of the requested layers.

    `single` says that `maps` has one output, which JSON shows without its name; `one_map` that one of its maps was
    requested. `kernels`, and `weights` by layer and name, are there if they were requested (`shows_weights`): heatmaps
    and sheets then draw filters in place of maps. `notes` say how kernels meet the input. `algorithms` names, for each
    layer that correlates, the algorithms that did it.
    """

    kind = "apply"

    summary: dict[str, Any]
    maps: tuple[Maps, ...]
    data_format: DataFormat
    single: bool = True
    one_map: bool = False
    shows_weights: bool = False
    kernels: tuple[Kernels, ...] = ()
    weights: Mapping[str, Mapping[str, Array]] = field(factory=dict)
    notes: tuple[str, ...] = field(default=())
    algorithms: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def one_map_of(self, index: int) -> ApplyReport:
        """Return the report of one map alone, that of this index."""
        return replace(self, maps=(self.maps[0].one(index),), one_map=True)

    def mapping(self) -> dict[str, Any]:
        layers = [{**layer, **algorithm_of(layer, self.algorithms)} for layer in self.summary["layers"]]
        if self.weights:
            layers = [{**layer, "weights": _plain(self.weights.get(layer["name"], {}))} for layer in layers]
        outputs = _plain({maps.layer: layout.from_batch(maps.array, self.data_format) for maps in self.maps})
        return {**self.summary, "layers": layers, "output": next(iter(outputs.values())) if self.single else outputs}

    def arrays(self) -> dict[str, Array]:
        return {maps.layer: np.ascontiguousarray(layout.from_batch(maps.array, self.data_format)) for maps in self.maps}

    def grids(self) -> Iterator[Grid]:
        array = self.maps[0].array
        return iter([array]) if array.ndim == 2 else (grid for sample in array for grid in _grids(sample))

    def check_alone(self, format_name: str) -> None:
        if not self.single:
            raise ConvcliError(f"{format_name} holds one output", "-o X.npz for all, or --layer-output NAME for one")
        if self.weights:
            raise ConvcliError(f"{format_name} holds the output alone", "--show-weights with table, json or yaml")


def apply_report(
    result: RunResult,
    layers: Sequence[str],
    data_format: DataFormat,
    *,
    single: bool,
    show_weights: bool,
    weights_of: str | None = None,
) -> ApplyReport:
    """Return the report of a run: the maps of the named layers, `single` where they are one output and not several.

    `show_weights` adds the weights and the filters, those of the layer `weights_of` if it is not None.
    """
    names = map_names(result.plan)
    return ApplyReport(
        summary=summary(result.plan, data_format, SummaryOptions(result.batch_size)),
        maps=tuple(Maps(name, result.outputs[name], names[name]) for name in layers),
        data_format=data_format,
        single=single and len(layers) == 1,
        shows_weights=show_weights,
        kernels=kernels_of(result.plan, result.weights, weights_of) if show_weights else (),
        weights=result.weights if show_weights else {},
        notes=(*kernel_notes(result.plan), *_size_notes(result.plan)),
        algorithms=result.algorithms,
    )


def algorithm_of(layer: Mapping[str, Any], algorithms: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return what JSON says of the algorithms of a layer, by its name: None for one that does not correlate."""
    return {"algorithm": ", ".join(algorithms.get(layer["name"], ())) or None}


def _plain(named: Mapping[str, Array]) -> dict[str, Any]:
    return {name: nested_lists.from_array(array) for name, array in named.items()}


def _grids(sample: Array) -> Iterator[Array]:
    """Yield each map of a sample `(*spatial, channels)` as a grid, a 3-D map slice by slice."""
    for image in np.moveaxis(sample, -1, 0):
        yield from image.reshape(-1, *image.shape[-2:]) if image.ndim > 1 else image[None, None]


def _size_notes(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each filter of the bank whose size follows from the sigma in its name."""
    for name in dict.fromkeys(name for layer in plan.layers for name in layer.node.filter_names if "sigma=" in name):
        from convcli.model import filter_bank

        if filter_bank.is_known(name):
            rank = next(layer.node.layer.rank for layer in plan.layers if name in layer.node.filter_names)
            bank_filter = filter_bank.find(name, rank)
            if bank_filter.size_from_sigma:
                yield f"{name}: {format_extents(bank_filter.shape)} cells, from sigma"


def kernel_notes(plan: Plan) -> tuple[str, ...]:
    """Return, for each kind of correlation in a plan, a sentence that names it and the layers that do it."""
    layers_by_kind: dict[str, list[str]] = {}
    for layer in plan.layers:
        for step in layer.steps:
            if isinstance(step, Correlate) and any(window.size > 1 for window in step.windows):
                layers_by_kind.setdefault(correlation_name(step.transposed, step.flip), []).append(layer.name)
    return tuple(f"{kind}: {', '.join(dict.fromkeys(layers))}" for kind, layers in layers_by_kind.items())


def correlation_name(transposed: bool, flip: bool) -> str:
    """Return the name of a kind of correlation, `Cross-correlation (the kernel is not flipped)`."""
    kind = "Transposed " if transposed else ""
    word = "convolution" if flip else "cross-correlation"
    flipped = "is" if flip else "is not"
    return f"{(kind + word).capitalize()} (the kernel {flipped} flipped)"


def orientation(transposed: bool, flip: bool) -> str:
    """Return words that follow "filter" where it meets the input reversed; no words where it is as stored."""
    if transposed == flip:
        return ""
    return ", in reverse" if transposed else ", flipped"


def kernel_title(layer: PlannedLayer, step: Correlate) -> str:
    """Return the title of a step's filters: the layer's name, and the kernel's where the layer has several."""
    return layer.name if step.kernel.name == "kernel" else f"{layer.name} {step.kernel.name}"


def kernels_of(
    plan: Plan, weights: Mapping[str, Mapping[str, Array]], layer_name: str | None = None
) -> tuple[Kernels, ...]:
    """Return the filters of every layer that has some, or of the named one."""
    from convcli.engine.algorithms.kernel_layout import correlation_kernel

    names, kernels = map_names(plan), []
    for layer in plan.layers:
        own = names[layer.name]
        if layer_name not in (None, layer.name):
            continue
        if layer.name not in weights:  # a later call of a shared layer, or a layer that was not run
            continue
        for step in layer.steps:
            if isinstance(step, Correlate):
                title = kernel_title(layer, step)
                kernel = correlation_kernel(step, weights[layer.name][step.kernel.name])
                bias = weights[layer.name][step.bias.name] if step.bias else None
                filters = own if len(own) == step.filters else numbered_maps(known(step.filters))
                kernels.append(Kernels(title, kernel, bias, filters))
    return tuple(kernels)
