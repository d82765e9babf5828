"""Layers that move values: upsampling, flattening, another shape or order of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

from convcli.core.errors import ConvcliError, short_repr
from convcli.core.shapes import DataFormat, Shape, format_shape, product, quotient
from convcli.model.layers.arguments import (
    argument,
    axis_number,
    boolean,
    choice,
    data_format_name,
    numbers,
    optional,
    per_axis,
    real_number,
    whole_number,
)
from convcli.model.layers.base import Layer
from convcli.model.scaling import Scaling
from convcli.model.steps import ChangeShape, MoveAxes, MoveBlocks, Resize, Step


class UpSampling(Layer, abstract=True):
    """Repeats each cell along each spatial axis."""

    size: tuple[int, ...] = argument(per_axis(), 2)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(tuple(map(Scaling, self.size))),)


class UpSampling1D(UpSampling):
    rank = 1


class UpSampling2D(UpSampling):
    """Repeats each cell along both axes, or interpolates between cells."""

    rank = 2

    interpolation: Any = argument(choice("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Resize(tuple(map(Scaling, self.size)), self.interpolation),)


class UpSampling3D(UpSampling):
    rank = 3


UPSAMPLE_MODES: dict[
    str, tuple[Any, int | None]
] = {  # by PyTorch's name: the interpolation, and the rank that it is for
    "nearest": ("nearest", None),
    "nearest-exact": ("nearest_exact", None),
    "linear": ("bilinear", 1),
    "bilinear": ("bilinear", 2),
    "trilinear": ("bilinear", 3),
    "bicubic": ("bicubic_clamped", 2),
}


class Upsample(Layer):
    """Scales the spatial axes to a size or by a factor, as PyTorch does.

    `align_corners` keeps the centres of the outermost cells where they are. `recompute_scale_factor` derives positions
    from the two sizes although a factor is given.
    """

    size: tuple[int, ...] | None = argument(optional(numbers(whole_number())), None)
    scale_factor: tuple[float, ...] | None = argument(optional(numbers(real_number)), None)
    mode: str = argument(choice(*UPSAMPLE_MODES), "nearest")
    align_corners: bool | None = argument(optional(boolean), None)
    recompute_scale_factor: bool | None = argument(optional(boolean), None)

    def _check_arguments(self) -> None:
        if (self.size is None) == (self.scale_factor is None):
            both = self.size is not None
            raise ConvcliError("both size and scale_factor" if both else "no size and no scale_factor", "one of them")
        if not all(0 < factor < inf for factor in self.scale_factor or ()):
            raise ConvcliError(f"scale_factor: {list(self.scale_factor or ())}", "numbers above 0")
        if self.align_corners is not None and self.mode.startswith("nearest"):
            raise ConvcliError(f"align_corners with the mode {self.mode}", "a mode that interpolates")

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        self._check_arguments()
        rank = len(shapes[0]) - 1
        interpolation, own_rank = UPSAMPLE_MODES[self.mode]
        if own_rank not in (None, rank):
            mode = next((name for name, value in UPSAMPLE_MODES.items() if value == (interpolation, rank)), "nearest")
            raise ConvcliError(f"mode {self.mode} for {rank} spatial axes", mode)
        sizes, factors = (self._per_axis(value, rank) for value in (self.size, self.scale_factor))
        aligned, recompute = bool(self.align_corners), bool(self.recompute_scale_factor)
        scalings = (Scaling(factor, size, aligned, recompute) for size, factor in zip(sizes, factors, strict=True))
        return (Resize(tuple(scalings), interpolation),)

    @staticmethod
    def _per_axis(value: tuple[Any, ...] | None, rank: int) -> tuple[Any, ...]:
        if value is None or len(value) == 1:
            return (value and value[0],) * rank
        if len(value) != rank:
            raise ConvcliError(short_repr(list(value)), f"one number, or one for each of the {rank} spatial axes")
        return value


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
        shape = resolved_shape(self.target_shape, shapes[0])
        return in_model_order(ChangeShape(shape), len(shapes[0]), len(shape), data_format)

    @property
    def multiple(self) -> int:
        """The number that must divide the number of values."""
        return abs(prod(self.target_shape))


def resolved_shape(target: tuple[int, ...], shape: Shape) -> Shape:
    """Return a target shape with its -1 replaced by what is left of the values of `shape`. Raises `ConvcliError`."""
    if -1 not in target:
        return target
    values, multiple = product(shape), abs(prod(target))
    if values is not None and values % multiple:
        raise ConvcliError(
            f"{format_shape(shape)} holds {values} values, which {format_shape(target)} does not divide",
            f"a multiple of {multiple}",
        )
    rest = None if values is None else values // multiple
    return tuple(rest if extent == -1 else extent for extent in target)


class FlattenAxes(Layer):
    """Lays the axes from `start_dim` to `end_dim` along one, in the model's axis order; 0 is the batch."""

    keeps_rank = False

    start_dim: int = argument(axis_number, 1)
    end_dim: int = argument(axis_number, -1)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        outer = data_format.from_channels_last(shapes[0])
        first, last = (axis_in_model_order(axis, len(outer)) for axis in (self.start_dim, self.end_dim))
        if first > last:
            raise ConvcliError(f"start_dim (={self.start_dim}) comes after end_dim (={self.end_dim})")
        shape = (*outer[:first], product(outer[first : last + 1]), *outer[last + 1 :])
        return in_model_order(ChangeShape(shape), len(outer), len(shape), data_format) if first < last else ()


