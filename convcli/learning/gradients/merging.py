"""The gradients of steps that merge several values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.run_step import align_operands, run_step
from convcli.learning.gradients.broadcasting import sum_to_operand
from convcli.learning.gradients.context import Backward, Gradients, PassContext, Weights
from convcli.model.steps import Merge


def merge(step: Merge, inputs: Sequence[Array], weights: Weights, context: PassContext) -> tuple[Array, Backward]:
    """Return the merged inputs, and their backward function."""
    y = run_step(step, inputs, weights)
    if step.kind == "concatenate":
        return y, lambda dy, by_inputs, by_weights: (_split(step, inputs, dy), {})
    if step.kind == "interleave":
        return y, lambda dy, by_inputs, by_weights: (_take_turns(step, inputs, dy), {})
    operands = align_operands(step, inputs)
    for index, constant in step.constants:
        operands.insert(index, np.asarray(constant, y.dtype))
    constants = dict(step.constants)
    variables = [index for index in range(len(operands)) if index not in constants]

    def backward(dy: Array, by_inputs: bool, by_weights: bool) -> Gradients:
        gradients = GRADIENTS[step.kind](step, operands, y, dy)
        return [
            sum_to_operand(gradients[index], x.shape, step.data_format)
            for index, x in zip(variables, inputs, strict=True)
        ], {}

    return y, backward


def _split(step: Merge, inputs: Sequence[Array], dy: Array) -> list[Array]:
    """Return the part of the gradient that belongs to each of the concatenated inputs."""
    lead = (slice(None),) * (step.axis + 1)
    edges = accumulate((x.shape[step.axis + 1] for x in inputs), initial=0)
    return [dy[(*lead, slice(start, stop))] for start, stop in pairwise(edges)]


def _take_turns(step: Merge, inputs: Sequence[Array], dy: Array) -> list[Array]:
    """Return the part of the gradient that belongs to each of the interleaved inputs."""
    lead = (slice(None),) * (step.axis + 1)
    return [dy[(*lead, slice(start, None, len(inputs)))] for start in range(len(inputs))]


# Each function below takes a step, its operands, its output and the gradient by that, and returns the gradients by
# the operands in the shape of the output.


def _sum_gradients(step: Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    coefficients = step.coefficients or (1.0,) * len(operands)
    return [dy if coefficient == 1 else dy * coefficient for coefficient in coefficients]


def _mean_gradients(step: Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    return _sum_gradients(step, operands, y, dy / len(operands))


def _product_gradients(step: Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    gradients = []
    for index in range(len(operands)):
        gradient = dy
        for other, operand in enumerate(operands):
            gradient = gradient if other == index else gradient * operand
        gradients.append(gradient)
    return gradients


def _extreme_gradients(step: Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    """Give the gradient by a maximum or minimum to the operand that it came from; of equal operands to the first."""
    undecided, gradients = np.ones(y.shape, bool), []
    for operand in operands:
        is_extreme = undecided & (operand == y)
        gradients.append(dy * is_extreme)
        undecided &= ~is_extreme
    return gradients


def _hypot_gradients(step: Merge, operands: Sequence[Array], y: Array, dy: Array) -> list[Array]:
    """Return dy·x/y for each operand x; 0 where all are 0, between the slopes on either side."""
    share = np.divide(dy, y, out=np.zeros_like(y), where=y != 0)
    return [share * operand for operand in operands]


GRADIENTS: dict[str, Callable[[Merge, Sequence[Array], Array, Array], list[Array]]] = {
    "sum": _sum_gradients,
    "mean": _mean_gradients,
    "product": _product_gradients,
    "maximum": _extreme_gradients,
    "minimum": _extreme_gradients,
    "hypot": _hypot_gradients,
}
