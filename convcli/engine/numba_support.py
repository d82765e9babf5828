"""What compiled code does for a program: whether it repays its start-up, and bias, scale and clipping in one go."""

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
from convcli.engine.algorithms.blocks import Finish, as_rows
from convcli.engine.epilogue import Activation, Linear, Tail
from convcli.engine.fusion import Operation, run_all
from convcli.model import steps

START_UP = 0.8  # seconds to import numba and read what it has compiled
SAVED = 1.5e-10  # seconds a product or comparison, over NumPy alone: what the benchmark shows for all of them


def pays_off(chain: Sequence[Operation], samples: int) -> bool:
    """Whether it would save more time on so many samples than it takes to be ready, and leave memory for these."""
    if not compiled.installed() or SAVED * samples * sum(map(_products, chain)) <= START_UP:
        return False
    left = memory.room()
    if left is not None and left < 2 * compiled.START_UP:
        return False
    try:
        compiled.numba_loops()
    except ConvcliError:
        return False
    return True


def _products(each: Operation) -> int:
    """Products or comparisons of an operation that compiled code is for, for one sample."""
    if isinstance(each.step, steps.Pool):
        return prod(each.shape) * prod(window.size for window in each.step.windows)
    if isinstance(each.step, steps.Correlate):
        few = max(each.space[-1], each.shape[-1]) <= compiled.FEW or each.step.groups == each.space[-1]
        if few or any(window.upsample > 1 for window in each.step.windows):
            return known(each.step.macs(each.space))
    return 0


def finishing(tails: Sequence[Tail], filters: int, dtype: str, native: bool) -> Finish:
    """What is to be done to a block, in order; natively if it is no more than a scale and clipping."""
    plain = partial(run_all, tails)
    limits = _limits(tails) if native and tails else None
    if limits is None:
        return plain
    linear = tails[0] if isinstance(tails[0], Linear) else Linear(None, None)
    factor, offset = (
        np.ascontiguousarray(np.broadcast_to(np.asarray(given, dtype), (filters,)))
        for given in (1 if linear.factor is None else linear.factor, 0 if linear.offset is None else linear.offset)
    )
    low, high = (np.dtype(dtype).type(limit) for limit in limits)
    clip = compiled.numba_loops().linear_clip

    def finish(block: Array, channels: slice) -> None:
        rows = as_rows(block)
        if rows is None:
            plain(block, channels)
        else:
            clip(rows, factor[channels], offset[channels], low, high)

    return finish


def _limits(tails: Sequence[Tail]) -> tuple[float, float] | None:
    """The lowest and highest value after a scale, or nothing, and a rectifier, or nothing; None after anything else."""
    low, high = -inf, inf
    for place, each in enumerate(tails):
        if isinstance(each, Linear) and place == 0:
            continue
        most = each.highest if isinstance(each, Activation) else None
        if most is None:
            return None
        low, high = (min(max(each, 0.0), most) for each in (low, high))
    return low, high
