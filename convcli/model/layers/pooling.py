"""Pooling: the maximum or the mean of each window, or of all space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Shape
from convcli.model.layers.arguments import (
    argument,
    boolean,
    data_format_name,
    optional,
    per_axis,
    word_or_pairs,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import GlobalPool, Pool, Step
from convcli.model.window import Padding, Window, sliding_windows


class Pooling(Layer, abstract=True):
    """A window slides over each channel; by default the strides are the window's size."""

    kind: ClassVar[Literal["max", "average"]]

    pool_size: tuple[int, ...] = argument(per_axis(), 2)
    strides: tuple[int, ...] | None = argument(optional(per_axis()), None)
    padding: Padding = argument(word_or_pairs("valid", "same", "same_lower", "full"), "valid")
    data_format: str | None = argument(data_format_name, None)
    dilation_rate: tuple[int, ...] = argument(per_axis(), 1, kw_only=True)
    ceil_mode: bool = argument(boolean, False, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        return (Pool(self.kind, self.windows(shapes[0][:-1])),)

    def windows(self, space: Shape) -> tuple[Window, ...]:
        """Return the window along each spatial axis of the input."""
        strides = self.strides or self.pool_size
        windows = sliding_windows(self.pool_size, strides, self.dilation_rate, self.padding, space)
        return tuple(replace(window, ceil=self.ceil_mode) for window in windows)


class MaxPooling(Pooling, abstract=True):
    """The maximum of each window; cells of the padding never are it."""

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
    """The mean of each window: of its input cells, with `count_include_pad` of its padding too."""

    kind = "average"

    count_include_pad: bool = argument(boolean, False, kw_only=True)

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
    """The maximum or the mean of each channel."""

    kind: ClassVar[Literal["max", "average"]]

    data_format: str | None = argument(data_format_name, None)
    keepdims: bool = argument(boolean, False)

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
