"""Layers that say another data format than their model's, as Keras allows."""

from __future__ import annotations

from collections.abc import Sequence

from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import Layer
from convcli.model.steps import MoveAxes, Step


def steps_in_own_order(layer: Layer, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
    """Return the steps of a layer in a model of this data format, on inputs of these shapes (channels last).

    A layer of another data format reads the axes of its input in its own way: what is a channel to the model may be
    space to the layer. Its steps then stand between two that put the axes in the layer's order and back. So do those of
    Keras's `Flatten()`, which says channels_last by default, behind a convolution that says channels_first.
    """
    own = getattr(layer, "data_format", None)
    if own in (None, data_format.value) or len(shapes) != 1:
        return layer.steps(shapes, data_format)
    own_format = DataFormat.parse(own)
    there = _order(len(shapes[0]), data_format, own_format)
    shape = tuple(shapes[0][axis] for axis in there)
    steps = layer.steps((shape,), own_format)
    for step in steps:
        shape = step.output_shape(shape)
    back = _order(len(shape), own_format, data_format)
    return (*_moves(there), *steps, *_moves(back))


def _order(rank: int, source: DataFormat, target: DataFormat) -> tuple[int, ...]:
    """Return, for each axis of a sample as `target` has it with channels last, its index as `source` has it."""
    outer = source.axis_order(rank)  # of the axes as users give them
    positions = target.axis_order(rank)
    return tuple(outer[positions.index(axis)] for axis in range(rank))


def _moves(axes: tuple[int, ...]) -> tuple[MoveAxes, ...]:
    return () if axes == tuple(range(len(axes))) else (MoveAxes(axes),)
