"""What a page shows: every value on the way through a model, and how each part of a layer makes its own.

A part is a layer, or for a separable one each of its two convolutions. What it takes and makes are names of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from math import prod
from typing import Any

import numpy as np

from convcli.analysis.map_names import map_names, numbered_maps
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.core.records import Record, field, replace
from convcli.core.shapes import format_extents, known
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.epilogue import scale_parameters
from convcli.engine.execution import Execution
from convcli.engine.program import build_program
from convcli.engine.run import RunResult
from convcli.engine.run_step import run_step
from convcli.io import nested_lists
from convcli.model import steps
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.window import Window
from convcli.output.report import Report
from convcli.output.report.apply import operation, turned

MOST_CELLS = 64  # of a map along an axis
MOST_IN_A_ROW = 1 << 14  # cells of a value without axes in space
MOST_NUMBERS = 1 << 20  # of all values and weights together

Weights = Mapping[str, Array]


class PagePart(Record):
    """Some of a layer's steps, done to the values that it takes; `names` are those of its maps."""

    name: str
    layer: PlannedLayer
    steps: tuple[steps.Step, ...]
    takes: tuple[str, ...]
    names: tuple[str, ...]
    weights: Weights = field(factory=dict)


class Start(Record):
    """Where the page opens: a part, by the name of what it makes (None: the first), and perhaps a value of it."""

    name: str | None = None
    map: int = 0
    at: tuple[int, ...] | None = None
    sample: int = 0


class PageData(Report):
    """A model on a batch: `values` by name, `(batch, *spatial, channels)`, inputs first, and the parts in order."""

    kind = "page"

    title: str
    values: Mapping[str, Array]
    inputs: Mapping[str, tuple[str, ...]]  # the names of each input's channels
    parts: tuple[PagePart, ...]
    start: Start = Start()

    @property
    def batch(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.values.values())))

    def mapping(self) -> dict[str, Any]:
        """The scene as the page reads it."""
        names = {**self.inputs, **{part.name: part.names for part in self.parts}}
        return {
            "title": self.title,
            "values": {
                name: {
                    "shape": list(value.shape[1:]),
                    "maps": list(names[name]),
                    "samples": [nested_lists.from_array(sample.ravel()) for sample in value],
                }
                for name, value in self.values.items()
            },
            "parts": [self._part(part) for part in self.parts],
            "start": {
                "name": self.start.name,
                "map": self.start.map,
                "at": None if self.start.at is None else list(self.start.at),
                "sample": self.start.sample,
            },
        }

    def _part(self, part: PagePart) -> dict[str, Any]:
        shapes = [self.values[name].shape[1:] for name in part.takes]
        return {
            "name": part.name,
            "type": type(part.layer.node.layer).__name__,
            "takes": list(part.takes),
            **_does(part, shapes),
        }


REMEDY = "a smaller or cropped input, --layer-output, or -o maps.png"


def check_page_size(plan: Plan, batch_size: int) -> None:
    """Raise `ConvcliError` where a plan's values on so many samples are too large, or too many, for a page."""
    shapes = {name: tuple(map(known, shape)) for name, shape in plan.shapes.items()}
    for name, (*space, last) in shapes.items():
        with located(name):
            if max(space, default=0) > MOST_CELLS:
                most = format_extents([MOST_CELLS] * len(space))
                raise ConvcliError(
                    f"{format_extents(space)} cells are too many for a page", f"at most {most}; {REMEDY}"
                )
            if not space and last > MOST_IN_A_ROW:
                raise ConvcliError(f"{last:,} cells are too many for a page", f"at most {MOST_IN_A_ROW:,}; {REMEDY}")
    weights = sum(prod(weight.extents) for layer in plan.layers for weight in layer.weights)
    numbers = weights + batch_size * sum(map(prod, shapes.values()))
    if numbers > MOST_NUMBERS:
        raise ConvcliError(f"{numbers:,} numbers are too many for a page", f"at most {MOST_NUMBERS:,}; {REMEDY}")


def page_data(result: RunResult, inputs: Mapping[str, Array], layers: Sequence[str]) -> PageData:
    """Return the page of a model, run so that `result` has the output of every layer that leads to the named ones.

    `inputs` are the arrays that it was run on, each `(batch, *spatial, channels)`.
    """
    plan = result.plan.pruned_to(layers)
    parts, values = _parts(plan, {**inputs, **result.outputs}, result.weights, map_names(plan))
    channels = {name: tuple(f"channel {index}" for index in range(x.shape[-1])) for name, x in inputs.items()}
    return PageData(plan.model.name, values, channels, parts)


def _parts(
    plan: Plan, values: Mapping[str, Array], weights: Mapping[str, Weights], names: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[PagePart, ...], dict[str, Array]]:
    """The parts of a plan in order, and the values that they take and make, the inputs first.

    `values` are those of the inputs and of every layer. A separable layer is cut in two, by running its first half.
    """
    parts, found = [], {name: values[name] for name in plan.input_shapes}
    for layer in plan.layers:
        own, takes = weights[layer.node.owner], layer.input_names
        kernels = [place for place, step in enumerate(layer.steps) if isinstance(step, steps.Correlate)]
        rest = layer.steps
        if len(kernels) == 2:
            first, rest = layer.steps[: kernels[1]], layer.steps[kernels[1] :]
            name = f"{layer.name}, depthwise"
            while name in values:
                name += "'"
            found[name] = _between(plan, layer, kernels[1], values[takes[0]], own)
            parts.append(PagePart(name, layer, first, takes, numbered_maps(found[name].shape[-1]), own))
            takes = (name,)
        parts.append(PagePart(layer.name, layer, rest, takes, names[layer.name], own))
        found[layer.name] = values[layer.name]
    return tuple(parts), found


