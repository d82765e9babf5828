"""Explain sums of products: the cells that a filter meets, and its weights."""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.algorithms.plain import sums_of_products
from convcli.engine.explain.explainer import Explainer, explain_step
from convcli.engine.explain.stages import Cell, DotProductStage, Patch, Stage
from convcli.model.steps import Correlate
from convcli.model.window import Window


@explain_step.register
def _(step: Correlate, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    *position, filter_ = cell
    kernel, groups = explainer.kernel(index), known(step.groups)
    channels_per_group, filters_per_group = kernel.shape[-2], kernel.shape[-1] // groups
    first = filter_ // filters_per_group * channels_per_group
    channels = range(first, first + channels_per_group)
    stages, patch = _patch(step, explainer, index, tuple(position))
    total = sums_of_products(patch.values, kernel, groups)[filter_]
    bias = None if step.bias is None else explainer.weights[step.bias.name][filter_]
    stage = DotProductStage(
        replace(patch, values=patch.values[..., channels.start : channels.stop]),
        kernel[..., filter_],
        tuple(channels),
        total,
        step.kernel.name,
        bias,
        step.flip,
        step.transposed,
        value=total if bias is None else total + bias,
    )
    return [*stages, stage]


def values_of_all_filters(explainer: Explainer, index: int, position: Cell) -> Array:
    """Return what the correlation at this index yields at one position: `(filters,)`."""
    step = explainer.layer.steps[index]
    assert isinstance(step, Correlate)
    _, patch = _patch(step, explainer, index, position)
    sums = sums_of_products(patch.values, explainer.kernel(index), known(step.groups))
    return sums if step.bias is None else sums + explainer.weights[step.bias.name]


def _patch(step: Correlate, explainer: Explainer, index: int, position: Cell) -> tuple[list[Stage], Patch]:
    """Return the cells that all filters of a correlation meet at a position, and the stages that make them, if any.

    In a separable layer the pointwise correlation meets the sums of the depthwise one, one for each channel.
    """
    previous = explainer.layer.steps[index - 1] if index else None
    if not isinstance(previous, Correlate):
        return [], explainer.patch(index, step.windows, position)
    assert all(window == Window(1) for window in step.windows)
    stage = _depthwise_stage(previous, explainer, index - 1, position)
    size = (1,) * len(position)
    cells = np.reshape(position, (*size, -1))
    return [stage], Patch(stage.value.reshape(*size, -1), np.ones(size, bool), cells)


def _depthwise_stage(step: Correlate, explainer: Explainer, index: int, position: Cell) -> DotProductStage:
    """Return the sums of a depthwise correlation at a position, with all its filters side by side."""
    kernel, patch = explainer.kernel(index), explainer.patch(index, step.windows, position)
    assert kernel.shape[-2] == 1
    filters, groups = kernel.shape[-1], known(step.groups)
    channels = tuple(filter_ // (filters // groups) for filter_ in range(filters))
    return DotProductStage(
        replace(patch, values=patch.values[..., channels]),
        kernel[..., 0, :],
        channels,
        None,
        step.kernel.name,
        flipped=step.flip,
        per_channel=True,
        value=sums_of_products(patch.values, kernel, groups),
    )
