"""Convolutions of every kind, and the dense layer, which is one without windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from convcli.core.errors import ConvcliError, located
from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Extent, Shape, axis_names, format_shape, product
from convcli.model.layers.base import (
    Layer,
    activate,
    activation_name,
    argument,
    axis_number,
    channel_axis,
    choice,
    data_format_name,
    each_axis,
    flag,
    optional,
    padding,
    per_axis,
    whole,
)
from convcli.model.steps import Correlate, MoveAxes, Pad, Step, Weight
from convcli.model.window import Padding, Window, sliding_window, transposed_window


class ActivatedLayer(Layer, abstract=True, kw_only=True):
    """A layer that may end in a bias and an activation."""

    activation: str | None = argument(activation_name, None)
    use_bias: bool = argument(flag, True)


class KernelLayer(ActivatedLayer, abstract=True, kw_only=True):
    """A layer with one kernel, which the model may hold, whole or as filters.

    `KERNEL_AXES` are the letters of the stored kernel's axes after its spatial ones: `I` in, `O` out. `depth` is how
    many channels each filter held in the model sees, None where the model holds none.
    """

    KERNEL_AXES: ClassVar[str] = "IO"

    depth: int | None = argument(optional(whole()), None, derived=True)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        """The arguments that a kernel of this shape, in Keras's layout, implies."""
        return {"filters": shape[-1], "kernel_size": shape[:-2], "depth": shape[-2]}

    @classmethod
    def arguments_from_filters(cls, size: tuple[int, ...], depth: int | None, count: int) -> dict[str, Any]:
        """The arguments that `count` filters of this size and depth imply; depth None is a filter without channels."""
        return {"filters": count, "kernel_size": size, "depth": depth or 1}

    def channels_per_filter(self, channels: Extent, groups: int = 1, hint: str | None = None) -> Extent:
        """How many channels each filter sees. Raises `ConvcliError` where the filters held in the model see others."""
        seen = self.depth if channels is None else channels // groups
        if self.depth in (None, seen):
            return seen
        share = f" in {groups} groups" if groups > 1 else ""
        remedy = f"a filter has the depth of its input, here {seen}"
        raise ConvcliError(
            f"the filters are {self.depth} deep, the input has {channels} channels{share}",
            f"{remedy}; {hint}" if hint else remedy,
        )


class Windowed(ActivatedLayer, abstract=True, kw_only=True):
    """A layer whose kernel has a place in space."""

    kernel_size: tuple[int, ...] = argument(per_axis())
    strides: tuple[int, ...] = argument(per_axis(), 1)
    data_format: str | None = argument(data_format_name, None)
    dilation_rate: tuple[int, ...] = argument(per_axis(), 1)


class Sliding(Windowed, abstract=True, kw_only=True):
    """A layer whose kernel slides over its padded input."""

    padding: Padding = argument(padding("valid", "same", "same_lower", "causal", "full"), "valid")
    padding_mode: Any = argument(choice("zeros", "reflect", "replicate", "circular"), "zeros")
    flip_kernel: bool = argument(flag, False)

    def windows(self, space: Shape) -> tuple[Window, ...]:
        """The window along each spatial axis."""
        settings = each_axis(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        return tuple(sliding_window(*setting, width) for setting, width in zip(settings, space, strict=True))

    def correlate(self, space: Shape, kernel: Weight, filters: Extent, groups: Extent, bias: bool) -> tuple[Step, ...]:
        """The correlation, after a step for padding with anything but zeros."""
        windows = self.windows(space)
        amounts = tuple((each.before, each.after) for each in windows)
        before: tuple[Step, ...] = ()
        if self.padding_mode != "zeros" and any(map(any, amounts)):
            before = (Pad(amounts, self.padding_mode),)
            windows = tuple(replace(each, before=0, after=0) for each in windows)
        return (*before, Correlate(windows, kernel, filters, bias_of(bias, filters), groups, flip=self.flip_kernel))


def bias_of(use_bias: bool, filters: Extent) -> Weight | None:
    """The bias of a layer that has one."""
    return Weight("bias", (filters,)) if use_bias else None


def check_groups(groups: int, channels: Extent, filters: int) -> None:
    """Raise `ConvcliError` unless the groups divide both numbers of channels."""
    for name, value in (("input channels", channels), ("filters", filters)):
        if value is not None and value % groups:
            raise ConvcliError(f"{name} (={value}) must be divisible by groups (={groups})")


class Convolution(Sliding, KernelLayer, abstract=True, kw_only=True):
    """Each filter sees all input channels of its group and makes one map."""

    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
        *("groups", "activation", "use_bias"),
    )

    filters: int = argument(whole())
    groups: int = argument(whole(), 1)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, last = shapes[0]
        check_groups(self.groups, last, self.filters)
        each_channel = f"depthwise_conv{min(self.rank or 2, 2)}d filters each channel by itself"
        seen = self.channels_per_filter(last, self.groups, each_channel)
        kernel = Weight("kernel", (*self.kernel_size, seen, self.filters), "glorot_uniform")
        return (
            *self.correlate(tuple(space), kernel, self.filters, self.groups, self.use_bias),
            *activate(self.activation, shapes[0], data_format),
        )


class Conv1D(Convolution):
    rank = 1
    aliases = ("Convolution1D",)


class Conv2D(Convolution):
    rank = 2
    aliases = ("Convolution2D",)


class Conv3D(Convolution):
    rank = 3
    aliases = ("Convolution3D",)