def _between(plan: Plan, layer: PlannedLayer, count: int, x: Array, weights: Weights) -> Array:
    """What the first steps of a layer make of its input."""
    cut = replace(layer, steps=layer.steps[:count], step_shapes=layer.step_shapes[:count])
    alone = Plan(plan.model, {layer.input_names[0]: layer.input_shapes[0]}, (cut,))
    execution = Execution(dtype=x.dtype.name, tolerance=0.0, compiled=False)
    program = build_program(alone, {layer.node.owner: weights}, [layer.name], execution, samples=len(x))
    try:
        return program({layer.input_names[0]: x})[layer.name]
    finally:
        program.close()


def _does(part: PagePart, shapes: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """How the part makes each of its cells, for the kinds that the page can work out by itself; else in words."""
    kept, activation, along = part.steps, None, False
    last = kept[-1] if len(kept) > 1 else None
    if isinstance(last, steps.Activate):
        kept, activation, along = kept[:-1], last.function, bool(last.axes)
    pad = None
    if len(kept) == 2 and isinstance(kept[0], steps.Pad) and isinstance(kept[1], steps.Correlate):
        pad, kept = kept[0], kept[1:]
    if all(step.moves_values for step in part.steps):
        words = "Values in other places" if part.steps else "Handed on as it is"
        return {"kind": "moved", "does": words, "origins": _origins(part.steps, shapes)}
    if len(kept) != 1:
        normal = isinstance(part.steps[0], steps.Normalize)
        return {"kind": "other", "does": NORMALIZED if normal else "Sums of products along another axis"}
    found = does(kept[0], shapes, part.weights)
    if isinstance(kept[0], steps.Correlate):
        found |= {"activation": activation, "along": along, "mode": "zeros" if pad is None else pad.mode}
        if pad is not None:
            found["windows"] = [
                {**window, "before": before, "after": after}
                for window, (before, after) in zip(found["windows"], pad.amounts, strict=True)
            ]
    return found


def _origins(moves: Sequence[steps.Step], shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """For each cell that comes out, the number of the one it was, those of several operands one after the other.

    -1 is padding. Found by moving the numbers themselves.
    """
    x, first = [], 1
    for shape in shapes:
        x.append(np.arange(first, first + prod(shape)).reshape(1, *shape))
        first += prod(shape)
    for step in moves:
        x = [run_step(step, x, {})]
    origins: list[int] = (x[0].ravel() - 1).tolist()
    return origins


@singledispatch
def does(step: steps.Step, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    """How one step makes each of its cells."""
    return {"kind": "other", "does": NORMALIZED if isinstance(step, steps.Normalize) else "Interpolated between cells"}


NORMALIZED = "Less the mean, divided by the standard deviation of many cells"


@does.register
def _(step: steps.Correlate, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    kernel = correlation_kernel(step, weights[step.kernel.name])
    return {
        "kind": "products",
        "does": operation(step.transposed, step.flip) if step.windows else "Each value times its weight",
        "windows": _windows(step.windows),
        "kernel": nested_lists.from_array(kernel.ravel()),
        "seen": kernel.shape[-2],
        "filters": kernel.shape[-1],
        "groups": known(step.groups),
        "bias": None if step.bias is None else nested_lists.from_array(weights[step.bias.name]),
        "turned": turned(step.transposed, step.flip),
    }


def _windows(windows: Sequence[Window]) -> list[dict[str, int]]:
    keys = ("size", "stride", "dilation", "before", "after", "upsample")
    return [{key: getattr(window, key) for key in keys} for window in windows]


@does.register
def _(step: steps.Pool, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    found = {"windows": _windows(step.windows), "count_padding": step.count_padding}
    return {"kind": step.kind, "does": POOLED[step.kind], **found}


@does.register
def _(step: steps.GlobalPool, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    windows = _windows([Window(extent) for extent in shapes[0][:-1]])
    return {"kind": step.kind, "does": f"{POOLED[step.kind]} of all", "windows": windows, "count_padding": False}


POOLED = {"max": "Maximum of the window", "average": "Mean of the window"}


@does.register
def _(step: steps.Scale, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    numbers = dict(zip(("gamma", "beta", "mean", "variance"), scale_parameters(step, weights, "float64"), strict=True))
    given = {name: nested_lists.from_array(each.ravel()) for name, each in numbers.items() if each is not None}
    if step.axes not in ((), (len(shapes[0]) - 1,)):
        return {"kind": "other", "does": "Scaled"}
    formula = {"formula": step.kind, "numbers": given, "epsilon": step.epsilon}
    return {"kind": "scale", "does": "Scaled and shifted", **formula}


@does.register
def _(step: steps.Activate, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    along = step.axes == (len(shapes[0]) - 1,)
    if step.slope is not None or step.function == "glu" or (step.axes and not along):
        return {"kind": "other", "does": step.function}
    return {"kind": "activation", "does": step.function, "function": step.function, "along": along}


@does.register
def _(step: steps.Merge, shapes: Sequence[tuple[int, ...]], weights: Weights) -> dict[str, Any]:
    if len(set(shapes)) > 1 or step.constants:
        return {"kind": "other", "does": f"{step.kind.capitalize()} of values that broadcast"}
    does = f"{step.kind.capitalize()} of the values in one place"
    return {"kind": "joined", "does": does, "coefficients": list(step.coefficients)}
