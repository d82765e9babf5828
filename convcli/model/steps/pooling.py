"""Steps that pool: the maximum or the mean of many cells of a channel."""

from __future__ import annotations

from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Shape
from convcli.model.receptive_field import ReceptiveField, TracedAxis, mix_axes, trace_axes
from convcli.model.steps.base import Step, output_space, trace_windows
from convcli.model.window import Window


class Pool(Step):
    """Take the maximum or the mean of each window, channel by channel.

    Cells of the padding never are the maximum; they count in the mean (as zeros) only with `count_padding`.
    """

    keeps_channels: ClassVar[bool] = True

    kind: Literal["max", "average"]
    windows: tuple[Window, ...]
    count_padding: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        for window in self.windows:
            padding = max(window.before, window.after)
            if padding >= window.extent:
                raise ConvcliError(
                    f"padding of {padding} around windows of {window.extent} cells",
                    "less than a window, so that each holds some input",
                )
        return (*output_space(self.windows, shapes[0][:-1]), shapes[0][-1])

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.windows)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        return trace_windows(self.windows, field)


class GlobalPool(Step):
    """Take the maximum or the mean over all spatial axes; `keepdims` keeps them with extent 1."""

    keeps_channels: ClassVar[bool] = True

    kind: Literal["max", "average"]
    keepdims: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        *space, channels = shapes[0]
        return (*(1 for _ in space if self.keepdims), channels)

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        rank = len(shape) - 1
        mixed = mix_axes(range(rank), field)
        return mixed if self.keepdims else trace_axes(mixed, lambda axis: TracedAxis(axis.axis - rank, axis.field))
