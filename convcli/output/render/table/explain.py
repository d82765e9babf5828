"""The working behind a value: grids side by side, then sums and formulas with their numbers in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from convcli.core.lazy_imports import Array, np
from convcli.core.records import replace
from convcli.core.shapes import axis_names
from convcli.engine.explain.stages import (
    ActivationStage,
    CopyStage,
    DotProductStage,
    MergeStage,
    NormalizeStage,
    Patch,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.output.render.number_text import number_text
from convcli.output.render.table.number_grids import NumberGrid, SideBySide
from convcli.output.report.apply import operation, turned
from convcli.output.report.explain import ExplainReport, Explanation

MOST_TERMS = 32  # of a sum that is written out in full
ENDS = 4  # of a longer one, so many terms from either end
MOST_CHANNELS = 4


def renderables(report: ExplainReport) -> Iterator[RenderableType]:
    explanations = report.explanations
    lines = report.walk and len(report.explained.space) < 2
    for place, each in enumerate(explanations):
        if place == report.shown:
            yield Text(f"… {len(report.places) - place:,} more positions; --limit N shows N, -f json all", "dim")
            return
        if lines:
            yield Text(f"{','.join(map(str, each.at))}: {_in_a_line(each)}")
        else:
            yield from _whole(each, first=place == 0)


def _whole(each: Explanation, first: bool) -> Iterator[RenderableType]:
    at = f" at {','.join(map(str, each.at))}" if each.at else ""
    yield Text.assemble(
        "" if first else "\n",
        (f"{each.layer.name} ({type(each.layer.node.layer).__name__})", "bold"),
        f": {each.map_name}{at} = ",
        (number_text(each.value), "bold"),
    )
    for stage in each.stages:
        yield from stage_renderables(stage, each)


def _in_a_line(each: Explanation) -> str:
    """The stages one after the other: `[0, 1, 0]·[0, 1, 1] = 1`."""
    return " → ".join(stage_line(stage) for stage in each.stages)


# ---- each kind of stage ----


@singledispatch
def stage_renderables(stage: Stage, of: Explanation) -> Iterator[RenderableType]:
    """A stage in full."""
    yield Text(f" {stage_line(stage)}")


@singledispatch
def stage_line(stage: Stage) -> str:
    """A stage in a line."""
    raise NotImplementedError(type(stage).__name__)


@stage_renderables.register
def _(stage: DotProductStage, of: Explanation) -> Iterator[RenderableType]:
    values, kernel = stage.patch.values, stage.kernel
    if kernel.size == kernel.shape[-1] and not stage.per_channel:  # one cell: its channels are a row
        source = "depthwise sums" if stage.name == "pointwise_kernel" else "input"
        titled = ((FILTERS[stage.name], kernel), (source, values), ("products", stage.products))
        flat = (NumberGrid(title, each.ravel()) for title, each in titled)
        yield Text(f" {_met(stage, of)}", "dim")
        yield SideBySide(tuple(flat), ("·", "="))
        yield Text(f" sum: {_terms(kernel, values)} = {number_text(stage.sum)}")
    else:
        yield Text(f" {_met(stage, of)}{_unlike(stage)}", "dim")
        for place, channel in enumerate(stage.channels[:MOST_CHANNELS]):
            filter_ = f", filter {place - stage.channels.index(channel)}" if channel in stage.channels[:place] else ""
            yield from _channel(stage, place, f", channel {channel}{filter_}" if len(stage.channels) > 1 else "")
        if len(stage.channels) > MOST_CHANNELS:
            yield Text(f" … {len(stage.channels) - MOST_CHANNELS:,} more channels; -f json gives all", "dim")
        if len(stage.channels) > 1 and not stage.per_channel:
            yield Text(f" sum: {_sum(stage.channel_sums)} = {number_text(stage.sum)}")
    if stage.bias is not None:
        yield Text(f" bias: {_sum((stage.sum, stage.bias))} = {number_text(stage.value)}")


def _channel(stage: DotProductStage, place: int, suffix: str) -> Iterator[RenderableType]:
    """Filter, patch and products of one channel, slice by slice in 3-D, and their sum."""
    arrays = [each[..., place] for each in (stage.kernel, stage.patch.values, stage.products)]
    outside = ~stage.patch.inside
    titles = (FILTERS[stage.name] + turned(stage.transposed, stage.flipped), "input", "products")
    for lead in np.ndindex(*outside.shape[:-2]):
        depth = "".join(f", depth {each}" for each in lead)
        kernel, patch, products = (
            NumberGrid(f"{title}{suffix}{depth}", each[lead]) for title, each in zip(titles, arrays, strict=True)
        )
        yield SideBySide((kernel, replace(patch, outside=outside[lead]), products), ("·", "="))
    what = suffix.removeprefix(", ") or "sum"
    yield Text(f" {what}: {_terms(*arrays[:2])} = {number_text(stage.channel_sums[place])}")


FILTERS = {
    "kernel": "filter",
    "depthwise_kernel": "depthwise filter",
    "pointwise_kernel": "pointwise filter",
    "weights": "weights",  # of an interpolation
}


def _met(stage: DotProductStage, of: Explanation) -> str:
    """What is done, and on which cells."""
    source = of.layer.input_names[0]
    if stage.kernel.ndim == 1:
        return f"Each value of {source} times its weight"
    if stage.name == "weights":
        return f"Interpolation between cells of {source}{_where(stage.patch)}"
    return f"{operation(stage.transposed, stage.flipped)} of {source}{_where(stage.patch)}"


def _where(patch: Patch) -> str:
    """`, rows 0 to 2, columns 4 and 6`: the cells of the input in a patch, axis by axis."""
    if patch.cells is None:
        return ""
    met = patch.cells[patch.inside]  # (cells, axes)
    if not met.size:
        return ", no cell of which it meets"
    names = AXES.get(met.shape[1], axis_names(met.shape[1]))
    return "".join(f", {_span(name, sorted(set(each.tolist())))}" for name, each in zip(names, met.T, strict=True))


AXES = {1: ("cells",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}


def _span(name: str, places: Sequence[int]) -> str:
    if len(places) == 1:
        return f"{name.removesuffix('s')} {places[0]}"
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"{name} {places[0]} to {places[-1]}"
    return f"{name} {', '.join(map(str, places[:-1]))} and {places[-1]}"


def _unlike(stage: DotProductStage | PoolStage) -> str:
    """What parentheses stand for, where there are any."""
    if stage.patch.inside.all():
        return ""
    between = isinstance(stage, DotProductStage) and stage.transposed
    return "; in parentheses: between its cells, or padding" if between else "; in parentheses: padding"


@stage_line.register
def _(stage: DotProductStage) -> str:
    kernel, values, outside = stage.kernel, stage.patch.values, ~stage.patch.inside
    if kernel.size == kernel.shape[-1] and not stage.per_channel:  # one cell: its channels are a vector
        parts = [f"{_vector(kernel)}·{_vector(values)}"]
    else:
        channels = range(kernel.shape[-1])
        parts = [f"{_vector(kernel[..., each])}·{_vector(values[..., each], outside)}" for each in channels]
    if stage.per_channel:
        return f"{'; '.join(_cut(parts))} = {_vector(stage.value)}"
    bias = [] if stage.bias is None or stage.bias == 0 else [_factor(stage.bias)]
    return f"{' + '.join(_cut(parts + bias))} = {number_text(stage.value)}"


@stage_renderables.register
def _(stage: PoolStage, of: Explanation) -> Iterator[RenderableType]:
    kind = "Maximum" if stage.winner is not None else "Mean"
    yield Text(f" {kind} of {of.layer.input_names[0]}{_where(stage.patch)}{_unlike(stage)}", "dim")
    values, outside = stage.patch.values, ~stage.patch.inside
    for lead in np.ndindex(*values.shape[:-2]):
        depth = "".join(f", depth {each}" for each in lead)
        chosen = stage.winner[len(lead) :] if stage.winner is not None and stage.winner[: len(lead)] == lead else None
        yield NumberGrid(f"input{depth}", values[lead], outside[lead], chosen)
    yield Text(f" {stage_line(stage)}")
    if stage.winner is not None and stage.patch.cells is not None:
        won = ",".join(map(str, stage.patch.cells[stage.winner]))
        yield Text(f" the winner, in brackets, is {of.layer.input_names[0]} at {won}")


@stage_line.register
def _(stage: PoolStage) -> str:
    met = [number_text(each) for each in stage.patch.values[stage.patch.inside]]
    if stage.winner is not None:
        return f"max({', '.join(_cut(met))}) = {number_text(stage.value)}"
    total = " + ".join(_cut([_factor(each) for each in stage.patch.values[stage.patch.inside]]))
    return f"{f'({total})' if len(met) > 1 else total} / {stage.count} = {number_text(stage.value)}"


@stage_line.register
def _(stage: ScaleStage) -> str:
    given = {"x": stage.input, **stage.parameters}
    names = [each for each in stage.parameters if each not in ("gamma", "beta", "epsilon")]
    formula = _scaling(stage.kind, stage.parameters, *names)
    symbols = formula.format_map({name: name for name in given})
    figures = formula.format_map({name: _factor(value) for name, value in given.items()})
    return f"{symbols} = {figures} = {number_text(stage.value)}"


def _scaling(kind: str, numbers: Mapping[str, Any], mean: str = "", variance: str = "") -> str:
    """The formula of a step with a place for each number's name."""
    if kind == "standard":
        return f"({{x}} − {{{mean}}}) / max(√{{{variance}}}, {{epsilon}})"
    if kind == "inverse":
        return f"{{x}}·max(√{{{variance}}}, {{epsilon}}) + {{{mean}}}"
    formula = "{x}" if kind == "affine" else f"({{x}} − {{{mean}}}) / √({{{variance}}} + {{epsilon}})"
    scaled = f"{{gamma}}·{formula}" if "gamma" in numbers else formula
    return f"{scaled} + {{beta}}" if "beta" in numbers else scaled


