"""The reverse of broadcasting: where an operand was repeated along an axis, its gradient is the sum along that axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import DataFormat


def sum_to_weight(dy: Array, axes: Sequence[int], shape: Sequence[int]) -> Array:
    """Return the gradient by a weight of this shape that spans the sample axes `axes`, in this order.

    `dy` is the gradient by each repetition of the weight, `(batch, *sample)`. This is the reverse of the engine's
    `broadcast_weight`.
    """
    extents = dict(zip((axis + 1 for axis in axes), shape, strict=True)) if len(shape) == len(axes) else {}
    repeated = tuple(axis for axis in range(dy.ndim) if extents.get(axis, 1) == 1)
    total = np.sum(dy, axis=repeated)
    left = [axis for axis in sorted(extents) if extents[axis] != 1]  # the axes of `total`
    order = [left.index(axis + 1) for axis in axes if axis + 1 in left]
    return np.transpose(total, order).reshape(shape)


def sum_to_operand(dy: Array, shape: Sequence[int], data_format: DataFormat) -> Array:
    """Return the gradient by an operand of this shape, from that by the operand as it was broadcast.

    Both shapes are `(batch, *spatial, channels)`; the operand may have fewer axes. Shapes were aligned at their last
    axis in the order of the data format, so it is in this order that axes are summed.
    """
    order, own_order = data_format.axis_order(dy.ndim - 1), data_format.axis_order(len(shape) - 1)
    outer = np.transpose(dy, (0, *(axis + 1 for axis in order)))
    outer = np.sum(outer, axis=tuple(range(1, 1 + dy.ndim - len(shape))))  # the axes that the operand lacks
    repeated = tuple(
        position for position, axis in enumerate(own_order, 1) if shape[axis + 1] == 1 and outer.shape[position] != 1
    )
    outer = np.sum(outer, axis=repeated, keepdims=True)
    return np.transpose(outer, np.argsort((0, *(axis + 1 for axis in own_order))))
