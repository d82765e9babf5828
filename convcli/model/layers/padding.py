"""Layers that add cells around their input, or remove its outer cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.arguments import (
    argument,
    data_format_name,
    pairs_per_axis,
    real_number,
    signed_pairs_per_axis,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Pad, Step
from convcli.model.window import Pair


class ZeroPadding(Layer, abstract=True):
    """Adds zeros around the input."""

    padding: tuple[Pair, ...] = argument(pairs_per_axis, 1)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pad(self.padding),)


class ZeroPadding1D(ZeroPadding):
    rank = 1


class ZeroPadding2D(ZeroPadding):
    rank = 2


class ZeroPadding3D(ZeroPadding):
    rank = 3


class ConstantPad(Layer, abstract=True):
    """Adds cells of one value around the input; a negative number removes cells."""

    padding: tuple[Pair, ...] = argument(signed_pairs_per_axis)
    value: float = argument(real_number)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pad(self.padding, value=self.value),)


class ConstantPad1D(ConstantPad):
    rank = 1


class ConstantPad2D(ConstantPad):
    rank = 2


class ConstantPad3D(ConstantPad):
    rank = 3


class BorderPad(Layer, abstract=True):
    """Adds cells around the input that hold values of the input, in the layer's mode."""

    mode: ClassVar[Literal["reflect", "replicate", "circular"]]

    padding: tuple[Pair, ...] = argument(pairs_per_axis)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pad(self.padding, self.mode),)


class ReflectionPad(BorderPad, abstract=True):
    """Adds cells that mirror the input; the outermost cells are not repeated."""

    mode = "reflect"


class ReflectionPad1D(ReflectionPad):
    rank = 1


class ReflectionPad2D(ReflectionPad):
    rank = 2


class ReflectionPad3D(ReflectionPad):
    rank = 3


class ReplicationPad(BorderPad, abstract=True):
    """Adds cells that repeat the outermost cells of the input."""

    mode = "replicate"


class ReplicationPad1D(ReplicationPad):
    rank = 1


class ReplicationPad2D(ReplicationPad):
    rank = 2


class ReplicationPad3D(ReplicationPad):
    rank = 3


class CircularPad(BorderPad, abstract=True):
    """Adds cells as if the input were repeated without end."""

    mode = "circular"


class CircularPad1D(CircularPad):
    rank = 1


class CircularPad2D(CircularPad):
    rank = 2


class CircularPad3D(CircularPad):
    rank = 3


class Cropping(Layer, abstract=True):
    """Removes the outer cells of the input."""

    cropping: tuple[Pair, ...] = argument(pairs_per_axis, 1)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pad(tuple((-before, -after) for before, after in self.cropping)),)


class Cropping1D(Cropping):
    rank = 1


class Cropping2D(Cropping):
    rank = 2

    cropping: tuple[Pair, ...] = argument(pairs_per_axis, 0)  # Keras's default differs from that of 1-D and 3-D


class Cropping3D(Cropping):
    rank = 3
