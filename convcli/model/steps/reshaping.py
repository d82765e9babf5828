"""Steps that move values: padding, resizing, another shape, another order of the axes."""

from __future__ import annotations

from fractions import Fraction
from math import floor, prod
from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError, located
from convcli.core.shapes import Extent, Shape, axis_names, format_shape, product, quotient
from convcli.model.padding_modes import PaddingMode, most_padding
from convcli.model.receptive_field import AxisField, ReceptiveField, TracedAxis, mix_axes, trace_axes, traced_on
from convcli.model.scaling import Scaling
from convcli.model.steps.base import Step, trace_windows
from convcli.model.window import Pair, Window


class Pad(Step):
    """Add cells before and after each spatial axis; a negative number removes cells.

    In the mode `zeros`, `value` is that of the added cells.
    """

    keeps_channels: ClassVar[bool] = True

    amounts: tuple[Pair, ...]
    mode: PaddingMode = "zeros"
    value: float = 0.0

    @property
    def only_crops(self) -> bool:
        """True if cells are removed and none added."""
        return all(max(pair) <= 0 for pair in self.amounts)

    @property
    def moves_values(self) -> bool:
        return self.value == 0

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        padded: list[Extent] = []
        for name, pair, extent in zip(axis_names(len(space)), self.amounts, space, strict=True):
            with located(name):
                padded.append(None if extent is None else self._padded(extent, pair))
        return (*padded, channels)

    def _padded(self, extent: int, pair: Pair) -> int:
        most = most_padding(self.mode, extent)
        if most is not None and max(pair) > most:
            raise ConvcliError(f"{self.mode} padding of {max(pair)} on {extent} cells", f"at most {most} here")
        if extent + sum(pair) < 1:
            raise ConvcliError(f"cropping {-pair[0]} + {-pair[1]} of {extent} cells leaves none")
        return extent + sum(pair)

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.amounts)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        def trace(axis: TracedAxis) -> AxisField:
            if axis.axis >= len(self.amounts):
                return axis
            return traced_on(axis.axis, axis.field.padded(*self.amounts[axis.axis], self.mode))

        return trace_axes(field, trace)


class Resize(Step):
    """Scale each spatial axis, by interpolation between the centres of the cells.

    `nearest` takes the cell in which a new cell begins, `nearest_exact` that in which its centre lies. `bicubic` leaves
    out the cells beyond the border; for `bicubic_clamped` they hold the value of the border, and the curve is steeper.
    """

    keeps_channels: ClassVar[bool] = True

    scalings: tuple[Scaling, ...]
    interpolation: Literal[
        "nearest", "nearest_exact", "bilinear", "bicubic", "bicubic_clamped", "lanczos3", "lanczos5"
    ] = "nearest"

    # The radius of the interpolating kernel in input cells.
    RADII: ClassVar[dict[str, int]] = {"bilinear": 1, "bicubic": 2, "bicubic_clamped": 2, "lanczos3": 3, "lanczos5": 5}

    @property
    def moves_values(self) -> bool:
        return self.interpolation not in self.RADII

    @property
    def whole_factors(self) -> tuple[int, ...] | None:
        """The factors if all are whole numbers and borders stay where they are, else None."""
        factors = tuple(factor for scaling in self.scalings if (factor := scaling.whole_factor))
        return factors if len(factors) == len(self.scalings) else None

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        extents = tuple(scaling.output_extent(extent) for scaling, extent in zip(self.scalings, space, strict=True))
        if 0 in extents:
            raise ConvcliError(f"{format_shape(shapes[0][:-1])} becomes {format_shape(extents)}", "larger factors")
        return (*extents, channels)

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.scalings)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        if self.whole_factors:
            return trace_windows([self._window(factor) for factor in self.whole_factors], field)
        return trace_axes(field, lambda axis: self._trace_axis(axis, shape))

    def _window(self, factor: int) -> Window:
        """Return the window over the stretched axis that sees the cells which the interpolation reads."""
        if self.moves_values or factor == 1:
            size, before = factor, factor - 1
        else:  # the cells of the stretched axis that are strictly nearer than the radius to the output cell's centre
            radius = self.RADII[self.interpolation] * factor
            size, before = 2 * radius - factor % 2, factor // 2 + radius - 1
        return Window(size, before=before, after=factor - 2 - before + size, upsample=factor)

    def _trace_axis(self, axis: TracedAxis, shape: Shape) -> AxisField:
        if axis.axis >= len(self.scalings):  # the axis lies among the channels
            return axis
        scaling, extent = self.scalings[axis.axis], shape[axis.axis]
        pattern = scaling.pattern(extent)
        if pattern is None:
            return "unknown"
        count, shift = pattern
        step = scaling.step(extent)
        assert step is not None
        spans = [self._span(cell, scaling, step) for cell in range(count)]
        return traced_on(axis.axis, axis.field.through_spans(spans, shift, scaling.output_extent(extent)))

    def _span(self, cell: int, scaling: Scaling, step: Fraction) -> tuple[int, int]:
        """Return the first and last cell that a new cell is made from, as if the axis had no border."""
        if self.moves_values:
            nearest = floor(cell * step if self.interpolation == "nearest" else (cell + Fraction(1, 2)) * step)
            return nearest, nearest
        centre, radius = cell * step + scaling.start(step), self.RADII[self.interpolation]
        if centre.denominator == 1:  # the kernel is zero at all other cells
            return int(centre), int(centre)
        return floor(centre) - radius + 1, floor(centre) + radius


