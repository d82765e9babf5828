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
from convcli.core.records import Record, field, replace
from convcli.core.shapes import format_extents, known
from convcli.engine.execution import Execution
from convcli.engine.program import build_program
from convcli.engine.run import RunResult
from convcli.io import nested_lists
from convcli.model import steps
from convcli.model.plan import Plan, PlannedLayer
from convcli.output.report import Report
from convcli.output.report.page_formulas import part_formula

MOST_CELLS = 64  # of a map along an axis
MOST_IN_A_ROW = 1 << 14  # cells of a value without axes in space
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
    """Where the page opens: at a part (None: the first), and at one of its values if `at` is a cell."""

    name: str | None = None
    map: int = 0
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
            "type": part.layer.node.layer.type_name,
            "inputs": list(part.takes),
            **part_formula(part.steps, shapes, part.weights),
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
