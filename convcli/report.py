"""What the commands answer, as data: the mapping that JSON shows, and the arrays behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from convcli import costs, sights, working
from convcli._lazy import Array
from convcli.arrays import worded
from convcli.errors import ConvcliError
from convcli.geometry import DataFormat, Extent, Shape, known, total
from convcli.model import Plan, Row
from convcli.records import Record, field
from convcli.steps import Correlate, Field, Map, Pad, Pool, Reduce, Resize, Scale, Seen, Track


class Report(Record):
    """What a command answers: the mapping that JSON shows, and how it ends.

    `exit_code` is that of a whole answer; `complaints` are said on standard error. `text`, if there is any, is printed
    in place of all else.
    """

    kind: ClassVar[str]  # which of the tables shows it

    summary: dict[str, Any]
    exit_code: int = 0
    complaints: tuple[str, ...] = ()
    text: str | None = None

    def mapping(self) -> dict[str, Any]:
        """What JSON and YAML show."""
        return self.summary

    def rows(self) -> list[dict[str, Any]]:
        """What CSV shows, a line each."""
        rows: list[dict[str, Any]] = self.mapping()["layers"]
        return rows


class ShapeReport(Report):
    """The answer of `shape`: the summary of a plan, for batches of a size if one was given.

    The summary holds memory; `memory` says whether that was asked for, or only the table's last line is to tell it.
    """

    kind = "shape"

    batch: int | None = None
    memory: bool = False

    def mapping(self) -> dict[str, Any]:
        if self.memory:
            return self.summary
        rows = [_without_memory(row) for row in self.summary["layers"]]
        return {**_without_memory(self.summary), "layers": rows}


def _without_memory(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in MEMORY}


class Maps(Record):
    """What one layer yields: an array `(batch, *spatial, channels)` and a name for each channel."""

    layer: str
    array: Array
    names: tuple[str, ...]


class Kernels(Record):
    """The filters of one layer as they meet the input, `(*k, in/groups, filters)`, and what is added to each map."""

    layer: str
    kernel: Array
    bias: Array | None
    names: tuple[str, ...]


class ApplyReport(Report, kw_only=True):
    """The answer of `apply`: the summary with real batch sizes, and the maps of the layers that were asked for.

    `single` says that `maps` is one output, not a mapping of several. `kernels` and `weights`, the variables of each
    layer by name, are there if they were asked for.
    """

    kind = "apply"

    maps: tuple[Maps, ...]
    data_format: DataFormat
    single: bool = True
    kernels: tuple[Kernels, ...] = ()
    weights: Mapping[str, Mapping[str, Array]] = field(factory=dict)
    notes: tuple[str, ...] = field(default=())

    def output_alone(self, form: str) -> None:
        """Raise `ConvcliError` where the answer is more than the one array that such a format holds."""
        if not self.single:
            raise ConvcliError(f"{form} holds one output", "-o X.npz for all, or --layer-output NAME for one")
        if self.weights:
            raise ConvcliError(f"{form} holds the output alone", "--show-weights with table, json or yaml")


COUNTS = ("macs", "flops", "detail")
# The keys of memory: of the whole model, then of a layer.
MEMORY = ("dtype", "weight_bytes", "peak_activation_bytes", "peak_activation_layer", "output_bytes")


class Asked(Record):
    """What a summary holds besides what it always does.

    `batch` is the batch size, None where it is open; `dtype` the type that bytes are counted in. `count` is `macs`,
    `flops` or `detail`; `explain` adds the working, `at` the window of the input that this cell of each layer sees,
    `memory` the bytes of weights and values.
    """

    batch: int | None = None
    dtype: str = "float32"
    count: str = COUNTS[0]
    explain: bool = False
    at: tuple[int, ...] | None = None
    memory: bool = False


def summary(plan: Plan, data_format: DataFormat, asked: Asked | None = None) -> dict[str, Any]:
    """Shapes, parameters, multiply-accumulates and receptive fields of a plan, under the keys of the JSON output."""
    asked = asked or Asked()

    def outer(shape: Shape) -> list[Extent]:
        return [asked.batch, *data_format.from_last(shape)]

    seen = sights.at(plan, asked.at) if asked.at is not None else {}
    rows = [_row(plan, row, outer, asked) | seen.get(row.name, {}) for row in plan.rows]
    counts = {key: total(row[key] for row in rows) for key in ("params", "trainable_params", *_counts(asked))}
    params, trainable = counts["params"], counts["trainable_params"]
    return {
        "name": plan.model.name,
        "data_format": data_format.value,
        "input_shape": _one_or_all({name: outer(shape) for name, shape in plan.input_shapes.items()}),
        "output_shape": _one_or_all({name: outer(shape) for name, shape in plan.output_shapes.items()}),
        "params": params,
        "trainable_params": trainable,
        "non_trainable_params": None if params is None or trainable is None else params - trainable,
        **{key: counts[key] for key in _counts(asked)},
        **(_memory(plan, rows, asked) if asked.memory else {}),
        **({} if asked.at is None else {"at": list(asked.at)}),
        "layers": rows,
    }


def _memory(plan: Plan, rows: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Any]:
    most, during = costs.peak(plan, asked.dtype, asked.batch or 1)
    values = (asked.dtype, total(row["weight_bytes"] for row in rows), most, during)
    return dict(zip(MEMORY, values, strict=False))


def _counts(asked: Asked) -> tuple[str, ...]:
    """The keys of the counts of multiplications that are asked for."""
    more = {"macs": (), "flops": ("flops",), "detail": ("flops", "macs_with_bias", "macs_over_output")}
    return ("macs", *more[asked.count])


COUNT: dict[str, Callable[[Row], Extent]] = {
    "macs": lambda row: row.macs,
    "flops": lambda row: costs.doubled(row.macs),
    "macs_with_bias": costs.with_bias,
    "macs_over_output": costs.over_output,
}
POINTWISE = "pointwise_kernel"


def _one_or_all(named: Mapping[str, Any]) -> Any:
    return dict(named) if len(named) > 1 else next(iter(named.values()))


def _row(plan: Plan, row: Row, outer: Any, asked: Asked) -> dict[str, Any]:
    correlation = row.correlation
    pointwise = {f"{weight.name}_shape": list(weight.shape) for weight in row.weights if weight.name == POINTWISE}
    fields = plan.fields[row.name]
    seen = {name: _receptive_field(each, plan.input_shapes[name]) for name, each in fields.items()}
    jumps = {name: _jump(each) for name, each in fields.items()}
    several = len(plan.input_shapes) > 1
    return {
        "name": row.name,
        "type": type(row.node.layer).__name__,
        "inputs": worded(list(row.node.inputs)),
        "output_shape": outer(row.output_shape),
        "kernel_shape": list(correlation.kernel.shape) if correlation else None,
        **pointwise,
        "kernels_2d": correlation.kernels_2d if correlation else None,
        "params": row.params,
        "trainable_params": row.trainable_params,
        **{key: COUNT[key](row) for key in _counts(asked)},
        "receptive_field": seen if several else _one_or_all(seen),
        "jump": jumps if several else _one_or_all(jumps),
        **(_row_memory(row, asked) if asked.memory else {}),
        **({"working": list(working.lines(plan, row))} if asked.explain else {}),
    }


def _row_memory(row: Row, asked: Asked) -> dict[str, Any]:
    return {
        "weight_bytes": costs.weight_bytes(row, asked.dtype),
        "output_bytes": costs.output_bytes(row, asked.dtype, asked.batch or 1),
    }


def _receptive_field(seen: Field, shape: Shape) -> list[Extent]:
    return [whole if each is None else _reach(each, "extent") for each, whole in zip(seen, shape, strict=False)]


def _jump(seen: Field) -> list[int | float | None]:
    return [_reach(each, "jump") for each in seen]


def _reach(seen: Seen, what: str) -> Any:
    return getattr(seen.reach, what) if isinstance(seen, Track) else None


# ---- names of maps ----

KEEPS_CHANNELS = (Pool, Reduce, Pad, Resize, Scale, Map)


def map_names(plan: Plan) -> dict[str, tuple[str, ...]]:
    """A name for each channel of each layer's output: its filter's, handed on by layers that keep channels apart."""
    names: dict[str, tuple[str, ...]] = {}
    for row in plan.rows:
        count = row.output_shape[-1] or 0
        own = _filter_names(row)
        if not own and len(row.operands) == 1 and all(isinstance(step, KEEPS_CHANNELS) for step in row.steps):
            own = names.get(row.operands[0], ())
        names[row.name] = own if len(own) == count else numbered(count)
    return names


def numbered(count: int) -> tuple[str, ...]:
    """Names for maps that have none of their own."""
    return tuple(f"map {place}" for place in range(count))


def _filter_names(row: Row) -> tuple[str, ...]:
    own = tuple(f"map {name}" if name.isdigit() else name for name in row.node.filter_names)
    channels = row.input_shapes[0][-1] or 1
    if not own or (row.output_shape[-1] or 0) == len(own):
        return own
    return tuple(f"{name}, channel {channel}" for channel in range(channels) for name in own)


def operations(plan: Plan) -> tuple[str, ...]:
    """For each way of meeting the kernel in the plan, a sentence that says which layers do it."""
    found: dict[str, list[str]] = {}
    for row in plan.rows:
        for step in row.steps:
            if isinstance(step, Correlate) and any(window.size > 1 for window in step.windows):
                found.setdefault(_operation(step), []).append(row.name)
    return tuple(f"{sentence}: {', '.join(dict.fromkeys(layers))}" for sentence, layers in found.items())


def _operation(step: Correlate) -> str:
    kind = "Transposed " if step.transposed else ""
    word = "convolution" if step.flip else "cross-correlation"
    flipped = "is" if step.flip else "is not"
    return f"{(kind + word).capitalize()} (the kernel {flipped} flipped)"


def kernels_of(plan: Plan, weights: Mapping[str, Mapping[str, Array]]) -> tuple[Kernels, ...]:
    """The filters of every layer that has any."""
    from convcli.algorithms.kernels import meeting_kernel

    names = map_names(plan)
    found = []
    for row in plan.rows:
        own = names[row.name]
        if row.node.shares:
            continue
        for step in row.steps:
            if isinstance(step, Correlate):
                title = row.name if step.kernel.name == "kernel" else f"{row.name} {step.kernel.name}"
                kernel = meeting_kernel(step, weights[row.name][step.kernel.name])
                bias = weights[row.name][step.bias.name] if step.bias else None
                filters = own if len(own) == step.filters else numbered(known(step.filters))
                found.append(Kernels(title, kernel, bias, filters))
    return tuple(found)
