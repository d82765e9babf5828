"""The working behind a layer's figures: each formula with its own numbers in it.

An unknown extent is written `?`, and what follows from it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import singledispatch
from itertools import groupby

from convcli.core.shapes import Extent, Shape, axis_names, figure, product, quotient
from convcli.model import steps
from convcli.model.layers.convolutional import Sliding
from convcli.model.layers.pooling import Pooling
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.receptive_field import PeriodicField, TracedAxis
from convcli.model.window import Window

MOST_MARKED = 1 << 26  # cells times taps; where there are more it is not said which cells are never read


def lines(plan: Plan, layer: PlannedLayer) -> tuple[str, ...]:
    """The working of one layer, a line each: sizes axis by axis, parameters, multiply-accumulates, receptive field."""
    found = [line for step, shapes in layer.steps_with_shapes for line in sizes(step, shapes)]
    if len(layer.steps) > 1 and isinstance(layer.steps[0], steps.Pad):
        found = [re.sub(" (is|are) never read", r" of the padded axis \1 never read", line) for line in found]
    return (*_padding(layer), *found, *_parameters(layer), *_macs(layer), *_receptive_field(plan, layer))


def number(value: Extent) -> str:
    """A number with its thousands apart: `9 472`."""
    return "?" if value is None else f"{value:,}".replace(",", " ").replace("-", "−")


def factors(values: Sequence[Extent]) -> str:
    """`3·3·64`."""
    return "·".join(number(value) for value in values) or "1"


# ---- sizes, by the kind of step ----


@singledispatch
def sizes(step: steps.Step, shapes: tuple[Shape, ...]) -> Iterator[str]:
    """How the extents of the output follow from those of the input; nothing where they stay."""
    return iter(())


@sizes.register
def _(step: steps.Correlate, shapes: tuple[Shape, ...]) -> Iterator[str]:
    if len(step.kernel.shape) > 2 and step.kernel.name != "pointwise_kernel":
        yield from _slides(step.windows, shapes[0], step.transposed)
    channels, filters = shapes[0][-1], number(step.filters)
    if step.groups == channels != 1:
        multiplier = quotient(step.filters, step.groups)
        yield f"channels: {factors((channels, multiplier))} = {filters}, each input channel by itself"
        return
    dense = len(step.kernel.shape) == 2
    yield f"{'values' if dense else 'channels'}: {filters}, one for each {'unit' if dense else 'filter'}"
    if step.groups != 1:
        seen = number(quotient(channels, step.groups))
        yield f"channels seen by each filter: {number(channels)} / {number(step.groups)} = {seen}"


@sizes.register
def _(step: steps.Pool, shapes: tuple[Shape, ...]) -> Iterator[str]:
    yield from _slides(step.windows, shapes[0], False)


@sizes.register
def _(step: steps.GlobalPool, shapes: tuple[Shape, ...]) -> Iterator[str]:
    space = shapes[0][:-1]
    yield f"each channel: the {'mean' if step.kind == 'average' else step.kind} of {_result(space)} cells"


@sizes.register
def _(step: steps.Pad, shapes: tuple[Shape, ...]) -> Iterator[str]:
    made = step.output_shape(*shapes)
    for name, width, (before, after), after_all in zip(
        axis_names(len(step.amounts)), shapes[0], step.amounts, made, strict=False
    ):
        yield f"{name}: {number(width)}{_signed(before)}{_signed(after)} = {number(after_all)}"


@sizes.register
def _(step: steps.Resize, shapes: tuple[Shape, ...]) -> Iterator[str]:
    made = step.output_shape(*shapes)
    for name, width, factor, result in zip(axis_names(len(step.factors)), shapes[0], step.factors, made, strict=False):
        yield f"{name}: {factors((width, factor))} = {number(result)}"


@sizes.register
def _(step: steps.ChangeShape, shapes: tuple[Shape, ...]) -> Iterator[str]:
    yield f"values: {factors(shapes[0])} = {factors(step.shape)}"


@sizes.register
def _(step: steps.Merge, shapes: tuple[Shape, ...]) -> Iterator[str]:
    made = step.output_shape(*shapes)
    if step.kind == "concatenate":
        widths = " + ".join(number(shape[step.axis]) for shape in shapes)
        yield f"concatenated axis: {widths} = {number(made[step.axis])}"
    elif any(shape != made for shape in shapes):
        shown = " and ".join("×".join(map(number, shape)) for shape in shapes)
        yield f"{shown} broadcast to {'×'.join(map(number, made))}"


def _slides(windows: Sequence[Window], shape: Shape, transposed: bool) -> Iterator[str]:
    for name, window, width in zip(axis_names(len(windows)), windows, shape, strict=False):
        formula = _spread(window, width) if transposed else _slide(window, width)
        yield f"{name}: {formula}{_dilated(window)}{_unread(window, width)}"


def _slide(window: Window, width: Extent) -> str:
    """⌊(W − D + P_before + P_after) / S⌋ + 1, rounded up in ceil mode."""
    if not window.placed:  # of "same" padding, whose cells follow from the width
        return f"⌈{number(width)} / {window.stride}⌉ = {number(window.output_extent(width))}"
    opening, closing = "⌈⌉" if window.ceil else "⌊⌋"
    cells = f"{number(width)} − {number(window.extent)} + {number(window.before)} + {number(window.after)}"
    places = window.output_extent(width)
    formula = f"{opening}({cells}) / {window.stride}{closing} + 1"
    if window.ceil and width is not None and places is not None:
        full = -(-(width - window.extent + window.before + window.after) // window.stride) + 1
        if places < full:
            return f"{formula} − 1 = {number(places)}, as the last window would start outside the input"
    return f"{formula} = {number(places)}"


def _spread(window: Window, width: Extent) -> str:
    """(W − 1)·S + D, less what is cropped before and after."""
    before, after = window.extent - 1 - window.before, window.extent - 1 - window.after
    cells = f"({number(width)} − 1)·{window.upsample} + {number(window.extent)}"
    return f"{cells}{_signed(-before) or ' − 0'}{_signed(-after) or ' − 0'} = {number(window.output_extent(width))}"


def _signed(value: int) -> str:
    return "" if not value else f" {'+' if value > 0 else '−'} {number(abs(value))}"


def _dilated(window: Window) -> str:
    if window.dilation == 1 or window.size == 1:
        return ""
    return f", where {number(window.extent)} = {window.dilation}·({number(window.size)} − 1) + 1"


# ---- cells that no window reads ----


def unread(window: Window, width: int) -> list[tuple[int, int]]:
    """The runs of input cells, first and last, that no place of the window covers."""
    read = bytearray(width)
    places = window.output_extent(width) or 0
    for tap in range(window.size):
        offset = tap * window.dilation - window.before  # of the stretched axis, at place 0
        if window.upsample == 1:
            skipped = max(0, -(offset // window.stride))
            span = range(offset + skipped * window.stride, min(width, offset + places * window.stride), window.stride)
        else:  # a transposed window moves by one
            span = range(
                max(0, -(-offset // window.upsample)), min(width, (offset + places - 1) // window.upsample + 1)
            )
        if span:
            read[span.start : span.stop : span.step] = b"\1" * len(span)
    runs, place = [], 0
    for seen, group in groupby(read):
        count = len(list(group))
        runs += [] if seen else [(place, place + count - 1)]
        place += count
    return runs


def _unread(window: Window, width: Extent) -> str:
    if width is None or window.size * width > MOST_MARKED:
        return ""
    runs = unread(window, width)
    if not runs:
        return ""
    count = sum(last - first + 1 for first, last in runs)
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    listed = ", ".join(shown if len(shown) <= 4 else [*shown[:3], "…", shown[-1]])
    if count == 1:
        return f"; cell {listed} is never read"
    many = f" ({number(count)} in all)" if len(shown) > 4 else ""
    return f"; cells {listed}{many} are never read"


# ---- padding, parameters, work, receptive field ----


def _padding(row: PlannedLayer) -> Iterator[str]:
    """How the cells of "same" padding come about."""
    layer = row.node.layer
    word = getattr(layer, "padding", None)
    if not isinstance(layer, Sliding | Pooling) or word not in ("same", "same_lower"):
        return
    space = row.input_shapes[0][:-1]
    windows = layer.windows(space)
    for name, window, width in zip(axis_names(len(windows)), windows, space, strict=True):
        if width is None:
            continue
        places = -(-width // window.stride)
        whole = (places - 1) * window.stride + window.extent - width
        cells = f"(⌈{number(width)} / {window.stride}⌉ − 1)·{window.stride} + {number(window.extent)} − {number(width)}"
        split = f"{window.before} before and {window.after} after" if whole > 0 else "no padding"
        yield f"{name}, {word}: {cells} = {number(whole)}, {split}"


def _parameters(layer: PlannedLayer) -> Iterator[str]:
    if not layer.weights:
        return
    if layer.node.shares_with:
        yield f"parameters: those of {layer.node.shares_with}, counted there"
        return
    products = [factors(weight.shape) for weight in layer.weights]
    names = ", ".join(weight.name for weight in layer.weights)
    formula = " + ".join(products)
    result = number(layer.params)
    yield f"parameters: {formula} = {result} ({names})" if formula != result else f"parameters: {result} ({names})"


def _macs(layer: PlannedLayer) -> Iterator[str]:
    products = []
    for step, shapes in layer.steps_with_shapes:
        if isinstance(step, steps.Correlate):
            places = shapes[0][:-1] if step.transposed else step.output_shape(*shapes)[:-1]
            kernel = factors(step.kernel.shape)
            products.append(f"{factors(places)} · {kernel}" if places else kernel)
    if products:
        cells = ", over its input cells" if any(getattr(step, "transposed", False) for step in layer.steps) else ""
        yield f"multiply-accumulates: {' + '.join(products)} = {number(layer.macs)}{cells}"


def _receptive_field(plan: Plan, layer: PlannedLayer) -> Iterator[str]:
    """r + (D − 1)·j where a layer of one input and one window grows it so."""
    windowed = [step for step in layer.steps if isinstance(step, steps.Correlate | steps.Pool)][:1]
    if len(layer.input_names) != 1 or len(windowed) != 1 or len(plan.input_shapes) != 1:
        return
    ((name, before),) = plan.receptive_fields[layer.input_names[0]].items()
    found = []
    for one, other in zip(before, plan.receptive_fields[layer.name][name], strict=True):
        if not isinstance(one, TracedAxis) or not isinstance(other, TracedAxis) or one.axis != other.axis:
            return
        window = windowed[0].windows[one.axis]
        assert isinstance(one.field, PeriodicField)
        assert isinstance(other.field, PeriodicField)
        if one.field.extent + (window.extent - 1) * one.field.jump != other.field.extent:
            found.append(number(other.field.extent))
            continue
        grown = f"{number(one.field.extent)} + ({number(window.extent)} − 1)·{figure(one.field.jump)}"
        found.append(f"{grown} = {number(other.field.extent)}")
    if len(set(found)) == 1:
        yield f"receptive field: {found[0]}"
    else:
        yield from (
            f"receptive field, {axis}: {each}" for axis, each in zip(axis_names(len(found)), found, strict=True)
        )


def _result(space: Shape) -> str:
    return factors(space) if len(space) < 2 else f"{factors(space)} = {number(product(space))}"
