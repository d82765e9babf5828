"""The answer of `shape`: shapes, counts and receptive fields of a plan, under the keys of the JSON output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from convcli.analysis import cost
from convcli.analysis.planning import named_shapes, plan_for
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.errors import ConvcliError
from convcli.core.option_choices import COUNTS, KERAS
from convcli.core.records import Record, field
from convcli.core.shapes import UNKNOWN_SHAPE, DataFormat, Extent, Shape, total
from convcli.io.nested_lists import spell_nonfinite
from convcli.model.graph import Model
from convcli.model.layers import UnknownLayer
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.receptive_field import AxisField, ReceptiveField, TracedAxis
from convcli.output.report import Report
from convcli.readers.load import located_in


class ShapeReport(Report):
    """The answer of `shape`: the summary of a plan, for batches of one size if `batch` is not None.

    The summary includes memory. `memory` says whether it was requested: if not, only the table's last line shows it.
    `inputs` and `outputs` are the model's names for them, which the summary leaves out where there is only one.
    `unknown` says of each layer that is not known, by name, why.
    """

    kind = "shape"

    summary: dict[str, Any]
    batch: int | None = None
    memory: bool = False
    inputs: tuple[str, ...] = ("input",)
    outputs: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(factory=dict)

    def mapping(self) -> dict[str, Any]:
        if self.memory:
            return self.summary
        layers = [_without_memory(layer) for layer in self.summary["layers"]]
        return {**_without_memory(self.summary), "layers": layers}


def shape_report(model: Model, summary: dict[str, Any], batch: int | None, memory: bool) -> ShapeReport:
    """Return the report of a model's summary; `batch` and `memory` are as in `ShapeReport`."""
    return ShapeReport(summary, batch, memory, tuple(model.inputs), model.outputs, _unknown_layers(model))


def _without_memory(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in MEMORY}


# The keys of memory: the first four of the whole model, the last of a layer.
MEMORY = ("dtype", "weight_bytes", "peak_activation_bytes", "peak_activation_layer", "output_bytes")


class SummaryOptions(Record):
    """The choice of what a summary includes besides shapes, parameters, multiply-accumulates and receptive fields.

    Args:
        batch: The batch size in shapes and in bytes; None: unknown in shapes, 1 in bytes.
        dtype: The type of number that bytes are counted in.
        count: `macs`; `flops` adds those; `detail` adds every way of counting.
        explain: Whether each layer has its `working`.
        at: A cell; each layer then has the window of the input that its cell there sees.
        memory: Whether bytes of weights and values are included.

    Raises:
        ConvcliError: An option is out of range.
    """

    batch: int | None = None
    dtype: str = "float32"
    count: str = COUNTS[0]
    explain: bool = False
    at: tuple[int, ...] | None = None
    memory: bool = False

    def __post_init__(self) -> None:
        for name, words in (("dtype", BYTES_PER_VALUE), ("count", COUNTS)):
            if getattr(self, name) not in words:
                raise ConvcliError(f"{name}: {getattr(self, name)!r}", f"one of {', '.join(words)}")
        if self.batch is not None and (type(self.batch) is not int or self.batch < 1):
            raise ConvcliError(f"batch: {self.batch!r}", "a whole number of at least 1")
        if self.at is not None and not all(type(index) is int and index >= 0 for index in self.at):
            raise ConvcliError(f"at: {list(self.at)}", "an index for each axis in space, from 0")


def model_summary(
    model: Model, input_shape: Any, data_format: DataFormat | str | None, options: SummaryOptions
) -> dict[str, Any]:
    """Plan a model for the shape of one sample, or shapes by the inputs' names, and return its summary.

    By default shapes and data format are the model's own. Raises `ConvcliError`.
    """
    data_format = DataFormat.parse(data_format or model.data_format)
    shapes = named_shapes(model, input_shape, data_format)
    with located_in(model):
        return summary(plan_for(model, shapes, data_format), data_format, options)


def summary(plan: Plan, data_format: DataFormat, options: SummaryOptions | None = None) -> dict[str, Any]:
    """Return the shapes, counts and receptive fields of a plan, under the keys of the JSON output."""
    options = options or SummaryOptions()

    def with_batch(shape: Shape) -> list[Extent] | None:
        return None if shape == UNKNOWN_SHAPE else [options.batch, *data_format.from_channels_last(shape)]

    has_buffers = plan.model.dialect != KERAS
    windows = _windows_at(plan, options.at) if options.at is not None else {}
    layers = [_layer(plan, layer, with_batch, options) | windows.get(layer.name, {}) for layer in plan.layers]
    add = total if plan.is_complete else _total_of_known
    counts = {key: add(layer[key] for layer in layers) for key in ("params", "trainable_params", *_counts(options))}
    non_trainable = add(_difference(layer["params"], layer["trainable_params"]) for layer in layers)
    return {
        "name": plan.model.name,
        **({"dialect": plan.model.dialect} if has_buffers else {}),
        "data_format": data_format.value,
        "input_shape": _one_or_all({name: with_batch(shape) for name, shape in plan.input_shapes.items()}),
        "output_shape": _one_or_all({name: with_batch(shape) for name, shape in plan.output_shapes.items()}),
        **({} if plan.is_complete else {"complete": False}),
        "params": counts["params"],
        "trainable_params": counts["trainable_params"],
        "non_trainable_params": non_trainable,
        **({"buffers": add(layer["buffers"] for layer in layers)} if has_buffers else {}),
        **{key: counts[key] for key in _counts(options)},
        **(_memory(plan, layers, options) if options.memory else {}),
        **({} if options.at is None else {"at": list(options.at)}),
        "layers": layers,
    }


