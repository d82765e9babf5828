"""Steps that pool: the maximum or the mean of many cells of a channel."""

from __future__ import annotations

from typing import ClassVar, Literal

from convcli.core.errors import ConvcliError
from convcli.core.shapes import Shape
from convcli.model.adaptive_window import AdaptiveWindow
from convcli.model.receptive_field import (
    MOST_WORK,
    AxisField,
    ReceptiveField,
    TracedAxis,
    mix_axes,
    trace_axes,
    traced_on,
)
from convcli.model.steps.base import Step, output_space, trace_windows
from convcli.model.window import Window


class Pool(Step):
    """Take the maximum or the mean of each window, channel by channel.

    Cells of the padding never are the maximum; they count in the mean (as zeros) only with `count_padding`. With a
    `divisor`, the sum of the window is divided by it in place of the number of cells.
    """

    keeps_channels: ClassVar[bool] = True

    kind: Literal["max", "average"]
    windows: tuple[Window, ...]
    count_padding: bool = False
    divisor: int | None = None

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


class AdaptivePool(Step):
    """Take the maximum or the mean of windows whose size follows from their number, channel by channel."""

    keeps_channels: ClassVar[bool] = True

    kind: Literal["max", "average"]
    windows: tuple[AdaptiveWindow, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*(window.output_extent for window in self.windows), shapes[0][-1])

    def is_isotropic(self, *shapes: Shape) -> bool:
        return len(set(self.windows)) <= 1

    def trace_single(self, field: ReceptiveField, shape: Shape) -> ReceptiveField:
        single = (axis for axis, window in enumerate(self.windows) if window.count == 1)
        whole = mix_axes(single, field, gives_way=True)
        return trace_axes(whole, self._trace_axis)

    def _trace_axis(self, axis: TracedAxis) -> AxisField:
        if axis.axis >= len(self.windows):  # the axis lies among the channels
            return axis
        window = self.windows[axis.axis]
        if window.count is None:  # each cell by itself
            return axis
        if window.cells is None or window.count > MOST_WORK:
            return "unknown"
        spans = [(begin, end - 1) for begin, end in window.spans()]
        return traced_on(axis.axis, axis.field.through_spans(spans, window.cells, window.output_extent))


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
        mixed = mix_axes(range(rank), field, gives_way=True)
        return mixed if self.keepdims else trace_axes(mixed, lambda axis: TracedAxis(axis.axis - rank, axis.field))
