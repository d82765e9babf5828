"""The step that applies an activation."""

from __future__ import annotations

from typing import ClassVar

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Shape
from convcli.model.receptive_field import ReceptiveField, mix_axes
from convcli.model.steps.base import Step, Weight, mixes_some_space


class Activate(Step):
    """Apply an activation.

    Args:
        function: the name in the register of activations.
        parameters: its parameters by name.
        axes: the axes whose cells it mixes, as softmax does; none for a function of each number by itself.
        slope: the learned slope of PReLU.
        slope_axes: the axes of the sample that the axes of the slope stand for.
    """

    keeps_channels: ClassVar[bool] = True

    function: str
    parameters: tuple[tuple[str, float | bool | None], ...] = ()
    axes: tuple[int, ...] = ()
    slope: Weight | None = None
    slope_axes: tuple[int, ...] = ()

    @property
    def is_elementwise(self) -> bool:
        """True for a function of each number by itself that is the same for all."""
        return self.slope is None and not self.axes

    @property
    def weights(self) -> tuple[Weight, ...]:
        return () if self.slope is None else (self.slope,)

    def output_shape(self, *shapes: Shape) -> Shape:
        if self.function != "glu":
            return shapes[0]
        (axis,) = self.axes
        extent = shapes[0][axis]
        if extent is not None and extent % 2:
            raise ConvcliError(f"glu halves its axis, which has {extent} cells", "an even number")
        half = None if extent is None else extent // 2
        return (*shapes[0][:axis], half, *shapes[0][axis + 1 :])

    def is_isotropic(self, *shapes: Shape) -> bool:
        return not mixes_some_space(self.axes, shapes[0])

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return mix_axes(self.axes, field)
