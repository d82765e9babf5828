"""Layers that merge several inputs, values of layers or numbers, into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.arguments import argument, axis_number, channel_axis, optional, real_number
from convcli.model.layers.base import Layer
from convcli.model.steps import Merge, Step


class BroadcastMerge(Layer, abstract=True):
    """Merges its inputs cell by cell; their shapes broadcast as in NumPy."""

    input_count: ClassVar[tuple[int, int | None]] = (2, None)
    kind: ClassVar[Literal["sum", "mean", "product", "maximum", "minimum", "hypot"]]

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Merge(self.kind, data_format, coefficients=self.coefficients(len(shapes))),)

    def coefficients(self, count: int) -> tuple[float, ...]:
        """Return how many times each of `count` inputs is taken; empty where each is taken once."""
        return ()


class Add(BroadcastMerge):
    """Adds its inputs, whose shapes broadcast as in NumPy."""

    kind = "sum"


class Subtract(BroadcastMerge):
    """Subtracts the second of two inputs from the first; shapes broadcast as in NumPy."""

    kind = "sum"
    input_count = (2, 2)

    def coefficients(self, count: int) -> tuple[float, ...]:
        return (1, -1)


class Multiply(BroadcastMerge):
    """Multiplies its inputs cell by cell; shapes broadcast as in NumPy."""

    kind = "product"


class Average(BroadcastMerge):
    """Takes the mean of its inputs, cell by cell; shapes broadcast as in NumPy."""

    kind = "mean"


class Maximum(BroadcastMerge):
    """Takes the largest of its inputs, cell by cell; shapes broadcast as in NumPy."""

    kind = "maximum"


class Minimum(BroadcastMerge):
    """Takes the smallest of its inputs, cell by cell; shapes broadcast as in NumPy."""

    kind = "minimum"


class Hypot(BroadcastMerge):
    """√(x² + y² + …): how long the gradient is whose parts along the axes are the inputs."""

    kind = "hypot"


class CustomScaleLayer(BroadcastMerge):
    """x + scale·y. Szegedy et al., "Inception-v4, Inception-ResNet", 2016."""

    kind = "sum"
    input_count = (2, 2)

    scale: float = argument(real_number)

    def coefficients(self, count: int) -> tuple[float, ...]:
        return (1, self.scale)


class JoiningLayer(Layer, abstract=True):
    """Lays all inputs side by side along the axis."""

    input_count: ClassVar[tuple[int, int | None]] = (2, None)
    kind: ClassVar[Literal["concatenate", "interleave"]]

    axis: int | None = argument(optional(axis_number), None)

    def check_inputs(self, shapes: Sequence[Shape], count: int) -> None:
        super().check_inputs(shapes, count)
        if len(shapes) < count:
            raise ConvcliError("a number has no place beside the others", "layers or inputs alone")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Merge(self.kind, data_format, axis=channel_axis(self.axis, shapes[0], data_format)),)


class Concatenate(JoiningLayer):
    """Lays all inputs side by side along the axis."""

    kind = "concatenate"


class Interleave(JoiningLayer):
    """Lays all inputs side by side in turn: the first channel of each, then the second of each, and so on."""

    kind = "interleave"
