"""Prepare operations for their runs: choose algorithms, lay out kernels, fold scales into kernels.

All of this happens once, before the first run. What happens in each run is in `prepared_operations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from convcli.core.errors import located
from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.engine.algorithms.kernel_layout import correlation_kernel
from convcli.engine.algorithms.prepare import prepare_correlation
from convcli.engine.algorithms.problem import Problem
from convcli.engine.epilogue import Affine, Epilogue
from convcli.engine.fusion import Operation
from convcli.engine.linearize import ValueName
from convcli.engine.numba_support import finish_function
from convcli.engine.prepared_operations import (
    PreparedCorrelation,
    PreparedEpilogue,
    PreparedMerge,
    PreparedOperation,
    PreparedPool,
    PreparedStep,
)
from convcli.model.steps import Correlate, Merge, Pool


class Settings(Record):
    """The settings that the preparation of a program depends on.

    `algorithm` is `auto`, or the algorithm that all correlations must use. `tolerance` is how far float32 results may
    be off, relative to the largest. `samples` is how many samples there will be in all: laying out weights has to pay
    off. `compiled` says whether to use compiled code.
    """

    dtype: str
    algorithm: str
    tolerance: float
    samples: int
    compiled: bool


def prepare(
    operations: Iterable[Operation], settings: Settings, chosen: Mapping[ValueName, str] | None = None
) -> list[PreparedOperation]:
    """Return the operations, ready to run. Raises `ConvcliError` where an algorithm does not suit a correlation.

    `chosen` names the algorithm of correlations by the value that they make; by default it is chosen here.
    """
    return [_prepare(operation, settings, (chosen or {}).get(operation.output)) for operation in operations]


def _prepare(operation: Operation, settings: Settings, algorithm: str | None) -> PreparedOperation:
    step = operation.step
    if step is None:
        return PreparedEpilogue(operation)
    if isinstance(step, Correlate):
        with located(operation.where):
            return _prepare_correlation(operation, step, settings, algorithm or settings.algorithm)
    if isinstance(step, Pool):
        return PreparedPool(operation, step, settings.compiled)
    if isinstance(step, Merge) and step.kind != "concatenate" and step.is_plain:
        return PreparedMerge(operation, step)
    return PreparedStep(operation)


def _prepare_correlation(
    operation: Operation, step: Correlate, settings: Settings, algorithm: str
) -> PreparedCorrelation:
    kernel, epilogue = _kernel_and_epilogue(operation, step, settings)
    groups = known(step.groups)
    problem = Problem(
        step.windows,
        groups,
        group_channels=kernel.shape[-2],
        group_filters=kernel.shape[-1] // groups,
        space=operation.input_shape[:-1],
        dtype=settings.dtype,
        tolerance=settings.tolerance,
        samples=settings.samples,
        compiled=settings.compiled,
    )
    algorithm, correlation = prepare_correlation(kernel, problem, algorithm)
    finish = finish_function(epilogue, problem.filters, settings.dtype, settings.compiled)
    return PreparedCorrelation(operation, algorithm, correlation, finish, settings.dtype)


def _kernel_and_epilogue(operation: Operation, step: Correlate, settings: Settings) -> tuple[Array, Epilogue]:
    """Return the kernel as it meets the input, `(*k, in/groups, filters)`, and what is left to do to its results.

    The bias is the first function of the epilogue. Where float32 results need not be exact, a scale that follows is
    folded into kernel and bias.
    """
    kernel = correlation_kernel(step, operation.weights[step.kernel.name])
    bias = None if step.bias is None else operation.weights[step.bias.name]
    epilogue = operation.epilogue
    approximate = settings.dtype == "float32" and settings.tolerance > 0
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