class MoveBlocks(Step):
    """Spread the channels of each cell over a block of cells, or gather the cells of each block as channels.

    The channels of a gathered block come channel by channel, each with the cells of the block in order.
    """

    block: tuple[int, ...]  # its extent along each spatial axis
    spread: bool

    @property
    def moves_values(self) -> bool:
        return True

    @property
    def cells(self) -> int:
        """The number of cells of a block."""
        return prod(self.block)

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        if self.spread:
            _check_multiple("the channels", channels, self.cells)
            return (*(product(pair) for pair in zip(space, self.block, strict=True)), quotient(channels, self.cells))
        for name, extent, size in zip(axis_names(len(space)), space, self.block, strict=True):
            _check_multiple(name, extent, size)
        return (*map(quotient, space, self.block), product((channels, self.cells)))

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.block)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        field = mix_axes([len(self.block)], field)  # an axis that lies among the channels is cut up
        if self.spread:
            return trace_windows(
                [Window(size, 1, before=size - 1, after=size - 1, upsample=size) for size in self.block], field
            )
        return trace_windows([Window(size, size) for size in self.block], field)


def _check_multiple(name: str, extent: Extent, divisor: int) -> None:
    if extent is not None and extent % divisor:
        raise ConvcliError(f"{name} (={extent}) must be divisible by {divisor}")


class ChangeShape(Step):
    """Give the same values another shape; both are read with the last axis fastest."""

    is_view: ClassVar[bool] = True

    shape: Shape

    @property
    def moves_values(self) -> bool:
        return True

    def output_shape(self, *shapes: Shape) -> Shape:
        before, after = product(shapes[0]), product(self.shape)
        if before is not None and after is not None and before != after:
            raise ConvcliError(
                f"{format_shape(shapes[0])} holds {before} values, {format_shape(self.shape)} {after}",
                "the two must be equal",
            )
        return self.shape

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(shapes[0]) <= 1 or len(self.shape) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        if len(self.shape) == 1:  # a flattened value sees the whole, by convention even if all extents but one are 1
            return tuple(None for _ in field)
        return trace_axes(field, lambda axis: self._trace_axis(axis, shape))

    def _trace_axis(self, axis: TracedAxis, shape: Shape) -> AxisField:
        """Return the trace on the output axis that the same cells make up, if an axis surely does.

        That is an axis of the same extent, with equally many values in the axes before it or in those after it.
        """
        extent = shape[axis.axis]
        for index, candidate in enumerate(self.shape):
            same_before = _surely_as_many(shape[: axis.axis], self.shape[:index])
            same_after = _surely_as_many(shape[axis.axis + 1 :], self.shape[index + 1 :])
            # An unknown extent is the same only if the axes on both sides are.
            same = (same_before and same_after) if extent is None else (same_before or same_after)
            if candidate == extent and same:
                return TracedAxis(index, axis.field)
        return "unknown" if None in (*shape, *self.shape) else None


def _surely_as_many(shape: Shape, other: Shape) -> bool:
    """Return whether two shapes hold equally many values; False where an extent is unknown."""
    return product(shape) is not None and product(shape) == product(other)


class MoveAxes(Step):
    """Put the axes in another order: output axis i is input axis `axes[i]`."""

    is_view: ClassVar[bool] = True

    axes: tuple[int, ...]

    @property
    def moves_values(self) -> bool:
        return True

    def output_shape(self, *shapes: Shape) -> Shape:
        return tuple(shapes[0][axis] for axis in self.axes)

    def is_isotropic(self, *shapes: Shape) -> bool:
        return False

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return trace_axes(field, lambda axis: TracedAxis(self.axes.index(axis.axis), axis.field))
