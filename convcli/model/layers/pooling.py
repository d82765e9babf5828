"""Pooling: the maximum or the mean of each window, or of all space."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, Literal

from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Shape
from convcli.model.adaptive_window import AdaptiveWindow
from convcli.model.layers.arguments import (
    argument,
    boolean,
    data_format_name,
    extents_or_none,
    optional,
    per_axis,
    positive_number,
    whole_number,
    word_or_pairs,
)
from convcli.model.layers.base import Layer
from convcli.model.steps import Activate, AdaptivePool, GlobalPool, Pool, Scale, Step
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
    """The mean of each window: of its input cells, with `count_include_pad` of its padding too.

    `divisor_override` is what the sum is divided by in place of the number of cells.
    """

    kind = "average"

    count_include_pad: bool = argument(boolean, False, kw_only=True)
    divisor_override: int | None = argument(optional(whole_number()), None, kw_only=True)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        windows = self.windows(shapes[0][:-1])
        return (Pool(self.kind, windows, self.count_include_pad, self.divisor_override),)


class AveragePooling1D(AveragePooling):
    rank = 1
    aliases = ("AvgPool1D",)


class AveragePooling2D(AveragePooling):
    rank = 2
    aliases = ("AvgPool2D",)


class AveragePooling3D(AveragePooling):
    rank = 3
    aliases = ("AvgPool3D",)


class LPPool(Layer, abstract=True):
    """The power average of each window: (Σ x^norm_type)^(1 / norm_type). By default the strides are the window's size.

    As in PyTorch, a window that hangs over the end counts as much as a whole one.
    """

    norm_type: float = argument(positive_number)
    kernel_size: tuple[int, ...] = argument(per_axis())
    strides: tuple[int, ...] | None = argument(optional(per_axis()), None)
    ceil_mode: bool = argument(boolean, False)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        strides, dilations = self.strides or self.kernel_size, (1,) * len(self.kernel_size)
        windows = sliding_windows(self.kernel_size, strides, dilations, "valid", shapes[0][:-1])
        return (
            Activate("power", (("exponent", self.norm_type),)),
            Pool("average", tuple(replace(window, ceil=self.ceil_mode) for window in windows)),
            Scale("affine", (), (float(prod(self.kernel_size)),)),
            Activate("power", (("exponent", 1 / self.norm_type),)),
        )


class LPPool1D(LPPool):
    rank = 1


class LPPool2D(LPPool):
    rank = 2


class LPPool3D(LPPool):
    rank = 3


class AdaptivePooling(Layer, abstract=True):
    """Pools to `output_size` cells whatever the input; where that does not divide it, neighbouring windows overlap."""

    kind: ClassVar[Literal["max", "average"]]

    output_size: tuple[int | None, ...] = argument(extents_or_none)
    data_format: str | None = argument(data_format_name, None)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        space = shapes[0][:-1]
        if all(count is None or count == cells for count, cells in zip(self.output_size, space, strict=True)):
            return ()
        if all(count == 1 for count in self.output_size):
            return (GlobalPool(self.kind, keepdims=True),)
        windows = tuple(
            AdaptiveWindow(cells, cells if count is None else count)
            for count, cells in zip(self.output_size, space, strict=True)
        )
        uniform = tuple(window for adaptive in windows if (window := adaptive.uniform))
        return (Pool(self.kind, uniform) if len(uniform) == len(windows) else AdaptivePool(self.kind, windows),)


class AdaptiveMaxPooling1D(AdaptivePooling):
    rank = 1
    kind = "max"


class AdaptiveMaxPooling2D(AdaptivePooling):
    rank = 2
    kind = "max"


class AdaptiveMaxPooling3D(AdaptivePooling):
    rank = 3
    kind = "max"


class AdaptiveAveragePooling1D(AdaptivePooling):
    rank = 1
    kind = "average"


class AdaptiveAveragePooling2D(AdaptivePooling):
    rank = 2
    kind = "average"


class AdaptiveAveragePooling3D(AdaptivePooling):
    rank = 3
    kind = "average"


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
