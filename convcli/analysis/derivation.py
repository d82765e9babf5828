"""The derivation of a layer's figures: each formula with its own numbers in it, as `shape --explain` shows it.

An unknown extent is written `?`, and so is every figure that follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import singledispatch

from convcli.analysis.unread_cells import unread_cells
from convcli.core.shapes import Extent, Shape, axis_names, format_extents, format_number, product, quotient
from convcli.model import steps
from convcli.model.layers.convolutional import SlidingLayer
from convcli.model.layers.pooling import Pooling
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.receptive_field import PeriodicField, TracedAxis
from convcli.model.window import Window

MOST_MARKED = 1 << 26  # cells times taps; beyond this, unread cells are not searched for


def lines(plan: Plan, layer: PlannedLayer) -> tuple[str, ...]:
    """Return the derivation of one layer, a line each: sizes axis by axis, parameters, MACs, receptive field."""
    size_lines = [line for step, shapes in layer.steps_with_shapes for line in sizes(step, shapes)]
    if len(layer.steps) > 1 and isinstance(layer.steps[0], steps.Pad):  # later steps count cells of the padded axis
        size_lines = [re.sub(" (is|are) never read", r" of the padded axis \1 never read", line) for line in size_lines]
    figures = (*_kernels(layer), *_parameters(layer), *_macs(layer), *_receptive_field(plan, layer))
    return (*_padding(layer), *size_lines, *figures)


def number(value: Extent) -> str:
    """Return a number with its thousands separated (`9,472`), or `?` where it is unknown."""
    return "?" if value is None else f"{value:,}".replace("-", "−")


def factors(values: Sequence[Extent]) -> str:
    """Return a product as text: `3·3·64`."""
    return "·".join(number(value) for value in values) or "1"


# ---- sizes, for each kind of step ----


@singledispatch
def sizes(step: steps.Step, shapes: tuple[Shape, ...]) -> Iterator[str]:
    """Yield how a step's output extents follow from those of its inputs; nothing where they stay the same."""
    return iter(())


@sizes.register
def _(step: steps.Correlate, shapes: tuple[Shape, ...]) -> Iterator[str]:
    if len(step.kernel.shape) > 2 and step.kernel.name != "pointwise_kernel":
        yield from _window_sizes(step.windows, shapes[0], step.transposed)
    channels, filters = shapes[0][-1], number(step.filters)
    if step.groups == channels != 1:
        multiplier = quotient(step.filters, step.groups)
        yield f"channels: {factors((channels, multiplier))} = {filters}, each input channel by itself"
        return
    if len(step.kernel.shape) == 2:
        yield f"values: {filters}, one for each unit"
    else:
        yield f"channels: {filters}, one for each filter"
    if step.groups != 1:
        seen = number(quotient(channels, step.groups))
        yield f"channels seen by each filter: {number(channels)} / {number(step.groups)} = {seen}"


@sizes.register
def _(step: steps.Pool, shapes: tuple[Shape, ...]) -> Iterator[str]:
    yield from _window_sizes(step.windows, shapes[0], False)


@sizes.register
def _(step: steps.AdaptivePool, shapes: tuple[Shape, ...]) -> Iterator[str]:
    for name, window in zip(axis_names(len(step.windows)), step.windows, strict=True):
        width, count = number(window.cells), number(window.count)
        yield f"{name}: {count} windows; window i is cells ⌊i·{width} / {count}⌋ to ⌈(i + 1)·{width} / {count}⌉ − 1"


@sizes.register
def _(step: steps.GlobalPool, shapes: tuple[Shape, ...]) -> Iterator[str]:
    space = shapes[0][:-1]
    cells = factors(space) if len(space) < 2 else f"{factors(space)} = {number(product(space))}"
    yield f"each channel: the {'mean' if step.kind == 'average' else step.kind} of {cells} cells"


@sizes.register
def _(step: steps.Pad, shapes: tuple[Shape, ...]) -> Iterator[str]:
    output_shape = step.output_shape(*shapes)
    names = axis_names(len(step.amounts))
    for name, width, (before, after), result in zip(names, shapes[0], step.amounts, output_shape, strict=False):
        yield f"{name}: {number(width)}{_signed(before)}{_signed(after)} = {number(result)}"


@sizes.register
def _(step: steps.Resize, shapes: tuple[Shape, ...]) -> Iterator[str]:
    output_shape = step.output_shape(*shapes)
    names = axis_names(len(step.scalings))
    for name, width, scaling, result in zip(names, shapes[0], step.scalings, output_shape, strict=False):
        if scaling.factor is None:
            yield f"{name}: {number(width)} scaled to {number(result)}"
        elif scaling.factor == int(scaling.factor):
            yield f"{name}: {factors((width, int(scaling.factor)))} = {number(result)}"
        else:
            yield f"{name}: ⌊{number(width)} · {format_number(scaling.factor)}⌋ = {number(result)}"


