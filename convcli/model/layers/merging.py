"""Layers that merge several inputs, tensors or numbers, into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import Layer, argument, axis_number, channel_axis, number, optional
from convcli.model.steps import Join, Step


class Merge(Layer, abstract=True):
    """Cell by cell over all inputs, whose shapes broadcast."""

    operands: ClassVar[tuple[int, int | None]] = (2, None)
    kind: ClassVar[Literal["sum", "mean", "product", "maximum", "minimum", "concatenate"]]

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Join(self.kind, data_format, coefficients=self.coefficients(len(shapes))),)

    def coefficients(self, count: int) -> tuple[float, ...]:
        """How many times each input is taken, where not once."""
        return ()


class Add(Merge):
    kind = "sum"


class Subtract(Merge):
    kind = "sum"
    operands = (2, 2)

    def coefficients(self, count: int) -> tuple[float, ...]:
        return (1, -1)


class Multiply(Merge):
    kind = "product"


class Average(Merge):
    kind = "mean"


class Maximum(Merge):
    kind = "maximum"


class Minimum(Merge):
    kind = "minimum"


class CustomScaleLayer(Merge):
    """x + scale·y, as in Inception-ResNet."""

    kind = "sum"
    operands = (2, 2)

    scale: float = argument(number)

    def coefficients(self, count: int) -> tuple[float, ...]:
        return (1, self.scale)


class Concatenate(Merge):
    """All inputs side by side along the axis."""

    kind = "concatenate"

    axis: int | None = argument(optional(axis_number), None)

    def check(self, shapes: Sequence[Shape], count: int) -> None:
        super().check(shapes, count)
        if len(shapes) < count:
            raise ConvcliError("a number has no place beside the others", "layers or inputs alone")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Join(self.kind, data_format, axis=channel_axis(self.axis, shapes[0], data_format)),)
