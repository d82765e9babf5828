"""Layers that move values about without computing: padding, cropping, enlarging, flattening, reordering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Shape, format_shape, product
from convcli.model import steps
from convcli.model.layers.base import Layer, argument, choice, data_format_name, pairs, per_axis
from convcli.model.steps import Pad, Resize, Step
from convcli.model.window import Pair


class ZeroPadding(Layer, abstract=True):
    """Rows of zeros around the input."""

    padding: tuple[Pair, ...] = argument(pairs, 1)
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
    """The input without its outer rows."""

    cropping: tuple[Pair, ...] = argument(pairs, 1)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pad(tuple((-before, -after) for before, after in self.cropping)),)


class Cropping1D(Cropping):
    rank = 1


class Cropping2D(Cropping):
    rank = 2

    cropping: tuple[Pair, ...] = argument(pairs, 0)  # Keras's default differs from that of 1-D and 3-D


class Cropping3D(Cropping):
    rank = 3


class UpSampling(Layer, abstract=True):
    """Each cell repeated along each spatial axis."""

    size: tuple[int, ...] = argument(per_axis(), 2)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(self.size),)


class UpSampling1D(UpSampling):
    rank = 1


class UpSampling2D(UpSampling):
    """Each cell repeated along both axes, or interpolated between neighbours."""

    rank = 2

    interpolation: Any = argument(choice("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(self.size, self.interpolation),)


class UpSampling3D(UpSampling):
    rank = 3


class Flatten(Layer):
    """All values in one row, channels last whatever the data format."""

    keeps_rank = False

    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (steps.ChangeShape((product(shapes[0]),)),)


def _in_model_order(step: Step, rank: int, rank_after: int, data_format: DataFormat) -> tuple[Step, ...]:
    """`step`, which speaks of the model's axis order, between the two permutations that lead there and back."""
    there, back = data_format.axis_order(rank), data_format.axis_order(rank_after)
    restored = tuple(back.index(axis) for axis in range(rank_after))
    around = (steps.MoveAxes(there), step, steps.MoveAxes(restored))
    idle = (steps.MoveAxes(tuple(range(rank))), steps.MoveAxes(tuple(range(rank_after))))
    return tuple(each for each in around if each not in idle)


def _target(value: Any, rank: int) -> tuple[int, ...]:
    extents = value if isinstance(value, list | tuple) else (value,)
    whole = all(isinstance(each, int) and not isinstance(each, bool) and (each > 0 or each == -1) for each in extents)
    if not whole or not extents or list(extents).count(-1) > 1:
        raise ConvcliError(f"{value!r}", "positive whole numbers, one of which may be -1")
    return tuple(extents)


class Reshape(Layer):
    """The same values in another shape, read in the model's axis order; -1 stands for what is left."""

    keeps_rank = False

    target_shape: tuple[int, ...] = argument(_target)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        shape = self._resolved(shapes[0])
        return _in_model_order(steps.ChangeShape(shape), len(shapes[0]), len(shape), data_format)

    @property
    def multiple(self) -> int:
        """What the number of values must be a multiple of."""
        return abs(product(self.target_shape) or 1)

    def _resolved(self, shape: Shape) -> Shape:
        if -1 not in self.target_shape:
            return self.target_shape
        total, rest = product(shape), self.multiple
        if total is not None and total % rest:
            raise ConvcliError(
                f"{format_shape(shape)} holds {total} values, which {format_shape(self.target_shape)} does not divide",
                f"a multiple of {rest}",
            )
        left = None if total is None else total // rest
        return tuple(left if each == -1 else each for each in self.target_shape)


def _order(value: Any, rank: int) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(type(each) is int for each in value)
    if not whole or not value or sorted(value) != list(range(1, len(value) + 1)):
        raise ConvcliError(f"{value!r}", "the numbers of all axes but the batch, from 1, in their new order")
    return tuple(value)


class Permute(Layer):
    """The axes in another order, counted from 1 (0 is the batch) in the model's axis order."""

    dims: tuple[int, ...] = argument(_order)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(self.dims)
        if rank != len(shapes[0]):
            raise ConvcliError(f"dims {list(self.dims)} for an input of {len(shapes[0])} axes", "one number an axis")
        return _in_model_order(steps.MoveAxes(tuple(each - 1 for each in self.dims)), rank, rank, data_format)