@sizes.register
def _(step: steps.MoveBlocks, shapes: tuple[Shape, ...]) -> Iterator[str]:
    *space, channels = shapes[0]
    *positions, results = step.output_shape(*shapes)
    sign, opposite = ("·", "/") if step.spread else ("/", "·")
    for name, width, size, result in zip(axis_names(len(space)), space, step.block, positions, strict=True):
        yield f"{name}: {number(width)} {sign} {size} = {number(result)}"
    yield f"channels: {number(channels)} {opposite} {step.cells} = {number(results)}"


@sizes.register
def _(step: steps.ChangeShape, shapes: tuple[Shape, ...]) -> Iterator[str]:
    yield f"values: {factors(shapes[0])} = {factors(step.shape)}"


@sizes.register
def _(step: steps.Opaque, shapes: tuple[Shape, ...]) -> Iterator[str]:
    yield f"not known; shape: {format_extents(step.shape, show=number) or '?'}"


@sizes.register
def _(step: steps.Merge, shapes: tuple[Shape, ...]) -> Iterator[str]:
    output_shape = step.output_shape(*shapes)
    if step.joins:
        extents = " + ".join(number(shape[step.axis]) for shape in shapes)
        yield f"{step.kind}d axis: {extents} = {number(output_shape[step.axis])}"
    elif any(shape != output_shape for shape in shapes):
        inputs = " and ".join(format_extents(shape, show=number) for shape in shapes)
        yield f"{inputs} broadcast to {format_extents(output_shape, show=number)}"


def _window_sizes(windows: Sequence[Window], shape: Shape, transposed: bool) -> Iterator[str]:
    for name, window, width in zip(axis_names(len(windows)), windows, shape, strict=False):
        formula = _transposed_size(window, width) if transposed else _output_size(window, width)
        yield f"{name}: {formula}{_dilated_extent(window)}{_unread(window, width)}"


