"""The formulas by which each part of a page computes its cells in the browser: their numbers, or words instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.epilogue import scale_parameters
from convcli.engine.run_step import run_step
from convcli.io import nested_lists
from convcli.model import steps
from convcli.model.steps.merging import MERGE_WORDS
from convcli.model.window import Window
from convcli.output.report.apply import correlation_name, orientation

Weights = Mapping[str, Array]
Shapes = Sequence[tuple[int, ...]]


def part_formula(chain: Sequence[steps.Step], shapes: Shapes, weights: Weights) -> dict[str, Any]:
    """Return how a chain of steps computes each of its cells, or words where the page does not compute it itself.

    `shapes` are those of the chain's inputs, without the batch.
    """
    rest, activation, along = tuple(chain), None, False
    last = rest[-1] if len(rest) > 1 else None
    if isinstance(last, steps.Activate):
        rest, activation, along = rest[:-1], last.function, bool(last.axes)
    pad = None
    if len(rest) == 2 and isinstance(rest[0], steps.Pad) and isinstance(rest[1], steps.Correlate):
        pad, rest = rest[0], rest[1:]
    if all(step.moves_values for step in chain):
        words = "Each value is copied from another cell" if chain else "Each value stays as it is"
        return {"kind": "copy", "description": words, "origins": _origins(chain, shapes)}
    if len(rest) != 1:
        normal = isinstance(chain[0], steps.Normalize)
        return {"kind": "other", "description": NORMALIZED if normal else "Sums of products along another axis"}
    formula = step_formula(rest[0], shapes, weights)
    if isinstance(rest[0], steps.Correlate):
        formula |= {
            "activation": activation,
            "depends_on_channels": along,
            "padding_mode": "zeros" if pad is None else pad.mode,
        }
        if pad is not None:
            formula["windows"] = [
                {**window, "before": before, "after": after}
                for window, (before, after) in zip(formula["windows"], pad.amounts, strict=True)
            ]
    return formula


def _origins(moves: Sequence[steps.Step], shapes: Shapes) -> list[int]:
    """Return, for each output cell, the number of the input cell whose value it has; -1 is padding.

    Cells of several inputs are numbered one input after the other. The steps are run on the numbers themselves.
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
def step_formula(step: steps.Step, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    """Return how one step computes each of its cells."""
    return {"kind": "other", "description": DESCRIPTIONS[type(step)]}


NORMALIZED = "Minus the mean of many cells, divided by their standard deviation"
DESCRIPTIONS: dict[type[steps.Step], str] = {
    steps.Normalize: NORMALIZED,
    steps.NormalizeLocally: "Divided by a power of the mean of the squares of the channels around it",
    steps.Resize: "Interpolated between cells",
    steps.Pad: "A cell of the input, or padding",
}


@step_formula.register
def _(step: steps.Correlate, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    kernel = correlation_kernel(step, weights[step.kernel.name])
    return {
        "kind": "dot_product",
        "description": correlation_name(step.transposed, step.flip) if step.windows else "Each value times its weight",
        "windows": _windows(step.windows),
        "kernel": nested_lists.from_array(kernel.ravel()),
        "channels_per_filter": kernel.shape[-2],
        "filters": kernel.shape[-1],
        "groups": known(step.groups),
        "bias": None if step.bias is None else nested_lists.from_array(weights[step.bias.name]),
        "orientation": orientation(step.transposed, step.flip),
    }


def _windows(windows: Sequence[Window]) -> list[dict[str, int]]:
    keys = ("size", "stride", "dilation", "before", "after", "upsample")
    return [{key: getattr(window, key) for key in keys} for window in windows]


@step_formula.register
def _(step: steps.Pool, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    windows = _windows(step.windows)
    if step.divisor is not None:
        return {"kind": "other", "description": f"Sum of the window, divided by {step.divisor}"}
    return {
        "kind": step.kind,
        "description": f"{POOLED[step.kind]} of the window",
        "windows": windows,
        "count_padding": step.count_padding,
    }


@step_formula.register
def _(step: steps.AdaptivePool, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    return {"kind": "other", "description": f"{POOLED[step.kind]} of a window of its own"}


@step_formula.register
def _(step: steps.GlobalPool, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    windows = _windows([Window(extent) for extent in shapes[0][:-1]])
    return {
        "kind": step.kind,
        "description": f"{POOLED[step.kind]} of all cells",
        "windows": windows,
        "count_padding": False,
    }


POOLED = {"max": "Maximum", "average": "Mean"}


@step_formula.register
def _(step: steps.Scale, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    numbers = dict(zip(("gamma", "beta", "mean", "variance"), scale_parameters(step, weights, "float64"), strict=True))
    plain = {name: nested_lists.from_array(array.ravel()) for name, array in numbers.items() if array is not None}
    if step.axes not in ((), (len(shapes[0]) - 1,)):
        return {"kind": "other", "description": "Scaled"}
    formula = {"formula": step.kind, "parameters": plain, "epsilon": step.epsilon}
    return {"kind": "scale", "description": "Scaled and shifted", **formula}


@step_formula.register
def _(step: steps.Activate, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    along = step.axes == (len(shapes[0]) - 1,)
    if step.slope is not None or step.function == "glu" or (step.axes and not along):
        return {"kind": "other", "description": step.function}
    return {"kind": "activation", "description": step.function, "function": step.function, "depends_on_channels": along}


@step_formula.register
def _(step: steps.Merge, shapes: Shapes, weights: Weights) -> dict[str, Any]:
    words = MERGE_WORDS.get(step.kind, step.kind).capitalize()
    if len(set(shapes)) > 1 or step.constants:
        return {"kind": "other", "description": f"{words} of values that broadcast"}
    description = f"{words} of the values at the same position"
    return {"kind": "merge", "description": description, "coefficients": list(step.coefficients)}
