"""The gradients of pooling, over windows and over all of space.

The gradient by a mean is shared equally among its cells. The gradient by a maximum goes to the cell that is the
maximum. Of equal cells in a window the first takes it all; of equal cells in all of space each takes the same share.
TensorFlow's `max_pool` and `reduce_max` do so too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.shapes import known
from convcli.engine.algorithms.im2col import padded_input
from convcli.engine.algorithms.pooling import divisors, windows_on_input
from convcli.engine.run_step import run_step
from convcli.learning.gradients.context import Backward, PassContext, Weights, without_weights
from convcli.model.steps import AdaptivePool, GlobalPool, Pool
from convcli.model.window import Window

Index = tuple[slice, ...]


def pool(step: Pool, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the maximum or the mean of each window, `(batch, *positions, channels)`, and its backward function."""
    (x,) = inputs
    everywhere = _all_positions(step.windows, x.shape)
    counts = divisors(step, x, everywhere) if step.kind == "average" else None
    step = replace(step, windows=windows_on_input(step.windows, x.shape[1:-1], everywhere))
    padded = _padded(step, x, context)
    spanned = padded.shape
    combine = np.maximum if step.kind == "max" else np.add
    first, *others = _window_cells(step.windows, x.shape)
    y = padded[first].copy()
    for cells in others:
        combine(y, padded[cells], out=y)
    if counts is None:
        return y, without_weights(lambda dy: _max_gradient(step, x, y, dy, context))
    np.divide(y, counts, out=y)
    return y, without_weights(lambda dy: _mean_gradient(step, x, dy / counts, spanned))


def _max_gradient(step: Pool, x: Array, y: Array, dy: Array, context: PassContext) -> Array:
    padded = _padded(step, x, context)
    dx = np.zeros(padded.shape, x.dtype)
    undecided = np.ones(dy.shape, bool)  # positions whose maximum has not been met yet: the first cell takes it all
    for cells in _window_cells(step.windows, x.shape):
        is_maximum = undecided & (padded[cells] == y)
        dx[cells] += dy * is_maximum
        undecided &= ~is_maximum
    return _without_padding(dx, step.windows, x.shape)


def _mean_gradient(step: Pool, x: Array, share: Array, spanned: Sequence[int]) -> Array:
    """Return the gradient by the input; `share` is that by each cell of a window, at each position."""
    dx = np.zeros(spanned, x.dtype)
    for cells in _window_cells(step.windows, x.shape):
        dx[cells] += share
    return _without_padding(dx, step.windows, x.shape)


def _positions(windows: Sequence[Window], shape: Sequence[int]) -> list[int]:
    return [known(window.output_extent(extent)) for window, extent in zip(windows, shape[1:-1], strict=True)]


def _all_positions(windows: Sequence[Window], shape: Sequence[int]) -> Index:
    """Return the whole output as a block: `(batch, *positions)`."""
    return tuple(slice(0, count) for count in (shape[0], *_positions(windows, shape)))


def _padded(step: Pool, x: Array, context: PassContext) -> Array:
    """Return the cells that all windows span, padding included. Valid until this thread's next call."""
    empty = -np.inf if step.kind == "max" else 0.0
    return padded_input(x, step.windows, _all_positions(step.windows, x.shape), context.workers, empty)


def _window_cells(windows: Sequence[Window], shape: Sequence[int]) -> list[Index]:
    """Return, for each cell of a window, the index of the padded input that selects it at every position."""
    positions = _positions(windows, shape)
    indices = []
    for offsets in np.ndindex(*(window.size for window in windows)):
        index = [slice(None)]
        for offset, window, count in zip(offsets, windows, positions, strict=True):
            first = offset * window.dilation
            index.append(slice(first, first + (count - 1) * window.stride + 1, window.stride))
        indices.append(tuple(index))
    return indices


def _without_padding(padded: Array, windows: Sequence[Window], shape: Sequence[int]) -> Array:
    """Return the part of an array over the padded input that lies on the input; zero where no window spans that."""
    if all(window.before == 0 for window in windows) and padded.shape == tuple(shape):
        return padded
    result = np.zeros(shape, padded.dtype)
    target: list[slice] = [slice(None)]
    source: list[slice] = [slice(None)]
    for window, extent, spanned in zip(windows, shape[1:-1], padded.shape[1:-1], strict=True):
        start, stop = max(0, -window.before), min(extent, spanned - window.before)
        target.append(slice(start, stop))
        source.append(slice(start + window.before, stop + window.before))
    result[tuple(target)] = padded[tuple(source)]
    return result


def adaptive_pool(
    step: AdaptivePool, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the maximum or the mean of windows whose size follows from their number, and its backward function."""
    (x,) = inputs
    y = run_step(step, inputs, weights)

    def backward(dy: Array) -> Array:
        dx = np.zeros_like(x)
        for position in np.ndindex(y.shape[1:-1]):
            spans = (window.span(index) for window, index in zip(step.windows, position, strict=True))
            cells = (slice(None), *(slice(*span) for span in spans))
            at = (slice(None), *position)
            dx[cells] += _window_gradient(step.kind, x[cells], dy[at])
        return dx

    return y, without_weights(backward)


def _window_gradient(kind: str, x: Array, dy: Array) -> Array:
    """Return the gradient by the cells of one window: equal shares, or all of it at the first maximum."""
    flat = x.reshape(len(x), -1, x.shape[-1])  # (samples, cells, channels)
    if kind == "average":
        return np.broadcast_to((dy / flat.shape[1])[:, None], flat.shape).reshape(x.shape)
    is_first = np.arange(flat.shape[1])[:, None] == flat.argmax(axis=1)[:, None]
    return np.asarray(is_first * dy[:, None]).reshape(x.shape)


def global_pool(
    step: GlobalPool, inputs: Sequence[Array], weights: Weights, context: PassContext
) -> tuple[Array, Backward]:
    """Return the maximum or the mean over all spatial axes, and its backward function."""
    (x,) = inputs
    y = run_step(step, inputs, weights)
    space = tuple(range(1, x.ndim - 1))

    def with_space(value: Array) -> Array:
        return value if step.keepdims else np.expand_dims(value, space)

    def backward(dy: Array) -> Array:
        dy = with_space(dy)
        if step.kind == "average":
            return np.broadcast_to(dy / np.prod([x.shape[axis] for axis in space], dtype=dy.dtype), x.shape)
        is_maximum = x == with_space(y)
        return np.asarray(is_maximum * (dy / np.sum(is_maximum, axis=space, keepdims=True, dtype=dy.dtype)))

    return y, without_weights(backward)