@stage_line.register
def _(stage: NormalizeStage) -> str:
    x, mean, variance, epsilon = map(_factor, (stage.input, stage.mean, stage.variance, stage.epsilon))
    figures = f"({x} − {mean}) / √({variance} + {epsilon}) = {number_text(stage.value)}"
    return f"(x − mean) / √(variance + epsilon) = {figures}, mean and variance of {stage.count:,} values"


@stage_line.register
def _(stage: ActivationStage) -> str:
    given = [f"{name}={number_text(value)}" for name, value in stage.parameters.items() if value is not None]
    among = [] if stage.axis_values is None else [f"among {_vector(stage.axis_values)}"]
    return f"{stage.function}({', '.join([number_text(stage.input), *among, *given])}) = {number_text(stage.value)}"


@stage_line.register
def _(stage: MergeStage) -> str:
    factors = stage.coefficients or (1,) * len(stage.operands)
    parts = [
        f"{name} {'' if factor == 1 else f'{_factor(factor)}·'}{number_text(value)}".strip()
        for (name, value), factor in zip(stage.operands, factors, strict=True)
    ]
    return f"{stage.kind} of {', '.join(_cut(parts))} = {number_text(stage.value)}"


@stage_line.register
def _(stage: CopyStage) -> str:
    if stage.cell is None:
        return f"padding = {number_text(stage.value)}"
    *at, channel = stage.cell
    place = f"at {','.join(map(str, at))}, channel {channel}" if at else f"at {channel}"
    return f"{stage.operand} {place} = {number_text(stage.value)}"


# ---- numbers ----


def _factor(value: Any) -> str:
    """A number as part of a formula: one below zero in parentheses."""
    text = number_text(value)
    return f"({text})" if text.startswith("-") else text


def _terms(kernel: Array, values: Array) -> str:
    """`0·0 + 1·1 + 0·1`: each weight times the cell that it meets."""
    pairs = zip(kernel.ravel(), values.ravel(), strict=True)
    return " + ".join(_cut([f"{_factor(weight)}·{_factor(value)}" for weight, value in pairs]))


def _sum(values: Iterable[Any]) -> str:
    return " + ".join(_cut([_factor(each) for each in values]))


def _vector(values: Array, outside: Array | None = None) -> str:
    """`[0, 1, 0]`; what is outside is in parentheses."""
    texts = [number_text(each) for each in values.ravel()]
    if outside is not None:
        texts = [f"({text})" if out else text for text, out in zip(texts, outside.ravel(), strict=True)]
    return f"[{', '.join(_cut(texts))}]"


def _cut(parts: Sequence[str]) -> list[str]:
    """The parts, or of many the first and last."""
    return list(parts) if len(parts) <= MOST_TERMS else [*parts[:ENDS], "…", *parts[-ENDS:]]
