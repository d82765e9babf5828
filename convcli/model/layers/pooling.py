"""Pooling: the maximum or the mean of windows, or of all space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.base import Layer, argument, data_format_name, each_axis, flag, optional, padding, per_axis
from convcli.model.steps import GlobalPool, Pool, Step
from convcli.model.window import Padding, Window, sliding_window


class Pooling(Layer, abstract=True):
    """A window over each channel; the strides are the window's size unless given."""

    kind: ClassVar[Literal["max", "average"]]

    pool_size: tuple[int, ...] = argument(per_axis(), 2)
    strides: tuple[int, ...] | None = argument(optional(per_axis()), None)
    padding: Padding = argument(padding("valid", "same", "same_lower", "full"), "valid")
    data_format: str | None = argument(data_format_name, None)
    dilation_rate: tuple[int, ...] = argument(per_axis(), 1, kw_only=True)
    ceil_mode: bool = argument(flag, False, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pool(self.kind, self.windows(shapes[0][:-1])),)

    def windows(self, space: Shape) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        strides = self.strides or self.pool_size
        settings = each_axis(self.pool_size, strides, self.dilation_rate, self.padding)
        windows = (sliding_window(*setting, width) for setting, width in zip(settings, space, strict=True))
        return tuple(replace(each, ceil=self.ceil_mode) for each in windows)


class MaxPooling(Pooling, abstract=True):
    """The largest value of each window; empty cells never win."""

    kind = "max"


class MaxPooling1D(MaxPooling):
    rank = 1
    aliases = ("MaxPool1D",)


class MaxPooling2D(MaxPooling):
    rank = 2
    aliases = ("MaxPool2D",)


class MaxPooling3D(MaxPooling):
    rank = 3
    aliases = ("MaxPool3D",)


class AveragePooling(Pooling, abstract=True):
    """The mean of each window, over its input cells or, with `count_include_pad`, over its padding too."""

    kind = "average"

    count_include_pad: bool = argument(flag, False, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pool(self.kind, self.windows(shapes[0][:-1]), self.count_include_pad),)


class AveragePooling1D(AveragePooling):
    rank = 1
    aliases = ("AvgPool1D",)


class AveragePooling2D(AveragePooling):
    rank = 2
    aliases = ("AvgPool2D",)


class AveragePooling3D(AveragePooling):
    rank = 3
    aliases = ("AvgPool3D",)


class GlobalPooling(Layer, abstract=True):
    """One value a channel, from all of space."""

    kind: ClassVar[Literal["max", "average"]]

    data_format: str | None = argument(data_format_name, None)
    keepdims: bool = argument(flag, False)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (GlobalPool(self.kind, self.keepdims),)


class GlobalMaxPooling1D(GlobalPooling):
    rank = 1
    kind = "max"
    aliases = ("GlobalMaxPool1D",)


class GlobalMaxPooling2D(GlobalPooling):
    rank = 2
    kind = "max"
    aliases = ("GlobalMaxPool2D",)


class GlobalMaxPooling3D(GlobalPooling):
    rank = 3
    kind = "max"
    aliases = ("GlobalMaxPool3D",)


class GlobalAveragePooling1D(GlobalPooling):
    rank = 1
    kind = "average"
    aliases = ("GlobalAvgPool1D",)


class GlobalAveragePooling2D(GlobalPooling):
    rank = 2
    kind = "average"
    aliases = ("GlobalAvgPool2D",)


class GlobalAveragePooling3D(GlobalPooling):
    rank = 3
    kind = "average"
    aliases = ("GlobalAvgPool3D",)
