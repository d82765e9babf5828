"""The working behind a value as lines of text: sums and formulas with their numbers in them.

A long sum is cut to its first and last terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import singledispatch
from typing import Any

from convcli.core.lazy_imports import Array
from convcli.engine.explain.stages import (
    ActivationStage,
    CopyStage,
    DotProductStage,
    LocalNormalizeStage,
    MergeStage,
    NormalizeStage,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.model.steps.merging import MERGE_WORDS
from convcli.output.render.number_format import format_value

LOCAL_PARAMETERS = ("alpha", "beta", "k", "size")
MOST_TERMS = 32  # of a sum that is written out
END_TERMS = 4  # of a longer sum, from either end


@singledispatch
def stage_line(stage: Stage) -> str:
    """Return a stage of the working as one line, such as `[0, 1, 0]·[0, 1, 1] = 1`."""
    raise NotImplementedError(type(stage).__name__)


@stage_line.register
def _dot_product_line(stage: DotProductStage) -> str:
    kernel, values, outside = stage.kernel, stage.patch.values, ~stage.patch.inside
    if meets_one_cell(stage):  # the channels of the cell make one vector
        products = [f"{format_vector(kernel)}·{format_vector(values)}"]
    else:
        products = [
            f"{format_vector(kernel[..., channel])}·{format_vector(values[..., channel], outside)}"
            for channel in range(kernel.shape[-1])
        ]
    if stage.per_channel:
        return f"{'; '.join(cut(products))} = {format_vector(stage.value)}"
    bias = [] if stage.bias is None or stage.bias == 0 else [format_factor(stage.bias)]
    return f"{' + '.join(cut(products + bias))} = {format_value(stage.value)}"


def meets_one_cell(stage: DotProductStage) -> bool:
    """Return whether a filter is one cell large and sums over its channels."""
    return stage.kernel.size == stage.kernel.shape[-1] and not stage.per_channel


@stage_line.register
def _pool_line(stage: PoolStage) -> str:
    values = stage.patch.values[stage.patch.inside]
    if stage.winner is not None:
        return f"max({', '.join(cut([format_value(value) for value in values]))}) = {format_value(stage.value)}"
    total = f"({format_sum(values)})" if len(values) > 1 else format_sum(values)
    return f"{total} / {stage.count} = {format_value(stage.value)}"


@stage_line.register
def _scale_line(stage: ScaleStage) -> str:
    numbers = {"x": stage.input, **stage.parameters}
    symbols = _scale_formula(stage, lambda name: name)
    figures = _scale_formula(stage, lambda name: format_factor(numbers[name]))
    return f"{symbols} = {figures} = {format_value(stage.value)}"


def _scale_formula(stage: ScaleStage, text: Callable[[str], str]) -> str:
    """Return the formula of a scaling, in which each number appears as the text of its name."""
    if stage.kind == "affine":
        formula = text("x")
    else:
        x, epsilon = text("x"), text("epsilon")
        mean, variance = (text(name) for name in stage.parameters if name not in ("gamma", "beta", "epsilon"))
        if stage.kind == "standard":
            return f"({x} − {mean}) / max(√{variance}, {epsilon})"
        if stage.kind == "inverse":
            return f"{x}·max(√{variance}, {epsilon}) + {mean}"
        formula = f"({x} − {mean}) / √({variance} + {epsilon})"
    scaled = f"{text('gamma')}·{formula}" if "gamma" in stage.parameters else formula
    return f"{scaled} + {text('beta')}" if "beta" in stage.parameters else scaled


@stage_line.register
def _normalize_line(stage: NormalizeStage) -> str:
    if stage.mean is None:
        x, squares, epsilon = map(format_factor, (stage.input, stage.variance, stage.epsilon))
        figures = f"{x} / √({squares} + {epsilon}) = {format_value(stage.value)}"
        return f"x / √(mean of x² + epsilon) = {figures}, mean of {stage.count:,} values"
    x, mean, variance, epsilon = map(format_factor, (stage.input, stage.mean, stage.variance, stage.epsilon))
    figures = f"({x} − {mean}) / √({variance} + {epsilon}) = {format_value(stage.value)}"
    return f"(x − mean) / √(variance + epsilon) = {figures}, mean and variance of {stage.count:,} values"


@stage_line.register
def _local_normalize_line(stage: LocalNormalizeStage) -> str:
    x, alpha, beta, k, size = map(format_factor, (stage.input, *(stage.parameters[name] for name in LOCAL_PARAMETERS)))
    squares = f"{alpha}·{format_factor((stage.among**2).sum())} / {size}"
    return f"x / (k + alpha·Σx² / size)^beta = {x} / ({k} + {squares})^{beta} = {format_value(stage.value)}"


@stage_line.register
def _activation_line(stage: ActivationStage) -> str:
    parameters = [f"{name}={format_value(value)}" for name, value in stage.parameters.items() if value is not None]
    among = [] if stage.axis_values is None else [f"among {format_vector(stage.axis_values)}"]
    arguments = ", ".join([format_value(stage.input), *among, *parameters])
    return f"{stage.function}({arguments}) = {format_value(stage.value)}"


@stage_line.register
def _merge_line(stage: MergeStage) -> str:
    coefficients = stage.coefficients or (1,) * len(stage.operands)
    operands = [
        f"{name} {'' if coefficient == 1 else f'{format_factor(coefficient)}·'}{format_value(value)}".strip()
        for (name, value), coefficient in zip(stage.operands, coefficients, strict=True)
    ]
    return f"{MERGE_WORDS.get(stage.kind, stage.kind)} of {', '.join(cut(operands))} = {format_value(stage.value)}"


@stage_line.register
def _copy_line(stage: CopyStage) -> str:
    if stage.cell is None:
        return f"padding = {format_value(stage.value)}"
    *position, channel = stage.cell
    where = f"at {','.join(map(str, position))}, channel {channel}" if position else f"at {channel}"
    return f"{stage.operand} {where} = {format_value(stage.value)}"


# ---- numbers in formulas ----


def format_factor(value: Any) -> str:
    """Return a number as part of a formula: a negative one in parentheses."""
    text = format_value(value)
    return f"({text})" if text.startswith("-") else text


def format_sum(values: Iterable[Any]) -> str:
    """Return numbers as a sum: `1 + (-2) + 3`."""
    return " + ".join(cut([format_factor(value) for value in values]))


def format_products(kernel: Array, values: Array) -> str:
    """Return each weight times its value, as a sum: `0·0 + 1·1 + 0·1`."""
    pairs = zip(kernel.ravel(), values.ravel(), strict=True)
    return " + ".join(cut([f"{format_factor(weight)}·{format_factor(value)}" for weight, value in pairs]))


def format_vector(values: Array, outside: Array | None = None) -> str:
    """Return numbers in brackets, `[0, 1, 0]`; those that are outside the input stand in parentheses."""
    texts = [format_value(value) for value in values.ravel()]
    if outside is not None:
        texts = [f"({text})" if is_outside else text for text, is_outside in zip(texts, outside.ravel(), strict=True)]
    return f"[{', '.join(cut(texts))}]"


def cut(terms: Sequence[str]) -> list[str]:
    """Return the terms or, if there are many, the first and the last of them."""
    return list(terms) if len(terms) <= MOST_TERMS else [*terms[:END_TERMS], "…", *terms[-END_TERMS:]]
