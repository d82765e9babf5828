"""The base of all steps, and the weights that steps read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.errors import located
from convcli.core.records import Record
from convcli.core.shapes import Extent, Shape, axis_names, known, product
from convcli.model.receptive_field import AxisField, ReceptiveField, TracedAxis, trace_axes, traced_on
from convcli.model.window import Window


class Weight(Record):
    """A weight of a layer: its Keras name, and its shape in Keras's layout.

    Args:
        name: the name, such as `kernel`.
        shape: the shape; an extent that follows from an unknown extent of the input is None.
        initial: how it is drawn where nothing else determines it: `glorot_uniform`, or the number that fills it.
        trainable: whether training changes it.
        required: whether a step reads it; one that no step reads counts as a parameter only.
    """

    name: str
    shape: Shape
    initial: float | Literal["glorot_uniform"] = 0.0
    trainable: bool = True
    required: bool = True

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape as that of an array; no extent may be unknown."""
        return tuple(map(known, self.shape))

    @property
    def size(self) -> Extent:
        """The number of parameters."""
        return product(self.shape)


class Step(Record):
    """A step; the answers of this class are those of a step without weights that keeps the shape and mixes no cells."""

    is_view: ClassVar[bool] = False  # the output is the memory of the input under another shape
    keeps_channels: ClassVar[bool] = False  # each output channel comes from the input channel of the same number

    @property
    def moves_values(self) -> bool:
        """True if each output value is one of the input values, or padding."""
        return False

    @property
    def weights(self) -> tuple[Weight, ...]:
        """The weights that the step reads."""
        return ()

    def output_shape(self, *shapes: Shape) -> Shape:
        """Return the output shape for the shapes of the inputs. Raises `ConvcliError` where they do not fit."""
        return shapes[0]

    def statistics_axes(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes whose cells it mixes by statistics, which do not count in a receptive field."""
        return ()

    def macs(self, shape: Shape) -> Extent:
        """Return the multiply-accumulates by kernel weights, for one sample of this input shape."""
        return 0

    def is_isotropic(self, *shapes: Shape) -> bool:
        """Return whether the step surely treats all spatial axes of its inputs alike."""
        return True

    def trace(self, fields: Sequence[ReceptiveField | None], shapes: Sequence[Shape]) -> ReceptiveField:
        """Return the receptive field of the output on one model input.

        `fields` and `shapes` are those of the step's inputs; the field is None for one that does not depend on that
        model input.
        """
        (field,) = fields
        assert field is not None
        return self.trace_single(field, shapes[0])

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        """Return the receptive field of the output, for a step of one input with this field and shape."""
        return field


def output_space(windows: Sequence[Window], space: Shape) -> Shape:
    """Return the output extents of windows that slide along the spatial axes. Raises `ConvcliError`."""
    extents = []
    for name, window, extent in zip(axis_names(len(windows)), windows, space, strict=True):
        with located(name):
            extents.append(window.output_extent(extent))
    return tuple(extents)


def trace_windows(windows: Sequence[Window], field: ReceptiveField) -> ReceptiveField:
    """Return the receptive field of what windows make, one along each spatial axis."""

    def trace(axis: TracedAxis) -> AxisField:
        slides = axis.axis < len(windows)  # else the axis lies among the channels
        return traced_on(axis.axis, axis.field.through(windows[axis.axis])) if slides else axis

    return trace_axes(field, trace)


def mixes_some_space(axes: Sequence[int], shape: Shape) -> bool:
    """Return whether the axes are some of a sample's spatial axes, but not all of them."""
    space = set(range(len(shape) - 1))
    return space.intersection(axes) not in (set(), space)
