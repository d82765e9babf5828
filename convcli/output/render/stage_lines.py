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
    MergeStage,
    NormalizeStage,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.output.render.number_text import number_text

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
        products = [f"{vector_text(kernel)}·{vector_text(values)}"]
    else:
        products = [
            f"{vector_text(kernel[..., channel])}·{vector_text(values[..., channel], outside)}"
            for channel in range(kernel.shape[-1])
        ]
    if stage.per_channel:
        return f"{'; '.join(cut(products))} = {vector_text(stage.value)}"
    bias = [] if stage.bias is None or stage.bias == 0 else [factor_text(stage.bias)]
    return f"{' + '.join(cut(products + bias))} = {number_text(stage.value)}"


def meets_one_cell(stage: DotProductStage) -> bool:
    """Return whether a filter is one cell large and sums over its channels."""
    return stage.kernel.size == stage.kernel.shape[-1] and not stage.per_channel


@stage_line.register
def _pool_line(stage: PoolStage) -> str:
    values = stage.patch.values[stage.patch.inside]
    if stage.winner is not None:
        return f"max({', '.join(cut([number_text(value) for value in values]))}) = {number_text(stage.value)}"
    total = f"({sum_text(values)})" if len(values) > 1 else sum_text(values)
    return f"{total} / {stage.count} = {number_text(stage.value)}"


@stage_line.register
def _scale_line(stage: ScaleStage) -> str:
    numbers = {"x": stage.input, **stage.parameters}
    symbols = _scale_formula(stage, lambda name: name)
    figures = _scale_formula(stage, lambda name: factor_text(numbers[name]))
    return f"{symbols} = {figures} = {number_text(stage.value)}"


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
    x, mean, variance, epsilon = map(factor_text, (stage.input, stage.mean, stage.variance, stage.epsilon))
    figures = f"({x} − {mean}) / √({variance} + {epsilon}) = {number_text(stage.value)}"
    return f"(x − mean) / √(variance + epsilon) = {figures}, mean and variance of {stage.count:,} values"


@stage_line.register
def _activation_line(stage: ActivationStage) -> str:
    parameters = [f"{name}={number_text(value)}" for name, value in stage.parameters.items() if value is not None]
    among = [] if stage.axis_values is None else [f"among {vector_text(stage.axis_values)}"]
    arguments = ", ".join([number_text(stage.input), *among, *parameters])
    return f"{stage.function}({arguments}) = {number_text(stage.value)}"


@stage_line.register
def _merge_line(stage: MergeStage) -> str:
    coefficients = stage.coefficients or (1,) * len(stage.operands)
    operands = [
        f"{name} {'' if coefficient == 1 else f'{factor_text(coefficient)}·'}{number_text(value)}".strip()
        for (name, value), coefficient in zip(stage.operands, coefficients, strict=True)
    ]
    return f"{stage.kind} of {', '.join(cut(operands))} = {number_text(stage.value)}"


@stage_line.register
def _copy_line(stage: CopyStage) -> str:
    if stage.cell is None:
        return f"padding = {number_text(stage.value)}"
    *position, channel = stage.cell
    where = f"at {','.join(map(str, position))}, channel {channel}" if position else f"at {channel}"
    return f"{stage.operand} {where} = {number_text(stage.value)}"


# ---- numbers in formulas ----


def factor_text(value: Any) -> str:
    """Return a number as part of a formula: a negative one in parentheses."""
    text = number_text(value)
    return f"({text})" if text.startswith("-") else text


def sum_text(values: Iterable[Any]) -> str:
    """Return numbers as a sum: `1 + (-2) + 3`."""
    return " + ".join(cut([factor_text(value) for value in values]))


def products_text(kernel: Array, values: Array) -> str:
    """Return each weight times its value, as a sum: `0·0 + 1·1 + 0·1`."""
    pairs = zip(kernel.ravel(), values.ravel(), strict=True)
    return " + ".join(cut([f"{factor_text(weight)}·{factor_text(value)}" for weight, value in pairs]))


def vector_text(values: Array, outside: Array | None = None) -> str:
    """Return numbers in brackets, `[0, 1, 0]`; those that are outside the input stand in parentheses."""
    texts = [number_text(value) for value in values.ravel()]
    if outside is not None:
        texts = [f"({text})" if is_outside else text for text, is_outside in zip(texts, outside.ravel(), strict=True)]
    return f"[{', '.join(cut(texts))}]"


def cut(terms: Sequence[str]) -> list[str]:
    """Return the terms or, if there are many, the first and the last of them."""
    return list(terms) if len(terms) <= MOST_TERMS else [*terms[:END_TERMS], "…", *terms[-END_TERMS:]]
