"""Winograd's tiles by the native core: see ../native/winograd.h. `winograd` says when they are used."""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.algorithms.native import NativeCorrelation, correlation_record
from convcli.engine.algorithms.native_layouts import Blocks
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.core import native_core
from convcli.engine.native.records import address, new_records

CLEAR, WINOGRAD, JUDGE, DIRECT = range(4)  # the records


def suits_native(problem: Problem) -> bool:
    """Return whether the core has tiles for a problem that `winograd` suits."""
    return problem.native and all(window.dilation == 1 for window in problem.windows[-2:])


class NativeWinograd(NativeCorrelation):
    """Tiles of m × m outputs for all samples, then sums of products for those whose rounding errors are too large."""

    takes_residual = True

    def __init__(self, kernel: Array, weights: Array, problem: Problem, m: int, noise: float) -> None:
        """Pack transformed weights, (depth, planes, channels, filters); `noise` is their share of rounding errors."""
        core = native_core()
        assert core is not None
        kinds = ["judgement", "winograd", "judgement", "convolution"]
        layout = Blocks(1, problem.filters, core.block(problem.dtype))
        super().__init__(
            problem, core, new_records(core, kinds, problem.dtype), [0] * len(kinds), [layout] * len(kinds)
        )
        by_plane = np.moveaxis(weights, 0, 1)  # (planes, depth, channels, filters)
        for record, array in ((WINOGRAD, by_plane), (DIRECT, np.asarray(kernel, problem.dtype))):
            packed = self.keep(layout.pack_weights(array))
            self.records[record] = correlation_record(core, kinds[record], problem, packed)[0]
        self.records["option"][:, 0] = [0, m, 1, self.records["option"][DIRECT, 0]]
        self.records["number"][JUDGE, :2] = noise, problem.tolerance
        self._skip = np.zeros(0, np.int64)
        self._samples = 0

    def prepare_for(self, samples: int) -> None:
        super().prepare_for(samples)
        self._samples = samples
        if samples > len(self._skip):
            self._skip = self.keep(np.zeros(samples, np.int64))
            self.records["measures"] = address(self.keep(np.zeros((samples, 2), np.float32)))
            self.records["skip"][[JUDGE, DIRECT]] = address(self._skip)

    def algorithms_used(self, name: str) -> tuple[str, ...]:
        by_tiles = int(np.count_nonzero(self._skip[: self._samples]))
        if by_tiles == self._samples:  # or before the first run
            return (name,)
        return (name, "native") if by_tiles else ("native",)
