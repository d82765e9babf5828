"""The page of a model: every value on the way through it, and how each part computes its own.

A part is a layer; a separable layer is two parts, one for each of its convolutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from convcli.analysis.map_names import map_names, numbered_maps
from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array
from convcli.core.progress import ProgressCallback
from convcli.core.records import Record, field, replace
from convcli.core.shapes import format_extents, known
from convcli.engine.execution import Execution
from convcli.engine.program import build_program
from convcli.engine.run import Run, RunResult
from convcli.io import nested_lists
from convcli.model import steps
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.output.report import Report
from convcli.output.report.page_formulas import part_formula

MOST_CELLS = 1 << 14  # of a map, as it stands and as windows meet it: stretched and padded
MOST_NUMBERS = 1 << 20  # of all values and weights together

Weights = Mapping[str, Array]


class PagePart(Record):
    """Some steps of a layer: `name` is that of the value they compute, `takes` those of their inputs.

    `names` are those of the maps.
    """

    name: str
    layer: PlannedLayer
    steps: tuple[steps.Step, ...]
    takes: tuple[str, ...]
    names: tuple[str, ...]
    weights: Weights = field(factory=dict)


class Start(Record):
    """Where the page opens: at a part (None: the first), one of its maps and a cell of it.

    Where the map or the cell is None, it is that of the greatest absolute value.
    """

    name: str | None = None
    map: int | None = None
    at: tuple[int, ...] | None = None
    sample: int = 0


class PageData(Report):
    """A model on a batch: all values by name, `(batch, *spatial, channels)`, inputs first, and the parts in order."""

    kind = "page"

    title: str
    values: Mapping[str, Array]
    inputs: Mapping[str, tuple[str, ...]]  # the names of each input's channels
    parts: tuple[PagePart, ...]
    start: Start = Start()

    @property
    def batch(self) -> int:
        """The number of samples."""
        return len(next(iter(self.values.values())))

    def mapping(self) -> dict[str, Any]:
        """Return what the page's script reads."""
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
            "type": part.layer.node.type_name,
            "inputs": list(part.takes),
            **part_formula(part.steps, shapes, part.weights),
        }


REMEDY = "a smaller or cropped input, --layer-output, or -o maps.png"


def run_page(run: Run, layers: Sequence[str], progress: ProgressCallback | None = None) -> PageData:
    """Return the page of the layers that lead to the named ones, from a run that was prepared to keep all of them.

    Raises `ConvcliError`, before anything is computed, where a page cannot hold their values.
    """
    check_page_size(run.plan.pruned_to(layers), run.batch.size)
    return page_data(run.result(progress), layers)


def check_page_size(plan: Plan, batch_size: int) -> None:
    """Raise `ConvcliError` where a plan's values on so many samples are too large, or too many, for a page."""
    shapes = {name: tuple(map(known, shape)) for name, shape in plan.shapes.items()}
    for name, (*space, last) in shapes.items():
        with located(name):
            _check_cells(space or [last])
    for layer in plan.layers:
        with located(layer.name):
            _check_laid_out(layer)
    weights = sum(prod(weight.extents) for layer in plan.layers for weight in layer.weights)
    numbers = weights + batch_size * sum(map(prod, shapes.values()))
    if numbers > MOST_NUMBERS:
        raise ConvcliError(f"{numbers:,} numbers are too many for a page", f"at most {MOST_NUMBERS:,}; {REMEDY}")


def _check_cells(extents: Sequence[int], how: str = "") -> None:
    """Raise `ConvcliError` where a map of these extents has too many cells."""
    if prod(extents) > MOST_CELLS:
        count = f"{format_extents(extents)} cells" if len(extents) > 1 else f"{extents[0]:,} cells"
        raise ConvcliError(f"{count}{how} are too many for a page", f"at most {MOST_CELLS:,} in all; {REMEDY}")


def _check_laid_out(layer: PlannedLayer) -> None:
    """Raise `ConvcliError` where the windows of a layer meet too many cells once its input is stretched and padded."""
    for step, (shape, *_) in layer.steps_with_shapes:
        if isinstance(step, steps.Correlate | steps.Pool) and step.windows:
            axes = zip(step.windows, map(known, shape[:-1]), strict=True)
            laid_out = [w.stretched_extent(extent) + w.before + w.after for w, extent in axes]
            _check_cells(laid_out, " as its windows meet them")


def page_data(result: RunResult, layers: Sequence[str]) -> PageData:
    """Return the page of a model, run so that `result` has its inputs and all layers that lead to the named ones."""
    plan = result.plan.pruned_to(layers)
    parts, values = _parts(plan, result.outputs, result.weights, map_names(plan))
    counts = {name: values[name].shape[-1] for name in plan.input_shapes}
    channels = {name: tuple(f"channel {index}" for index in range(count)) for name, count in counts.items()}
    return PageData(plan.model.name, values, channels, parts)


def _parts(
    plan: Plan, values: Mapping[str, Array], weights: Mapping[str, Weights], names: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[PagePart, ...], dict[str, Array]]:
    """Return the parts of a plan in order, and the values that they take and compute, the inputs first.

    `values` are those of the inputs and of every layer. A separable layer is cut in two by running its first half.
    """
    parts, part_values = [], {name: values[name] for name in plan.input_shapes}
    for layer in plan.layers:
        own, takes = weights[layer.node.owner], layer.input_names
        kernels = [index for index, step in enumerate(layer.steps) if isinstance(step, steps.Correlate)]
        rest = layer.steps
        if len(kernels) == 2:
            first, rest = layer.steps[: kernels[1]], layer.steps[kernels[1] :]
            name = f"{layer.name}, depthwise"
            while name in values:
                name += "'"
            part_values[name] = _run_first_steps(plan, layer, kernels[1], values[takes[0]], own)
            parts.append(PagePart(name, layer, first, takes, numbered_maps(part_values[name].shape[-1]), own))
            takes = (name,)
        parts.append(PagePart(layer.name, layer, rest, takes, names[layer.name], own))
        part_values[layer.name] = values[layer.name]
    return tuple(parts), part_values


def _run_first_steps(plan: Plan, layer: PlannedLayer, count: int, x: Array, weights: Weights) -> Array:
    """Return what the first `count` steps of a layer compute from its input."""
    cut = replace(layer, steps=layer.steps[:count], step_shapes=layer.step_shapes[:count])
    alone = Plan(plan.model, {layer.input_names[0]: layer.input_shapes[0]}, (cut,))
    execution = Execution(dtype=x.dtype.name, tolerance=0.0)
    program = build_program(alone, {layer.node.owner: weights}, [layer.name], execution, samples=len(x))
    try:
        return program({layer.input_names[0]: x})[layer.name]
    finally:
        program.close()