class Unflatten(Layer):
    """Cuts one axis into several, in the model's axis order; one extent may be -1."""

    keeps_rank = False

    dim: int = argument(axis_number)
    unflattened_size: tuple[int, ...] = argument(target_shape)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        outer = data_format.from_channels_last(shapes[0])
        axis = axis_in_model_order(self.dim, len(outer))
        shape = (*outer[:axis], *resolved_shape(self.unflattened_size, outer[axis : axis + 1]), *outer[axis + 1 :])
        values, extents = product(outer[axis : axis + 1]), product(shape[axis : axis + len(self.unflattened_size)])
        if values != extents and None not in (values, extents):
            listed = format_shape(self.unflattened_size)
            raise ConvcliError(f"unflattened_size {listed} holds {extents} values, the axis {values}", "as many")
        return in_model_order(ChangeShape(shape), len(outer), len(shape), data_format)


class BlockLayer(Layer, abstract=True):
    """Moves values between the channels and blocks of cells of the last two axes, as long as wide."""

    rank = 2


class PixelShuffle(BlockLayer):
    """Spreads groups of channels over blocks of cells: (h, w, c·r²) becomes (h·r, w·r, c).

    Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016.
    """

    upscale_factor: int = argument(whole_number())

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (MoveBlocks((self.upscale_factor,) * 2, spread=True),)


class PixelUnshuffle(BlockLayer):
    """Gathers the cells of each block as channels: (h·r, w·r, c) becomes (h, w, c·r²)."""

    downscale_factor: int = argument(whole_number())

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (MoveBlocks((self.downscale_factor,) * 2, spread=False),)


class ChannelShuffle(Layer):
    """Takes the channels of each of `groups` in turn. Zhang et al., "ShuffleNet", 2018."""

    groups: int = argument(whole_number())

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, channels = shapes[0]
        if channels is not None and channels % self.groups:
            raise ConvcliError(f"channels (={channels}) must be divisible by groups (={self.groups})")
        rank = len(space)
        in_groups = ChangeShape((*space, self.groups, quotient(channels, self.groups)))
        return (in_groups, MoveAxes((*range(rank), rank + 1, rank)), ChangeShape(shapes[0]))


def axis_in_model_order(axis: int, rank: int) -> int:
    """Return the index of an axis of a sample of so many axes, in the model's order; 0 is the batch.

    Negative numbers count from the end. Raises `ConvcliError` for the batch, and where there is no such axis.
    """
    index = axis - 1 if axis > 0 else rank + axis
    if axis == 0 or not 0 <= index < rank:
        raise ConvcliError(f"axis {axis}: the input has {rank + 1}, with the batch", f"1 to {rank}, or -{rank} to -1")
    return index


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