class Transposed(Windowed, KernelLayer, abstract=True, kw_only=True):
    """The transpose of a convolution: each input cell is spread over the output through the kernel."""

    KERNEL_AXES = "OI"
    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "output_padding", "data_format", "dilation_rate"),
        *("activation", "use_bias"),
    )

    filters: int = argument(whole())
    padding: Padding = argument(padding("valid", "same", "same_lower"), "valid")
    output_padding: tuple[int, ...] | None = argument(optional(per_axis(0)), None)
    groups: int = argument(whole(), 1)
    flip_kernel: bool = argument(flag, False)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        return {"filters": shape[-2] * groups, "kernel_size": shape[:-2], "depth": shape[-1] // groups}

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        check_groups(self.groups, shapes[0][-1], self.filters)
        channels = product((self.channels_per_filter(shapes[0][-1], self.groups), self.groups))
        kernel = Weight("kernel", (*self.kernel_size, self.filters // self.groups, channels), "glorot_uniform")
        bias = bias_of(self.use_bias, self.filters)
        return (
            Correlate(self._windows(), kernel, self.filters, bias, self.groups, transposed=True, flip=self.flip_kernel),
            *activate(self.activation, shapes[0], data_format),
        )

    def _windows(self) -> tuple[Window, ...]:
        extra = self.output_padding or (None,) * len(self.strides)
        windows = []
        settings = each_axis(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        for name, setting, cells in zip(axis_names(len(extra)), settings, extra, strict=True):
            size, stride, dilation, cropping = setting
            with located(name):
                if cells is not None and cells >= max(stride, dilation):
                    raise ConvcliError(
                        f"output_padding (={cells}) must be smaller than the stride (={stride}) or dilation"
                    )
                windows.append(transposed_window(size, stride, dilation, cropping, cells))
        return tuple(windows)


class Conv1DTranspose(Transposed):
    rank = 1
    aliases = ("Convolution1DTranspose",)


class Conv2DTranspose(Transposed):
    rank = 2
    aliases = ("Convolution2DTranspose",)


class Conv3DTranspose(Transposed):
    rank = 3
    aliases = ("Convolution3DTranspose",)
    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "output_padding", "dilation_rate"),
        *("activation", "use_bias"),
    )


class Depthwise(Sliding, KernelLayer, abstract=True, kw_only=True):
    """Each input channel by itself, through `depth_multiplier` filters; the maps come channel by channel."""

    ORDER = (
        *("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate"),
        *("activation", "use_bias"),
    )

    depth_multiplier: int = argument(whole(), 1)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        return {"kernel_size": shape[:-2], "depth": shape[-2], "depth_multiplier": shape[-1]}

    @classmethod
    def arguments_from_filters(cls, size: tuple[int, ...], depth: int | None, count: int) -> dict[str, Any]:
        if depth is not None:
            raise ConvcliError(
                f"a filter of a depthwise layer has no channels, got shape {format_shape((*size, depth))}",
                f"shape {format_shape(size)}; it is applied to every channel",
            )
        return {"kernel_size": size, "depth_multiplier": count}

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, last = shapes[0]
        channels = self.channels_per_filter(last)
        kernel = Weight("kernel", (*self.kernel_size, channels, self.depth_multiplier), "glorot_uniform")
        filters = product((channels, self.depth_multiplier))
        return (
            *self.correlate(tuple(space), kernel, filters, channels, self.use_bias),
            *activate(self.activation, shapes[0], data_format),
        )


class DepthwiseConv1D(Depthwise):
    rank = 1


class DepthwiseConv2D(Depthwise):
    rank = 2


class Separable(Sliding, abstract=True, kw_only=True):
    """A depthwise convolution, then a pointwise one (1 cell) that mixes the channels."""

    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "depth_multiplier"),
        *("activation", "use_bias"),
    )

    filters: int = argument(whole())
    depth_multiplier: int = argument(whole(), 1)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, channels = shapes[0]
        between = product((channels, self.depth_multiplier))
        kernel = Weight("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "glorot_uniform")
        ones = (1,) * len(space)
        mixing = Weight("pointwise_kernel", (*ones, between, self.filters), "glorot_uniform")
        return (
            *self.correlate(tuple(space), kernel, between, channels, bias=False),
            Correlate(tuple(map(Window, ones)), mixing, self.filters, bias_of(self.use_bias, self.filters)),
            *activate(self.activation, shapes[0], data_format),
        )


class SeparableConv1D(Separable):
    rank = 1
    aliases = ("SeparableConvolution1D",)


class SeparableConv2D(Separable):
    rank = 2
    aliases = ("SeparableConvolution2D",)


class Dense(KernelLayer, kw_only=True):
    """Every unit sees every channel, at each place of the spatial axes if there are any.

    `axis` names another axis whose cells are seen in place of the channels.
    """

    ORDER = ("units", "activation", "use_bias")

    units: int = argument(whole())
    axis: int | None = argument(optional(axis_number), None)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        return {"units": shape[-1], "depth": shape[-2]}

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(shapes[0])
        axis = channel_axis(self.axis, shapes[0], data_format)
        kernel = Weight("kernel", (self.channels_per_filter(shapes[0][axis]), self.units), "glorot_uniform")
        windows = (Window(1),) * (rank - 1)
        correlate = Correlate(windows, kernel, self.units, bias_of(self.use_bias, self.units))
        steps = (correlate, *activate(self.activation, shapes[0], data_format))
        if axis == rank - 1:
            return steps
        others = [place for place in range(rank) if place != axis]
        restored = [*range(axis), rank - 1, *range(axis, rank - 1)]
        return (MoveAxes((*others, axis)), *steps, MoveAxes(tuple(restored)))