def _output_size(window: Window, width: Extent) -> str:
    """Return ⌊(W − D + P_before + P_after) / S⌋ + 1 with its numbers; in ceil mode the quotient is rounded up."""
    if not window.placed:  # "same" padding on an unknown width: only the quotient is known
        return f"⌈{number(width)} / {window.stride}⌉ = {number(window.output_extent(width))}"
    opening, closing = "⌈⌉" if window.ceil else "⌊⌋"
    cells = f"{number(width)} − {number(window.extent)} + {number(window.before)} + {number(window.after)}"
    positions = window.output_extent(width)
    formula = f"{opening}({cells}) / {window.stride}{closing} + 1"
    if window.ceil and width is not None and positions is not None:
        rounded_up = -(-(width - window.extent + window.before + window.after) // window.stride) + 1
        if positions < rounded_up:
            return f"{formula} − 1 = {number(positions)}, as the last window would start outside the input"
    return f"{formula} = {number(positions)}"


def _transposed_size(window: Window, width: Extent) -> str:
    """Return (W − 1)·S + D − cropped before − cropped after with its numbers."""
    before, after = window.extent - 1 - window.before, window.extent - 1 - window.after
    cells = f"({number(width)} − 1)·{window.upsample} + {number(window.extent)}"
    return f"{cells}{_signed(-before) or ' − 0'}{_signed(-after) or ' − 0'} = {number(window.output_extent(width))}"


def _signed(value: int) -> str:
    return "" if not value else f" {'+' if value > 0 else '−'} {number(abs(value))}"


def _dilated_extent(window: Window) -> str:
    """Return D = d·(F − 1) + 1 with its numbers, where a dilation makes it differ from the kernel size."""
    if window.dilation == 1 or window.size == 1:
        return ""
    return f", where {number(window.extent)} = {window.dilation}·({number(window.size)} − 1) + 1"


def _unread(window: Window, width: Extent) -> str:
    """Return which input cells no window reads; of many runs, the first three and the last."""
    if width is None or window.size * width > MOST_MARKED:
        return ""
    runs = unread_cells(window, width)
    if not runs:
        return ""
    count = sum(last - first + 1 for first, last in runs)
    texts = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    if count == 1:
        return f"; cell {texts[0]} is never read"
    if len(texts) <= 4:
        return f"; cells {', '.join(texts)} are never read"
    return f"; cells {', '.join(texts[:3])}, …, {texts[-1]} ({number(count)} in all) are never read"


# ---- padding, kernels, parameters, multiply-accumulates, receptive field ----


def _padding(layer: PlannedLayer) -> Iterator[str]:
    """Yield (⌈W / S⌉ − 1)·S + D − W, the cells that "same" padding adds along each axis."""
    definition = layer.node.layer
    word = getattr(definition, "padding", None)
    if not isinstance(definition, SlidingLayer | Pooling) or word not in ("same", "same_lower"):
        return
    space = layer.input_shapes[0][:-1]
    windows = definition.windows(space)
    for name, window, width in zip(axis_names(len(windows)), windows, space, strict=True):
        if width is None:
            continue
        positions = -(-width // window.stride)
        cells = (positions - 1) * window.stride + window.extent - width
        formula = (
            f"(⌈{number(width)} / {window.stride}⌉ − 1)·{window.stride} + {number(window.extent)} − {number(width)}"
        )
        split = f"{window.before} before and {window.after} after" if cells > 0 else "no padding"
        yield f"{name}, {word}: {formula} = {number(cells)}, {split}"


def _kernels(layer: PlannedLayer) -> Iterator[str]:
    """Yield in·out/groups, the two-dimensional kernels of a layer that slides over two axes."""
    for step, shapes in layer.steps_with_shapes:
        if isinstance(step, steps.Correlate) and len(step.windows) == 2 and step.kernel.name != "pointwise_kernel":
            groups = "" if step.groups == 1 else f" / {number(step.groups)}"
            yield f"2-D kernels: {factors((shapes[0][-1], step.filters))}{groups} = {number(step.kernels_2d)}"


def _parameters(layer: PlannedLayer) -> Iterator[str]:
    if not layer.parameters:
        for step in layer.steps:
            if isinstance(step, steps.Pool | steps.GlobalPool):
                yield f"parameters: 0, as a {'mean' if step.kind == 'average' else 'maximum'} has no weights to learn"
        return
    if layer.node.shares_with:
        yield f"parameters: shared with {layer.node.shares_with}, counted there"
        return
    formula = " + ".join(factors(weight.shape) for weight in layer.parameters)
    names = ", ".join(weight.name for weight in layer.parameters)
    result = number(layer.params)
    yield f"parameters: {formula} = {result} ({names})" if formula != result else f"parameters: {result} ({names})"


def _macs(layer: PlannedLayer) -> Iterator[str]:
    products, transposed = [], False
    for step, shapes in layer.steps_with_shapes:
        if isinstance(step, steps.Correlate):
            cells = shapes[0][:-1] if step.transposed else step.output_shape(*shapes)[:-1]
            kernel = factors(step.kernel.shape)
            products.append(f"{factors(cells)} · {kernel}" if cells else kernel)
            transposed |= step.transposed
    if products:
        over = ", over its input cells" if transposed else ""
        yield f"multiply-accumulates: {' + '.join(products)} = {number(layer.macs)}{over}"


def _receptive_field(plan: Plan, layer: PlannedLayer) -> Iterator[str]:
    """Yield r + (D − 1)·j along each axis: the field r and the jump j before the layer, and its window's extent D.

    Nothing is yielded for a layer that this formula does not describe: one without a window, or with several inputs.

    Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """
    windowed = next((step for step in layer.steps if isinstance(step, steps.Correlate | steps.Pool)), None)
    if windowed is None or len(layer.input_names) != 1 or len(plan.input_shapes) != 1:
        return
    ((name, before),) = plan.receptive_fields[layer.input_names[0]].items()
    formulas = []
    for track_before, track in zip(before, plan.receptive_fields[layer.name][name], strict=True):
        if not isinstance(track_before, TracedAxis) or not isinstance(track, TracedAxis):
            return
        if track_before.axis != track.axis:
            return
        formulas.append(_grown_field(track_before, track, windowed.windows[track.axis]))
    if len(set(formulas)) == 1:
        yield f"receptive field: {formulas[0]}"
    else:
        for axis, formula in zip(axis_names(len(formulas)), formulas, strict=True):
            yield f"receptive field, {axis}: {formula}"


def _grown_field(before: TracedAxis, after: TracedAxis, window: Window) -> str:
    """Return the receptive field after a window with its formula, or alone where the formula does not hold."""
    assert isinstance(before.field, PeriodicField)
    assert isinstance(after.field, PeriodicField)
    field = number(after.field.extent)
    if before.field.extent + (window.extent - 1) * before.field.jump != after.field.extent:
        return field
    return f"{number(before.field.extent)} + ({number(window.extent)} − 1)·{format_number(before.field.jump)} = {field}"