def _total_of_known(extents: Iterable[Extent]) -> Extent:
    """Return the sum of those that are known, as the totals of a model with unknown layers are."""
    return sum(extent for extent in extents if extent is not None)


def _difference(extent: Extent, other: Extent) -> Extent:
    return None if extent is None or other is None else extent - other


def _memory(plan: Plan, layers: Sequence[Mapping[str, Any]], options: SummaryOptions) -> dict[str, Any]:
    peak, at_layer = cost.peak_activations(plan, options.dtype, options.batch or 1)
    add = total if plan.is_complete else _total_of_known
    values = (options.dtype, add(layer["weight_bytes"] for layer in layers), peak, at_layer)
    return dict(zip(MEMORY, values, strict=False))


def _counts(options: SummaryOptions) -> tuple[str, ...]:
    """Return the keys of the requested counts of multiplications."""
    more = {"macs": (), "flops": ("flops",), "detail": ("flops", "macs_with_bias", "macs_over_output")}
    return ("macs", *more[options.count])


def _unknown_layers(model: Model) -> dict[str, str]:
    """Return the layers of a model that are not known, by name, with the reason."""
    layers = {node.name: node.layer for node in model.nodes}
    return {
        name: f"{layer.class_name} {layer.reason}" for name, layer in layers.items() if isinstance(layer, UnknownLayer)
    }


def lacks_a_share(summary: Mapping[str, Any], key: str) -> bool:
    """Return whether a total of a summary is only of what is known, because a layer's share of it is not.

    Other values, such as shapes, are no totals, and lack nothing.
    """
    if not isinstance(summary.get(key), int):
        return False
    shares = ("params", "trainable_params") if key == "non_trainable_params" else (key,)
    layers = summary["layers"] if not summary.get("complete", True) else []
    return any(layer.get(share, 0) is None for layer in layers for share in shares)


COUNT: dict[str, Callable[[PlannedLayer], Extent]] = {
    "macs": lambda layer: layer.macs,
    "flops": lambda layer: cost.flops(layer.macs),
    "macs_with_bias": cost.macs_with_bias,
    "macs_over_output": cost.macs_over_output,
}
POINTWISE = "pointwise_kernel"


def with_counts(summary: Mapping[str, Any], count: str) -> dict[str, Any]:
    """Return a summary without the counts of multiplications that `count` does not name."""
    dropped = COUNT.keys() - set(_counts(SummaryOptions(count=count)))

    def without(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if key not in dropped}

    return {**without(summary), "layers": [without(layer) for layer in summary["layers"]]}


def _one_or_all(named: Mapping[str, Any]) -> Any:
    return dict(named) if len(named) > 1 else next(iter(named.values()))


def _layer(plan: Plan, layer: PlannedLayer, with_batch: Any, options: SummaryOptions) -> dict[str, Any]:
    correlation = layer.correlation
    pointwise = {f"{weight.name}_shape": list(weight.shape) for weight in layer.weights if weight.name == POINTWISE}
    fields = plan.receptive_fields[layer.name]
    extents = {name: _extents(field, plan.input_shapes[name]) for name, field in fields.items()}
    jumps = {name: _jumps(field) for name, field in fields.items()}
    return {
        "name": layer.name,
        "type": layer.node.type_name,
        **({} if plan.is_complete else {"known": layer.is_known}),
        "inputs": spell_nonfinite(list(layer.node.inputs)),
        "output_shape": with_batch(layer.output_shape),
        "kernel_shape": list(correlation.kernel.shape) if correlation else None,
        **pointwise,
        "kernels_2d": correlation.kernels_2d if correlation else None,
        "params": layer.params,
        "trainable_params": layer.trainable_params,
        **({} if plan.model.dialect == KERAS else {"buffers": layer.buffers}),
        **{key: COUNT[key](layer) for key in _counts(options)},
        "receptive_field": plan.by_input(extents),
        "jump": plan.by_input(jumps),
        **({"statistics": "not counted"} if layer.name in plan.without_statistics else {}),
        **(_layer_memory(layer, options) if options.memory else {}),
        **({"working": _working(plan, layer)} if options.explain else {}),
    }


def _windows_at(plan: Plan, cell: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    from convcli.analysis import cell_window

    return cell_window.windows_at(plan, cell)


def _working(plan: Plan, layer: PlannedLayer) -> list[str]:
    from convcli.analysis import derivation

    return list(derivation.lines(plan, layer))


def _layer_memory(layer: PlannedLayer, options: SummaryOptions) -> dict[str, Any]:
    return {
        "weight_bytes": cost.weight_bytes(layer, options.dtype),
        "output_bytes": cost.output_bytes(layer, options.dtype, options.batch or 1),
    }


def _extents(field: ReceptiveField, shape: Shape) -> list[Extent]:
    """Return the extent of a receptive field along each axis of an input: the whole axis where all of it is seen."""
    return [
        whole if axis in (None, "whole") else _traced(axis, "extent") for axis, whole in zip(field, shape, strict=False)
    ]


def _jumps(field: ReceptiveField) -> list[int | float | None]:
    return [_traced(axis, "jump") for axis in field]


def _traced(axis: AxisField, attribute: str) -> Any:
    return getattr(axis.field, attribute) if isinstance(axis, TracedAxis) else None
