"""Layers that move values: padding, cropping, upsampling, flattening, another shape or order of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.shapes import DataFormat, Shape, format_shape, product
from convcli.model.layers.arguments import argument, choice, data_format_name, pairs_per_axis, per_axis
from convcli.model.layers.base import Layer
from convcli.model.steps import ChangeShape, MoveAxes, Pad, Resize, Step
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


class UpSampling(Layer, abstract=True):
    """Repeats each cell along each spatial axis."""

    size: tuple[int, ...] = argument(per_axis(), 2)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(self.size),)


class UpSampling1D(UpSampling):
    rank = 1


class UpSampling2D(UpSampling):
    """Repeats each cell along both axes, or interpolates between cells."""

    rank = 2

    interpolation: Any = argument(choice("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(self.size, self.interpolation),)


class UpSampling3D(UpSampling):
    rank = 3


class Flatten(Layer):
    """Lays all values along one axis, with the channels last whatever the data format."""

    keeps_rank = False

    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (ChangeShape((product(shapes[0]),)),)


def in_model_order(step: Step, input_rank: int, output_rank: int, data_format: DataFormat) -> tuple[Step, ...]:
    """Return a step that counts axes in the model's order, between the two that lead to that order and back."""
    to_model, from_model = data_format.axis_order(input_rank), data_format.axis_order(output_rank)
    back = tuple(from_model.index(axis) for axis in range(output_rank))
    steps = (MoveAxes(to_model), step, MoveAxes(back))
    without_effect = (MoveAxes(tuple(range(input_rank))), MoveAxes(tuple(range(output_rank))))
    return tuple(step for step in steps if step not in without_effect)


def target_shape(value: Any, rank: int) -> tuple[int, ...]:
    """Read a shape in which one extent may be -1."""
    extents = value if isinstance(value, list | tuple) else (value,)
    valid = all(isinstance(item, int) and not isinstance(item, bool) and (item > 0 or item == -1) for item in extents)
    if not valid or not extents or list(extents).count(-1) > 1:
        raise ConvcliError(short_repr(value), "positive whole numbers, one of which may be -1")
    return tuple(extents)


class Reshape(Layer):
    """Gives the values another shape, in the model's axis order; -1 stands for what is left."""

    keeps_rank = False

    target_shape: tuple[int, ...] = argument(target_shape)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        shape = self._resolved(shapes[0])
        return in_model_order(ChangeShape(shape), len(shapes[0]), len(shape), data_format)

    @property
    def multiple(self) -> int:
        """The number that must divide the number of values."""
        return abs(product(self.target_shape) or 1)

    def _resolved(self, shape: Shape) -> Shape:
        if -1 not in self.target_shape:
            return self.target_shape
        values = product(shape)
        if values is not None and values % self.multiple:
            raise ConvcliError(
                f"{format_shape(shape)} holds {values} values, which {format_shape(self.target_shape)} does not divide",
                f"a multiple of {self.multiple}",
            )
        rest = None if values is None else values // self.multiple
        return tuple(rest if extent == -1 else extent for extent in self.target_shape)


def axis_order(value: Any, rank: int) -> tuple[int, ...]:
    """Read an order of all axes but the batch, counted from 1."""
    whole = isinstance(value, list | tuple) and all(type(item) is int for item in value)
    if not whole or not value or sorted(value) != list(range(1, len(value) + 1)):
        raise ConvcliError(short_repr(value), "the numbers of all axes but the batch, from 1, in their new order")
    return tuple(value)


class Permute(Layer):
    """Puts the axes in another order, counted from 1 (0 is the batch) in the model's axis order."""

    dims: tuple[int, ...] = argument(axis_order)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(self.dims)
        if rank != len(shapes[0]):
            raise ConvcliError(f"dims {list(self.dims)} for an input of {len(shapes[0])} axes", "one number an axis")
        return in_model_order(MoveAxes(tuple(axis - 1 for axis in self.dims)), rank, rank, data_format)
