"""Where compiled code helps a program: whether it repays its start-up, and bias, scale and clipping in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf, prod

import numpy as np

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.shapes import known
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.blockwise import Finish, as_rows
from convcli.engine.algorithms.pooling import suits_compiled
from convcli.engine.epilogue import Affine, ElementwiseActivation, Epilogue, apply_epilogue
from convcli.engine.fusion import Operation
from convcli.model.steps import Correlate, Pool

START_UP_SECONDS = 0.8  # to import numba and to read the code that it has compiled
SECONDS_SAVED = 1.5e-10  # by each product or comparison, against NumPy: the mean over all cases of the benchmark


def compiled_code_pays_off(operations: Sequence[Operation], samples: int) -> bool:
    """Return whether compiled code saves more time on so many samples than it takes to start, and has the memory."""
    if not compiled.installed() or SECONDS_SAVED * samples * sum(map(_products, operations)) <= START_UP_SECONDS:
        return False
    left = memory.available()
    if left is not None and left < 2 * compiled.START_UP:
        return False
    try:
        compiled.numba_loops()
    except ConvcliError:
        return False
    return True


def _products(operation: Operation) -> int:
    """Return the products or comparisons of an operation for one sample; 0 where compiled code is of no use."""
    step = operation.step
    if isinstance(step, Pool):
        cells = prod(window.size for window in step.windows)
        return prod(operation.output_shape) * cells if suits_compiled(step.windows) else 0
    if isinstance(step, Correlate):
        channels = operation.input_shape[-1]
        few = max(channels, operation.output_shape[-1]) <= compiled.FEW or step.groups == channels
        if few or any(window.upsample > 1 for window in step.windows):
            return known(step.macs(operation.input_shape))
    return 0


def finish_function(epilogue: Epilogue, filters: int, dtype: str, use_compiled: bool) -> Finish:
    """Return a function that applies the epilogue to a block, in one pass of compiled code where that is possible."""
    apply = partial(apply_epilogue, epilogue)
    limits = _limits(epilogue) if use_compiled and epilogue else None
    if limits is None:
        return apply
    affine = epilogue[0] if isinstance(epilogue[0], Affine) else Affine(None, None)
    factor, offset = (
        np.ascontiguousarray(np.broadcast_to(np.asarray(numbers, dtype), (filters,)))
        for numbers in (1 if affine.factor is None else affine.factor, 0 if affine.offset is None else affine.offset)
    )
    low, high = (np.dtype(dtype).type(limit) for limit in limits)
    clip = compiled.numba_loops().linear_clip

    def finish(block: Array, channels: slice) -> None:
        rows = as_rows(block)
        if rows is None:
            apply(block, channels)
        else:
            clip(rows, factor[channels], offset[channels], low, high)

    return finish


def _limits(epilogue: Epilogue) -> tuple[float, float] | None:
    """Return the limits to which the rectifiers of an epilogue clip; None for one of other functions.

    The first function may be affine.
    """
    low, high = -inf, inf
    for index, function in enumerate(epilogue):
        if isinstance(function, Affine) and index == 0:
            continue
        upper = function.upper_limit if isinstance(function, ElementwiseActivation) else None
        if upper is None:
            return None
        low, high = (min(max(limit, 0.0), upper) for limit in (low, high))
    return low, high
