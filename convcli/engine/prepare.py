"""Prepare operations for their runs: choose algorithms, lay out kernels, fold scales into kernels.

All of this happens once, before the first run. What happens in each run is in `prepared_operations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np

from convcli.core.errors import located
from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.algorithms.native import NativeCorrelation
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.problem import Problem
from convcli.engine.epilogue import Affine, Epilogue, apply_epilogue
from convcli.engine.execution import Execution
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName
from convcli.engine.native.epilogue import native_epilogue
from convcli.engine.native_operations import NativeCorrelationOperation
from convcli.engine.prepared_operations import (
    PreparedCorrelation,
    PreparedEpilogue,
    PreparedMerge,
    PreparedOperation,
    PreparedPool,
    PreparedStep,
)
from convcli.model.steps import Correlate, Merge, Pool


def prepare(
    operations: Iterable[Operation],
    execution: Execution,
    samples: int,
    chosen: Mapping[ValueName, str] | None = None,
) -> list[PreparedOperation]:
    """Return the operations, ready to run. Raises `ConvcliError` where an algorithm does not suit a correlation.

    `samples` is how many samples there will be in all: laying out weights has to pay off. `chosen` names the algorithm
    of correlations by the value that they make; by default it is chosen here.
    """
    chosen = chosen or {}
    return [
        _prepare(operation, execution, samples, chosen.get(operation.output, execution.algorithm))
        for operation in operations
    ]


def _prepare(operation: Operation, execution: Execution, samples: int, algorithm: str) -> PreparedOperation:
    step = operation.step
    if step is None:
        return PreparedEpilogue(operation)
    if isinstance(step, Correlate):
        with located(operation.where):
            return _prepare_correlation(operation, step, execution.tolerance, samples, algorithm)
    if isinstance(step, Pool):
        return PreparedPool(operation, step)
    if isinstance(step, Merge) and not step.joins and step.is_plain:
        return PreparedMerge(operation, step)
    return PreparedStep(operation)


def _prepare_correlation(
    operation: Operation, step: Correlate, tolerance: float, samples: int, algorithm: str
) -> PreparedOperation:
    kernel, epilogue = _kernel_and_epilogue(operation, step, tolerance)
    groups = known(step.groups)
    problem = Problem(
        step.windows,
        groups,
        group_channels=kernel.shape[-2],
        group_filters=kernel.shape[-1] // groups,
        space=operation.input_shape[:-1],
        dtype=kernel.dtype.name,
        tolerance=tolerance,
        samples=samples,
    )
    algorithm, correlation = prepare_correlation(kernel, problem, algorithm)
    if isinstance(correlation, NativeCorrelation):
        correlation.set_epilogue(native_epilogue(epilogue, problem.filters, problem.dtype))
        if not correlation.epilogue.rest:
            return NativeCorrelationOperation(operation, algorithm, correlation)
        epilogue = correlation.epilogue.rest
    return PreparedCorrelation(operation, algorithm, correlation, partial(apply_epilogue, epilogue))


def _kernel_and_epilogue(operation: Operation, step: Correlate, tolerance: float) -> tuple[Array, Epilogue]:
    """Return the kernel as it meets the input, `(*k, in/groups, filters)`, and what is left to do to its results.

    The bias is the first function of the epilogue. Where float32 results need not be exact, a scale that follows is
    folded into kernel and bias.
    """
    kernel = correlation_kernel(step, operation.weights[step.kernel.name])
    bias = None if step.bias is None else operation.weights[step.bias.name]
    epilogue = operation.epilogue
    approximate = kernel.dtype == np.float32 and tolerance > 0
    if approximate and epilogue and isinstance(epilogue[0], Affine):
        folded = _fold(kernel, bias, epilogue[0])
        if folded:
            (kernel, bias), epilogue = folded, epilogue[1:]
    return kernel, epilogue if bias is None else (Affine(None, bias), *epilogue)


def _fold(kernel: Array, bias: Array | None, scale: Affine) -> tuple[Array, Array | None] | None:
    """Return a kernel and a bias whose results are already scaled, or None where they would be less exact.

    A kernel of whole numbers stays as it is, so that its results stay whole. So does one whose scaled numbers the type
    cannot hold, because they are too large or too small.
    """
    factor = 1 if scale.factor is None else scale.factor
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = kernel * factor
        offset = scale.offset if bias is None else bias * factor + (0 if scale.offset is None else scale.offset)
    too_small = np.any((np.abs(scaled) < np.finfo(kernel.dtype).tiny) & (kernel != 0))
    finite = np.isfinite(scaled).all() and (offset is None or np.isfinite(offset).all())
    if too_small or not finite or np.array_equal(np.rint(kernel), kernel):
        return None
    return scaled, None if offset is None else np.broadcast_to(offset, kernel.shape[-1:])
