"""Explain steps that take values from elsewhere: padding, reshaping, moving axes, resizing and merging."""

from __future__ import annotations

import numpy as np

from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.explain.explainer import Explainer, explain_step
from convcli.engine.explain.laid_out import number_cells
from convcli.engine.explain.stages import Cell, CopyStage, DotProductStage, MergeStage, Patch, Stage
from convcli.engine.run_step import MERGE_FUNCTIONS, align_operands, run_step
from convcli.model.steps import ChangeShape, Merge, MoveAxes, MoveBlocks, Pad, Resize, Step


@explain_step.register(Pad)
@explain_step.register(ChangeShape)
@explain_step.register(MoveAxes)
@explain_step.register(MoveBlocks)
def _(step: Step, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    return _copied(step, explainer, index, cell)


def _copied(step: Step, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    """Return the stages of a value that a step copies, found by running the step on the numbers of the cells."""
    layer = explainer.layer
    shape = tuple(map(known, layer.step_shapes[index - 1] if index else layer.input_shapes[0]))
    numbers = np.arange(1, np.prod(shape) + 1).reshape(1, *shape)
    padding = step.value if isinstance(step, Pad) else 0.0
    step = replace(step, value=0.0) if isinstance(step, Pad) else step
    number = int(run_step(step, [numbers], {})[0][cell])
    operand = layer.input_names[0]
    if number == 0:
        return [CopyStage(operand, None, value=explainer.inputs[0].dtype.type(padding))]
    origin = tuple(int(at) for at in np.unravel_index(number - 1, shape))
    stages, value = explainer.stages_before(index, origin)
    return stages or [CopyStage(operand, origin, value=value)]


@explain_step.register
def _(step: Resize, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    if step.moves_values:
        return _copied(step, explainer, index, cell)
    x = explainer.step_input(index)
    *position, channel = cell
    spans, weights = [], np.ones((), x.dtype)
    for width, scaling, at in zip(x.shape[1:-1], step.scalings, position, strict=True):
        # The weights of all cells of an axis are what the interpolation makes of the identity matrix.
        along = run_step(Resize((scaling,), step.interpolation), [np.eye(width, dtype=x.dtype)[None]], {})[0][at]
        used = np.flatnonzero(along)
        span = slice(int(used[0]), int(used[-1]) + 1)
        spans.append(span)
        weights = weights[..., None] * along[span]
    cells = number_cells(x.shape[1:-1])[0][tuple(spans)] - 1
    patch = Patch(x[0][(*spans, slice(channel, channel + 1))], np.ones(weights.shape, bool), cells)
    total = np.sum(weights * patch.values[..., 0])
    return [DotProductStage(patch, weights[..., None], (channel,), total, "weights", value=total)]


@explain_step.register
def _(step: Merge, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    if step.joins:
        return [_joined(step, explainer, cell)]
    shape = (1, *map(known, explainer.layer.step_shapes[index]))
    operands = [
        (name, np.broadcast_to(x, shape)[0][cell])
        for name, x in zip(explainer.layer.input_names, align_operands(step, explainer.inputs), strict=True)
    ]
    for at, constant in step.constants:
        operands.insert(at, ("", explainer.inputs[0].dtype.type(constant)))
    values = [value for _, value in operands]
    if step.coefficients:
        values = [value * factor for value, factor in zip(values, step.coefficients, strict=True)]
    merged = values[0]
    for value in values[1:]:
        merged = MERGE_FUNCTIONS[step.kind](merged, value)
    if step.kind == "mean":
        merged = merged / len(values)
    return [MergeStage(step.kind, tuple(operands), step.coefficients, value=merged)]


def _joined(step: Merge, explainer: Explainer, cell: Cell) -> CopyStage:
    """Return the stage of a value that is laid beside others: a cell of one of the operands."""
    axis = step.axis % len(cell)
    extents = [x.shape[axis + 1] for x in explainer.inputs]
    # Which operand the cells along the axis come from, and where they are there.
    operands = np.repeat(np.arange(len(extents)), extents)
    cells = np.concatenate(list(map(np.arange, extents)))
    if step.kind == "interleave":
        operands, cells = np.tile(np.arange(len(extents)), extents[0]), np.repeat(np.arange(extents[0]), len(extents))
    operand = int(operands[cell[axis]])
    origin = (*cell[:axis], int(cells[cell[axis]]), *cell[axis + 1 :])
    return CopyStage(explainer.layer.input_names[operand], origin, value=explainer.inputs[operand][0][origin])
