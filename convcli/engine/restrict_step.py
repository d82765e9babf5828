"""Restrict a step to a tile of its result: which tile of each input it needs, and how its padding changes.

A step that mixes all cells along an axis needs the whole of that axis. To let a step run on tiles, register what it
needs with `restrict_step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

from convcli.core.records import replace
from convcli.model import steps
from convcli.model.padding_modes import MIRRORED_FROM
from convcli.model.steps import Step
from convcli.model.window import Window

Span = tuple[int, int]  # cells of one axis: the first, and the one after the last
Tile = tuple[Span, ...]  # a span for each spatial axis
SampleShape = tuple[int, ...]  # (*spatial, channels)


class RestrictedStep(NamedTuple):
    """A step that makes a tile of its result, and the tile of each input that it reads for that.

    `output_tile` may be larger than the requested tile. The cells outside of the requested tile are then not right.
    """

    step: Step | None
    output_tile: Tile
    input_tiles: tuple[Tile, ...]


def whole_tile(shape: Sequence[int]) -> Tile:
    """Return the tile that is all cells of a sample of this shape."""
    return tuple((0, extent) for extent in shape[:-1])


@singledispatch
def restrict_step(
    step: Step | None, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    """Return the step for a tile of its result, given the shapes of its whole inputs and of its whole result.

    A step that is not registered makes the whole result from the whole inputs.
    """
    return _on_whole_inputs(step, input_shapes, output_shape)


def _on_whole_inputs(
    step: Step | None, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    return RestrictedStep(step, whole_tile(output_shape), tuple(map(whole_tile, input_shapes)))


@restrict_step.register
def _(step: None, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape) -> RestrictedStep:
    return RestrictedStep(step, tile, (tile,))


@restrict_step.register(steps.Correlate)
@restrict_step.register(steps.Pool)
def _(
    step: steps.Correlate | steps.Pool, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    if not step.windows:
        return RestrictedStep(step, tile, (tile,))
    axes = zip(step.windows, tile, input_shapes[0], output_shape, strict=False)
    windows, output_tile, input_tile = zip(*(_restrict_window(*axis) for axis in axes), strict=True)
    return RestrictedStep(replace(step, windows=windows), output_tile, (input_tile,))


def _restrict_window(window: Window, span: Span, width: int, positions: int) -> tuple[Window, Span, Span]:
    """Return the window for a span of its positions, that span, and the span of the `width` cells that it meets."""
    start = span[0] * window.stride - window.before  # in cells of the stretched axis
    stop = (span[1] - 1) * window.stride - window.before + window.extent
    first = max(0, -(-start // window.upsample))
    last = min(width - 1, (stop - 1) // window.upsample)
    if first > last and window.upsample > 1:
        # The windows lie between two cells. No input can be empty, so take a cell that is padded away, then cropped.
        return replace(window, before=stop - start, after=-1), span, (0, 1)
    if first > last:  # the windows meet padding alone; no input can be empty, so take the whole axis
        return window, (0, positions), (0, width)
    before = first * window.upsample - start
    after = stop - 1 - last * window.upsample
    # With `ceil`, a last window may hang over the end of the padding.
    overhang = max(0, stop - window.stretched_extent(width) - window.after)
    return replace(window, before=before, after=after - overhang, ceil=overhang > 0), span, (first, last + 1)


@restrict_step.register
def _(
    step: steps.AdaptivePool, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    input_tile = tuple(
        (window.span(start)[0], window.span(stop - 1)[1])
        for window, (start, stop) in zip(step.windows, tile, strict=True)
    )
    windows = tuple(replace(window, part=span) for window, span in zip(step.windows, tile, strict=True))
    return RestrictedStep(replace(step, windows=windows), tile, (input_tile,))


@restrict_step.register
def _(step: steps.Pad, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape) -> RestrictedStep:
    axes = zip(step.amounts, tile, input_shapes[0], output_shape, strict=False)
    amounts, output_tile, input_tile = zip(*(_restrict_padding(step.mode, *axis) for axis in axes), strict=True)
    return RestrictedStep(replace(step, amounts=amounts), output_tile, (input_tile,))


def _restrict_padding(mode: str, amounts: Span, span: Span, width: int, padded_width: int) -> tuple[Span, Span, Span]:
    """Return the amounts that make a span of a padded axis, that span, and the span of cells that they are added to."""
    start, stop = (cell - amounts[0] for cell in span)  # in cells of the input, outside of it where they are padding
    before, after = max(0, -start), max(0, stop - width)
    first, last = max(0, start), min(width, stop)
    if mode in MIRRORED_FROM:  # the padding mirrors cells near the border, so the span has to include these
        border = MIRRORED_FROM[mode]
        last = max(last, before + border if before else 0)
        first = min(first, width - border - after if after else width)
    mirrored_again = first < 0 or last > width
    if first >= last or mirrored_again or (mode == "circular" and (before or after)):
        return amounts, (0, padded_width), (0, width)
    return (before, after), (first + amounts[0] - before, last + amounts[0] + after), (first, last)


@restrict_step.register
def _(step: steps.Resize, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape) -> RestrictedStep:
    if step.whole_factors is None:  # positions depend on the extents of the whole
        return _on_whole_inputs(step, input_shapes, output_shape)
    halo = 1 + steps.Resize.RADII.get(step.interpolation, -1)  # one cell more than the interpolation reads
    input_tile = tuple(
        (max(0, start // factor - halo), min(width, -(-stop // factor) + halo))
        for factor, (start, stop), width in zip(step.whole_factors, tile, input_shapes[0], strict=False)
    )
    axes = zip(step.whole_factors, input_tile, strict=True)
    return RestrictedStep(step, tuple((start * factor, stop * factor) for factor, (start, stop) in axes), (input_tile,))


@restrict_step.register
def _(
    step: steps.MoveBlocks, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    if not step.spread:
        axes = zip(step.block, tile, strict=True)
        return RestrictedStep(step, tile, (tuple((start * size, stop * size) for size, (start, stop) in axes),))
    input_tile = tuple((start // size, -(-stop // size)) for size, (start, stop) in zip(step.block, tile, strict=True))
    axes = zip(step.block, input_tile, strict=True)
    return RestrictedStep(step, tuple((start * size, stop * size) for size, (start, stop) in axes), (input_tile,))


@restrict_step.register
def _(
    step: steps.MoveAxes, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    rank = len(tile)
    if step.axes[-1] != rank:  # the channels become a spatial axis
        return _on_whole_inputs(step, input_shapes, output_shape)
    return RestrictedStep(step, tile, (tuple(tile[step.axes.index(axis)] for axis in range(rank)),))


@restrict_step.register
def _(
    step: steps.Activate, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    rank = len(tile)
    # Slopes that differ from cell to cell are not cut into tiles, so they need the whole input.
    slope_for_each_cell = step.slope is not None and any(axis < rank for axis in step.slope_axes)
    return _with_whole_axes(step, tile, output_shape, range(rank) if slope_for_each_cell else step.axes)


@restrict_step.register
def _(
    step: steps.NormalizeLocally, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    return RestrictedStep(step, tile, (tile,))


@restrict_step.register(steps.Scale)
@restrict_step.register(steps.Normalize)
def _(
    step: steps.Scale | steps.Normalize, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape
) -> RestrictedStep:
    return _with_whole_axes(step, tile, output_shape, step.axes)


def _with_whole_axes(step: Step, tile: Tile, shape: SampleShape, axes: Sequence[int]) -> RestrictedStep:
    """Restrict a step that needs all cells along some axes, and works cell by cell along the others."""
    widened = _widen(tile, shape, axes)
    return RestrictedStep(step, widened, (widened,))


def _widen(tile: Tile, shape: Sequence[int], axes: Sequence[int]) -> Tile:
    """Return the tile with all cells along some axes."""
    return tuple((0, shape[axis]) if axis in axes else span for axis, span in enumerate(tile))


@restrict_step.register
def _(step: steps.Merge, tile: Tile, input_shapes: Sequence[SampleShape], output_shape: SampleShape) -> RestrictedStep:
    rank = len(output_shape)
    if any(len(shape) != rank for shape in input_shapes):
        return _on_whole_inputs(step, input_shapes, output_shape)
    if step.joins:
        joined_axis = (step.axis % rank,)
        input_tiles = tuple(_widen(tile, shape, joined_axis) for shape in input_shapes)
        return RestrictedStep(step, _widen(tile, output_shape, joined_axis), input_tiles)
    broadcast = (
        tuple((0, 1) if shape[axis] == 1 else span for axis, span in enumerate(tile)) for shape in input_shapes
    )
    return RestrictedStep(step, tile, tuple(broadcast))
