"""The gradients of steps that move, repeat or leave out cells: padding, resizing, changes of shape, moved axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.engine.algorithms import resizing
from convcli.engine.run_step import NUMPY_PAD_MODES, run_step
from convcli.learning.gradients.context import Backward, PassContext, Weights, without_weights
from convcli.model.steps import ChangeShape, MoveAxes, MoveBlocks, Pad, Resize


def pad(step: Pad, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the padded or cropped input, and its backward function."""
    shape = inputs[0].shape

    def backward(dy: Array) -> Array:
        for axis, (amounts, extent) in enumerate(zip(step.amounts, shape[1:-1], strict=True), 1):
            dy = _pad_gradient(dy, axis, amounts, extent, NUMPY_PAD_MODES[step.mode])
        return dy

    return run_step(step, inputs, weights), without_weights(backward)


def _pad_gradient(dy: Array, axis: int, amounts: tuple[int, int], extent: int, mode: str) -> Array:
    """Return the gradient of padding along one axis: each cell's own, plus those of the cells that repeat it.

    `extent` is that of the input along the axis; negative amounts crop.
    """
    before, after = amounts
    lead = (slice(None),) * axis
    dx = np.zeros((*dy.shape[:axis], extent, *dy.shape[axis + 1 :]), dy.dtype)
    start, stop = max(0, -before), extent - max(0, -after)  # the cells that are not cropped
    if stop > start:
        dx[(*lead, slice(start, stop))] = dy[(*lead, slice(start + before, stop + before))]
    if mode == "constant":
        return dx
    sources = np.pad(np.arange(extent), [(max(0, before), max(0, after))], mode=mode)  # type: ignore[call-overload]
    sources = sources[max(0, -before) : len(sources) - max(0, -after)]
    for position, cell in enumerate(sources.tolist()):
        if not start + before <= position < stop + before:
            dx[(*lead, slice(cell, cell + 1))] += dy[(*lead, slice(position, position + 1))]
    return dx


def resize(step: Resize, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the input with its spatial axes scaled, and its backward function."""
    (x,) = inputs

    def backward(dy: Array) -> Array:
        for axis, (scaling, extent) in enumerate(zip(step.scalings, x.shape[1:-1], strict=True), 1):
            factor = scaling.whole_factor
            if factor == 1:
                continue
            if factor and step.moves_values:
                dy = dy.reshape(*dy.shape[:axis], extent, factor, *dy.shape[axis + 1 :]).sum(axis=axis + 1)
                continue
            # Resizing is linear: resizing each single cell gives the columns of its matrix.
            cells = np.eye(extent, dtype=x.dtype)[..., None]  # (extent, extent, 1)
            matrix = resizing.resize(cells, Resize((scaling,), step.interpolation))[..., 0]  # (extent, new extent)
            dy = np.moveaxis(np.tensordot(dy, matrix, axes=(axis, 1)), -1, axis)
        return dy

    return run_step(step, inputs, weights), without_weights(backward)


def change_shape(
    step: ChangeShape, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the same values in another shape, and the backward function."""
    return run_step(step, inputs, weights), without_weights(lambda dy: dy.reshape(inputs[0].shape))


def move_blocks(
    step: MoveBlocks, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the input with blocks of cells as channels, or the reverse, and the backward function."""
    back = replace(step, spread=not step.spread)
    return run_step(step, inputs, weights), without_weights(lambda dy: run_step(back, [dy], {}))


def move_axes(
    step: MoveAxes, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the input with its axes in another order, and the backward function."""
    order = np.argsort((0, *(axis + 1 for axis in step.axes)))
    return run_step(step, inputs, weights), without_weights(lambda dy: np.transpose(dy, order))
