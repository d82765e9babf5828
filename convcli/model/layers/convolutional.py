"""Convolutions of every kind, and the dense layer, which is one without windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.records import replace
from convcli.core.shapes import DataFormat, Extent, Shape, axis_names, format_shape, product
from convcli.model.layers.activations import activation_steps
from convcli.model.layers.arguments import (
    argument,
    axis_number,
    boolean,
    channel_axis,
    choice,
    data_format_name,
    optional,
    per_axis,
    whole_number,
    word_or_pairs,
)
from convcli.model.layers.kernel_layer import ActivatedLayer, KernelLayer
from convcli.model.padding_modes import PADDING_MODES
from convcli.model.steps import Correlate, MoveAxes, Pad, Step, Weight
from convcli.model.window import Padding, Window, paddings_per_axis, sliding_windows, transposed_window

# ---- what convolutions have in common ----


class WindowLayer(ActivatedLayer, abstract=True, kw_only=True):
    """A layer whose kernel extends in space."""

    kernel_size: tuple[int, ...] = argument(per_axis())
    strides: tuple[int, ...] = argument(per_axis(), 1)
    data_format: str | None = argument(data_format_name, None)
    dilation_rate: tuple[int, ...] = argument(per_axis(), 1)
    activation_axis: int | None = argument(optional(axis_number), None)

    def activate(self, shape: Shape, data_format: DataFormat) -> tuple[Step, ...]:
        """Return the step of the activation, along `activation_axis` where it works along one, else the channels."""
        axes = None if self.activation_axis is None else (self.activation_axis,)
        return activation_steps(self.activation, shape, data_format, axes=axes)


class SlidingLayer(WindowLayer, abstract=True, kw_only=True):
    """A layer whose kernel slides over its padded input."""

    padding: Padding = argument(word_or_pairs("valid", "same", "same_lower", "causal", "full"), "valid")
    padding_mode: Any = argument(choice(*PADDING_MODES), "zeros")
    flip_kernel: bool = argument(boolean, False)

    def windows(self, space: Shape) -> tuple[Window, ...]:
        """Return the window along each spatial axis of the input."""
        return sliding_windows(self.kernel_size, self.strides, self.dilation_rate, self.padding, space)

    def correlate(
        self, space: Shape, kernel: Weight, filters: Extent, groups: Extent, bias: Weight | None
    ) -> tuple[Step, ...]:
        """Return the correlation over an input of this space, after a step for padding that is not zeros."""
        windows = self.windows(space)
        amounts = tuple((window.before, window.after) for window in windows)
        padding: tuple[Step, ...] = ()
        if self.padding_mode != "zeros" and any(map(any, amounts)):
            padding = (Pad(amounts, self.padding_mode),)
            windows = tuple(replace(window, before=0, after=0) for window in windows)
        return (*padding, Correlate(windows, kernel, filters, bias, groups, flip=self.flip_kernel))


def check_groups(groups: int, channels: Extent, filters: int) -> None:
    """Raise `ConvcliError` unless the groups divide the input channels and the filters."""
    for name, value in (("input channels", channels), ("filters", filters)):
        if value is not None and value % groups:
            raise ConvcliError(f"{name} (={value}) must be divisible by groups (={groups})")


# ---- the layers ----


class Convolution(SlidingLayer, KernelLayer, abstract=True, kw_only=True):
    """Each filter sees all input channels of its group and makes one map."""

    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
        *("groups", "activation", "use_bias"),
    )

    filters: int = argument(whole_number())
    groups: int = argument(whole_number(), 1)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, channels = shapes[0]
        check_groups(self.groups, channels, self.filters)
        hint = f"depthwise_conv{min(self.rank or 2, 2)}d filters each channel by itself"
        depth = self.channels_per_filter(channels, self.groups, hint)
        kernel = Weight("kernel", (*self.kernel_size, depth, self.filters), "glorot_uniform")
        return (
            *self.correlate(tuple(space), kernel, self.filters, self.groups, self.bias(self.filters)),
            *self.activate(shapes[0], data_format),
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


class TransposedConvolution(WindowLayer, KernelLayer, abstract=True, kw_only=True):
    """The transpose of a convolution: each input cell is spread over the output through the kernel."""

    KERNEL_AXES = "OI"
    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "output_padding", "data_format", "dilation_rate"),
        *("activation", "use_bias"),
    )

    filters: int = argument(whole_number())
    padding: Padding = argument(word_or_pairs("valid", "same", "same_lower"), "valid")
    output_padding: tuple[int, ...] | None = argument(optional(per_axis(0)), None)
    groups: int = argument(whole_number(), 1)
    flip_kernel: bool = argument(boolean, False)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        return {"filters": shape[-2] * groups, "kernel_size": shape[:-2], "depth": shape[-1] // groups}

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        check_groups(self.groups, shapes[0][-1], self.filters)
        channels = product((self.channels_per_filter(shapes[0][-1], self.groups), self.groups))
        kernel = Weight("kernel", (*self.kernel_size, self.filters // self.groups, channels), "glorot_uniform")
        correlate = Correlate(
            self._windows(),
            kernel,
            self.filters,
            self.bias(self.filters),
            self.groups,
            transposed=True,
            flip=self.flip_kernel,
        )
        return (correlate, *self.activate(shapes[0], data_format))

    def _windows(self) -> tuple[Window, ...]:
        rank = len(self.kernel_size)
        windows = []
        settings = zip(
            axis_names(rank),
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            paddings_per_axis(self.padding, rank),
            self.output_padding or (None,) * rank,
            strict=True,
        )
        for name, size, stride, dilation, padding, extra in settings:
            with located(name):
                if extra is not None and extra >= max(stride, dilation):
                    raise ConvcliError(
                        f"output_padding (={extra}) must be smaller than the stride (={stride}) or dilation"
                    )
                windows.append(transposed_window(size, stride, dilation, padding, extra))
        return tuple(windows)


class Conv1DTranspose(TransposedConvolution):
    rank = 1
    aliases = ("Convolution1DTranspose",)


class Conv2DTranspose(TransposedConvolution):
    rank = 2
    aliases = ("Convolution2DTranspose",)


class Conv3DTranspose(TransposedConvolution):
    rank = 3
    aliases = ("Convolution3DTranspose",)
    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "output_padding", "dilation_rate"),
        *("activation", "use_bias"),
    )


class DepthwiseConvolution(SlidingLayer, KernelLayer, abstract=True, kw_only=True):
    """Each input channel passes through `depth_multiplier` filters of its own; the maps come channel by channel."""

    ORDER = (
        *("kernel_size", "strides", "padding", "depth_multiplier", "data_format", "dilation_rate"),
        *("activation", "use_bias"),
    )

    depth_multiplier: int = argument(whole_number(), 1)

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
            *self.correlate(tuple(space), kernel, filters, channels, self.bias(filters)),
            *self.activate(shapes[0], data_format),
        )


class DepthwiseConv1D(DepthwiseConvolution):
    rank = 1


class DepthwiseConv2D(DepthwiseConvolution):
    rank = 2


class SeparableConvolution(SlidingLayer, abstract=True, kw_only=True):
    """A depthwise convolution, then a pointwise one, of windows of one cell, that mixes the channels."""

    ORDER = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "depth_multiplier"),
        *("activation", "use_bias"),
    )
    weight_names = ("depthwise_kernel", "pointwise_kernel", "bias")

    filters: int = argument(whole_number())
    depth_multiplier: int = argument(whole_number(), 1)

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        *space, channels = shapes[0]
        between = product((channels, self.depth_multiplier))
        depthwise = Weight("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "glorot_uniform")
        ones = (1,) * len(space)
        pointwise = Weight("pointwise_kernel", (*ones, between, self.filters), "glorot_uniform")
        return (
            *self.correlate(tuple(space), depthwise, between, channels, bias=None),
            Correlate(tuple(map(Window, ones)), pointwise, self.filters, self.bias(self.filters)),
            *self.activate(shapes[0], data_format),
        )


class SeparableConv1D(SeparableConvolution):
    rank = 1
    aliases = ("SeparableConvolution1D",)


class SeparableConv2D(SeparableConvolution):
    rank = 2
    aliases = ("SeparableConvolution2D",)


class Dense(KernelLayer, kw_only=True):
    """Each unit sees every channel of a cell, in every cell of the spatial axes if there are any.

    `axis` is Keras's number of another axis that is seen in place of the channels.
    """

    ORDER = ("units", "activation", "use_bias")

    units: int = argument(whole_number())
    axis: int | None = argument(optional(axis_number), None)

    @classmethod
    def arguments_from_kernel(cls, shape: tuple[int, ...], groups: int) -> dict[str, Any]:
        return {"units": shape[-1], "depth": shape[-2]}

    def steps(self, shapes: Sequence[Shape], data_format: DataFormat) -> tuple[Step, ...]:
        rank = len(shapes[0])
        axis = channel_axis(self.axis, shapes[0], data_format)
        kernel = Weight("kernel", (self.channels_per_filter(shapes[0][axis]), self.units), "glorot_uniform")
        windows = (Window(1),) * (rank - 1)
        correlate = Correlate(windows, kernel, self.units, self.bias(self.units))
        steps = (correlate, *activation_steps(self.activation, shapes[0], data_format))
        if axis == rank - 1:
            return steps
        to_end = (*(other for other in range(rank) if other != axis), axis)
        back = (*range(axis), rank - 1, *range(axis, rank - 1))
        return (MoveAxes(to_end), *steps, MoveAxes(back))
