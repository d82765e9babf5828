"""Explain pooling: the cells under a window, which of them wins, and how many count in a mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.engine.explain.explainer import Explainer, explain_step
from convcli.engine.explain.laid_out import number_cells
from convcli.engine.explain.stages import Cell, Patch, PoolStage, Stage
from convcli.model.steps import AdaptivePool, GlobalPool, Pool


@explain_step.register
def _(step: Pool, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    *position, channel = cell
    patch = explainer.patch(index, step.windows, tuple(position))
    patch = replace(patch, values=patch.values[..., channel])
    if step.kind == "max":
        return [_maximum(patch)]
    counted = _in_padded_input(step, position, explainer.inputs[0].shape[1:]) if step.count_padding else patch.inside
    count = int(counted.sum()) if step.divisor is None else step.divisor
    values = patch.values
    return [PoolStage(patch, count=count, value=values[patch.inside].sum() / values.dtype.type(count))]


def _in_padded_input(step: Pool, position: Sequence[int], space: Sequence[int]) -> Array:
    """Return which cells of a window are in the padded input, not beyond it: `(*size,)`, true or false."""
    counted = np.ones((), bool)
    for window, index, width in zip(step.windows, position, space, strict=False):
        cells = index * window.stride + np.arange(window.size) * window.dilation
        counted = counted[..., None] & (cells < window.before + width + window.after)
    return counted


@explain_step.register
def _(step: AdaptivePool, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    *position, channel = cell
    spans = [slice(*window.span(at)) for window, at in zip(step.windows, position, strict=True)]
    values = explainer.step_input(index)[0][(*spans, channel)]
    cells = number_cells(explainer.inputs[0].shape[1:-1])[0][tuple(spans)] - 1
    patch = Patch(values, np.ones(values.shape, bool), cells)
    return [_maximum(patch) if step.kind == "max" else PoolStage(patch, count=values.size, value=np.mean(values))]


@explain_step.register
def _(step: GlobalPool, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    values = explainer.step_input(index)[0][..., cell[-1]]
    patch = Patch(values, np.ones(values.shape, bool), number_cells(values.shape)[0] - 1)
    if step.kind == "max":
        return [_maximum(patch)]
    return [PoolStage(patch, count=values.size, value=np.mean(values))]


def _maximum(patch: Patch) -> PoolStage:
    """Return the stage of a maximum over the cells of a patch that are inside the input."""
    first = np.flatnonzero(patch.inside)[patch.values[patch.inside].argmax()]
    winner = tuple(int(index) for index in np.unravel_index(first, patch.inside.shape))
    return PoolStage(patch, winner, value=patch.values[winner])
