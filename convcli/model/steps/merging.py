"""The step that merges several values into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import DataFormat, Extent, Shape, format_shape, known, total
from convcli.model.receptive_field import (
    AxisField,
    ReceptiveField,
    TracedAxis,
    traced_on,
)
from convcli.model.steps.base import Step

MERGE_WORDS = {"hypot": "root of the sum of squares"}  # for the kinds that are not words of their own


class Merge(Step):
    """Merge several values cell by cell, or join them: lay them side by side along `axis`.

    Args:
        kind: the operation. `hypot` is the root of the sum of squares. `concatenate` joins one value after another,
            `interleave` the first cell along the axis of each value, then the second of each, and so on.
        data_format: the axis order in which shapes broadcast, as NumPy does it.
        constants: the numbers among the operands, by position.
        coefficients: in a sum, how many times each operand is taken; once each where empty.
        axis: the axis along which values are joined.
    """

    kind: Literal["sum", "mean", "product", "maximum", "minimum", "hypot", "concatenate", "interleave"]
    data_format: DataFormat = DataFormat.CHANNELS_LAST
    constants: tuple[tuple[int, float], ...] = ()
    coefficients: tuple[float, ...] = ()
    axis: int = -1

    @property
    def is_plain(self) -> bool:
        """True if the operands are values alone, each taken once."""
        return not self.coefficients and not self.constants

    @property
    def joins(self) -> bool:
        """True if the values are laid side by side."""
        return self.kind in ("concatenate", "interleave")

    @property
    def moves_values(self) -> bool:
        return self.joins

    def output_shape(self, *shapes: Shape) -> Shape:
        return self._joined(shapes) if self.joins else self._broadcast(shapes)

    def _broadcast(self, shapes: Sequence[Shape]) -> Shape:
        outer = [self.data_format.from_channels_last(shape) for shape in shapes]
        rank = max(map(len, outer))
        aligned = [(1,) * (rank - len(shape)) + shape for shape in outer]
        return self.data_format.to_channels_last(
            tuple(_broadcast_extent(shapes, extents) for extents in zip(*aligned, strict=True))
        )

    def _joined(self, shapes: Sequence[Shape]) -> Shape:
        listed = " and ".join(map(format_shape, shapes))
        if len({len(shape) for shape in shapes}) > 1:
            raise ConvcliError(f"cannot {self.kind} {listed}", "ranks must be equal")
        if self.kind == "interleave" and len({shape[self.axis] for shape in shapes} - {None}) > 1:
            raise ConvcliError(f"cannot interleave {listed}", "all extents must be equal")
        others = []
        for extents in zip(*((*shape[: self.axis], *shape[self.axis + 1 :]) for shape in shapes), strict=True):
            distinct = {extent for extent in extents if extent is not None}
            if len(distinct) > 1:
                raise ConvcliError(
                    f"cannot {self.kind} {listed}", f"all extents but those of the {self.kind}d axis must be equal"
                )
            others.append(next(iter(distinct), None))
        length = total(shape[self.axis] for shape in shapes)
        return (*others[: self.axis], length, *others[self.axis :])

    def is_isotropic(self, *shapes: Shape) -> bool:
        return not self.joins or self.axis in (-1, len(shapes[0]) - 1)

    def trace(self, fields: Sequence[ReceptiveField | None], shapes: Sequence[Shape]) -> ReceptiveField:
        """Return what a cell sees through any of the branches.

        A branch that sees the whole of an axis through global pooling or a reshape gives way to one with a window.
        Where the cells of a branch are repeated along an axis, or branches follow an input axis along different axes, a
        cell sees windows far apart, which counts as the whole.
        """
        output = self.output_shape(*shapes)
        branches = [
            self._aligned(field, shape, output)
            for field, shape in zip(fields, shapes, strict=True)
            if field is not None
        ]
        return tuple(_union(axis_fields) for axis_fields in zip(*branches, strict=True))

    def _aligned(self, field: ReceptiveField, shape: Shape, output: Shape) -> tuple[AxisField, ...]:
        """Return the receptive field of an operand by the axes of the output."""
        if self.joins:
            beside = [isinstance(seen, TracedAxis) and seen.axis == self.axis for seen in field]
            return tuple("whole" if apart else seen for apart, seen in zip(beside, field, strict=True))
        source, target = self.data_format.axis_order(len(shape)), self.data_format.axis_order(len(output))
        offset = len(output) - len(shape)  # broadcasting aligns the last axes
        output_axes = {axis: target[index + offset] for index, axis in enumerate(source)}

        def align(traced: TracedAxis) -> AxisField:
            axis = output_axes[traced.axis]
            if not shape[traced.axis] == 1 != output[axis]:
                return TracedAxis(axis, traced.field)
            repeated = None if output[axis] is None else traced.field.repeated(known(output[axis]))
            return "whole" if repeated is None else TracedAxis(axis, repeated)

        return tuple(align(seen) if isinstance(seen, TracedAxis) else seen for seen in field)


def _broadcast_extent(shapes: Sequence[Shape], extents: Sequence[Extent]) -> Extent:
    """Return the extent of an axis after broadcasting. Raises `ConvcliError`, which shows the shapes."""
    wide = {extent for extent in extents if extent != 1}
    if len(wide - {None}) > 1:
        shown = " and ".join(map(format_shape, shapes))
        raise ConvcliError(f"shapes {shown} do not broadcast", "extents must be equal, or 1")
    return next(iter(wide - {None} or wide), 1)


def _union(branches: Sequence[AxisField]) -> AxisField:
    """Return what a cell sees along one input axis through any of the branches."""
    traced = [seen for seen in branches if isinstance(seen, TracedAxis)]
    if "whole" in branches or len({seen.axis for seen in traced}) > 1:
        return "whole"
    if "unknown" in branches:
        return "unknown"
    if not traced:
        return None
    field: Any = traced[0].field
    for other in traced[1:]:
        field = field and field.union(other.field)
    return traced_on(traced[0].axis, field)
