"""The working behind a value: grids of numbers side by side, then sums and formulas with their numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch

from rich.console import RenderableType
from rich.text import Text

from convcli.core.lazy_imports import np
from convcli.core.shapes import axis_names
from convcli.engine.explain.explained_layer import Explanation
from convcli.engine.explain.stages import DotProductStage, Patch, PoolStage, Stage
from convcli.output.render.number_format import format_value
from convcli.output.render.stage_lines import format_products, format_sum, meets_one_cell, stage_line
from convcli.output.render.table.number_grids import NumberGrid, SideBySide
from convcli.output.report.apply import correlation_name, orientation
from convcli.output.report.explain import ExplainReport

MOST_CHANNELS = 4
FILTER_TITLES = {
    "kernel": "filter",
    "depthwise_kernel": "depthwise filter",
    "pointwise_kernel": "pointwise filter",
    "weights": "weights",  # of an interpolation
}
AXES = {1: ("cells",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}


def renderables(report: ExplainReport) -> Iterator[RenderableType]:
    """Yield each explanation; on a walk over a map with one axis, each in one line."""
    in_lines = report.walk and len(report.layer.space) < 2
    for index, explanation in enumerate(report.explanations):
        if in_lines:
            working = " → ".join(stage_line(stage) for stage in explanation.stages)
            yield Text(f"{','.join(map(str, explanation.at))}: {working}")
        else:
            yield from _in_full(explanation, is_first=index == 0)
    more = report.positions - len(report.explanations)
    if more:
        yield Text(f"… {more:,} more positions; --limit N shows N, -f json all", "dim")


def _in_full(explanation: Explanation, is_first: bool) -> Iterator[RenderableType]:
    at = f" at {','.join(map(str, explanation.at))}" if explanation.at else ""
    yield Text.assemble(
        "" if is_first else "\n",
        (f"{explanation.layer.name} ({explanation.layer.node.type_name})", "bold"),
        f": {explanation.map_name}{at} = ",
        (format_value(explanation.value), "bold"),
    )
    for stage in explanation.stages:
        yield from stage_renderables(stage, explanation)


@singledispatch
def stage_renderables(stage: Stage, explanation: Explanation) -> Iterator[RenderableType]:
    """Yield a stage of an explanation in full: grids if it has a window, else its line."""
    yield Text(f" {stage_line(stage)}")


# ---- dot products ----


@stage_renderables.register
def _dot_product(stage: DotProductStage, explanation: Explanation) -> Iterator[RenderableType]:
    if meets_one_cell(stage):
        yield Text(f" {_operation(stage, explanation)}", "dim")
        yield from _one_cell(stage)
    else:
        yield Text(f" {_operation(stage, explanation)}{_parentheses(stage)}", "dim")
        yield from _channels(stage)
    if stage.bias is not None:
        yield Text(f" bias: {format_sum((stage.sum, stage.bias))} = {format_value(stage.value)}")


def _operation(stage: DotProductStage, explanation: Explanation) -> str:
    """Return the name of the operation, and the cells that it works on."""
    source = explanation.layer.input_names[0]
    if stage.kernel.ndim == 1:
        return f"Each value of {source} times its weight"
    if stage.name == "weights":
        return f"Interpolation between cells of {source}{_where(stage.patch)}"
    return f"{correlation_name(stage.transposed, stage.flipped)} of {source}{_where(stage.patch)}"


def _one_cell(stage: DotProductStage) -> Iterator[RenderableType]:
    """Yield filter, cell and products, a row of channels each, and their sum."""
    source = "depthwise sums" if stage.name == "pointwise_kernel" else "input"
    titled = (
        (FILTER_TITLES[stage.name], stage.kernel),
        (source, stage.patch.values),
        ("products", stage.products),
    )
    yield SideBySide(tuple(NumberGrid(title, values.ravel()) for title, values in titled), ("·", "="))
    yield Text(f" sum: {format_products(stage.kernel, stage.patch.values)} = {format_value(stage.sum)}")


def _channels(stage: DotProductStage) -> Iterator[RenderableType]:
    """Yield the working of the first channels, and the sum over all of them."""
    count = len(stage.channels)
    for index, channel in enumerate(stage.channels[:MOST_CHANNELS]):
        # With a depth multiplier several filters see the same channel.
        filter_number = index - stage.channels.index(channel)
        which_filter = f", filter {filter_number}" if filter_number else ""
        yield from _channel(stage, index, f", channel {channel}{which_filter}" if count > 1 else "")
    if count > MOST_CHANNELS:
        yield Text(f" … {count - MOST_CHANNELS:,} more channels; -f json gives all", "dim")
    if count > 1 and not stage.per_channel:
        yield Text(f" sum: {format_sum(stage.channel_sums)} = {format_value(stage.sum)}")


def _channel(stage: DotProductStage, index: int, suffix: str) -> Iterator[RenderableType]:
    """Yield filter, patch and products of one channel, slice by slice in 3-D, and their sum."""
    kernel, values, products = (array[..., index] for array in (stage.kernel, stage.patch.values, stage.products))
    filter_title = FILTER_TITLES[stage.name] + orientation(stage.transposed, stage.flipped)
    outside = ~stage.patch.inside
    for lead in np.ndindex(*outside.shape[:-2]):
        depth = "".join(f", depth {position}" for position in lead)
        filter_grid = NumberGrid(f"{filter_title}{suffix}{depth}", kernel[lead])
        patch_grid = NumberGrid(f"input{suffix}{depth}", values[lead], outside[lead])
        products_grid = NumberGrid(f"products{suffix}{depth}", products[lead])
        yield SideBySide((filter_grid, patch_grid, products_grid), ("·", "="))
    name = suffix.removeprefix(", ") or "sum"
    yield Text(f" {name}: {format_products(kernel, values)} = {format_value(stage.channel_sums[index])}")


# ---- pooling ----


@stage_renderables.register
def _pooling(stage: PoolStage, explanation: Explanation) -> Iterator[RenderableType]:
    source, winner = explanation.layer.input_names[0], stage.winner
    kind = "Mean" if winner is None else "Maximum"
    yield Text(f" {kind} of {source}{_where(stage.patch)}{_parentheses(stage)}", "dim")
    values, outside = stage.patch.values, ~stage.patch.inside
    for lead in np.ndindex(*values.shape[:-2]):
        depth = "".join(f", depth {position}" for position in lead)
        chosen = winner[len(lead) :] if winner is not None and winner[: len(lead)] == lead else None
        yield NumberGrid(f"input{depth}", values[lead], outside[lead], chosen)
    yield Text(f" {stage_line(stage)}")
    if winner is not None and stage.patch.cells is not None:
        yield Text(f" the winner, in brackets, is {source} at {','.join(map(str, stage.patch.cells[winner]))}")


# ---- which cells ----


def _where(patch: Patch) -> str:
    """Return the cells of the input in a patch, axis by axis: `, rows 0 to 2, columns 4 and 6`."""
    if patch.cells is None:
        return ""
    cells = patch.cells[patch.inside]  # (cells, axes)
    if not cells.size:
        return ", none of its cells"
    names = AXES.get(cells.shape[1], axis_names(cells.shape[1]))
    spans = (_span(name, sorted(set(along.tolist()))) for name, along in zip(names, cells.T, strict=True))
    return "".join(f", {span}" for span in spans)


def _span(name: str, positions: Sequence[int]) -> str:
    """Return sorted positions along an axis in words: `rows 0 to 2`."""
    if len(positions) == 1:
        return f"{name.removesuffix('s')} {positions[0]}"
    if len(positions) > 2 and positions[-1] - positions[0] == len(positions) - 1:
        return f"{name} {positions[0]} to {positions[-1]}"
    return f"{name} {', '.join(map(str, positions[:-1]))} and {positions[-1]}"


def _parentheses(stage: DotProductStage | PoolStage) -> str:
    """Return what the numbers in parentheses are, if there are any."""
    if stage.patch.inside.all():
        return ""
    is_stretched = isinstance(stage, DotProductStage) and stage.transposed
    return "; in parentheses: between its cells, or padding" if is_stretched else "; in parentheses: padding"
