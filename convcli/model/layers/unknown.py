"""A layer that convcli lacks, as far as its file tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.shapes import UNKNOWN_SHAPE, DataFormat, Shape
from convcli.model.layers.arguments import argument, optional, whole_number
from convcli.model.layers.base import Layer
from convcli.model.steps import Opaque, Step, Weight

UNKNOWN = "unknown"  # its type in a plain mapping


def read_text(value: Any, rank: int) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise ConvcliError(short_repr(value), "text")
    return value


def read_shape(value: Any, rank: int) -> Shape:
    """Read a shape; an extent that is not known is None."""
    if not isinstance(value, list | tuple):
        raise ConvcliError(short_repr(value), "a list of extents, null where one is not known")
    return tuple(optional(whole_number())(extent, rank) for extent in value)


def read_shapes(value: Any, rank: int) -> tuple[Shape, ...]:
    """Read a list of shapes."""
    if not isinstance(value, list | tuple):
        raise ConvcliError(short_repr(value), "a list of shapes")
    return tuple(read_shape(item, rank) for item in value)


def weights_of_shapes(shapes: Sequence[Shape] | None) -> tuple[Weight, ...]:
    """Return weights of these shapes; None stands for weights of which nothing is told."""
    if shapes is None:
        return (Weight("weights", (None,)),)
    return tuple(Weight(str(index), own) for index, own in enumerate(shapes))


class UnknownLayer(Layer, abstract=True):
    """A layer whose computation is not known, of which the file may tell shapes; it cannot be applied.

    Args:
        class_name: its class, as the file calls it.
        reason: why it is not known, as the predicate of a sentence whose subject is the class.
        output_shape: the shape of one sample of its output, in the model's data format, None where it is not told.
        weights: the shapes of its weights, None where they are not told.
    """

    input_count = (1, None)
    keeps_rank = False

    class_name: str = argument(read_text)
    reason: str = argument(read_text, "is not a layer that convcli has")
    output_shape: Shape | None = argument(optional(read_shape), None)
    weights: tuple[Shape, ...] | None = argument(optional(read_shapes), None)

    @property
    def type_name(self) -> str:
        return self.class_name

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        told = UNKNOWN_SHAPE if self.output_shape is None else data_format.to_channels_last(self.output_shape)
        return (Opaque(told, weights_of_shapes(self.weights)),)
