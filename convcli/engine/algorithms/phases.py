"""Windows that stretch their input (transposed convolutions): an ordinary convolution for each phase of the output.

With an upsampling of u, every u-th output along an axis meets the same cells of the kernel: those that do not fall on
the empty cells of the stretched input. These outputs are one phase, a correlation of the input as it is.
Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.

A kernel of F cells meets input in at most F of the u phases. Outputs in the others are sums of no products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import patches
from convcli.engine.algorithms.blocks import ALL_FILTERS, Block, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

FOR = "transposed convolutions"


def suits(problem: Problem) -> bool:
    """Return whether the windows move by one cell over a stretched input, with finite weights.

    This algorithm skips the products with empty cells. Where a weight is infinite, they are undefined, not zero.
    """
    return not problem.unstretched and problem.unit_stride and problem.finite_kernel


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Prepare the correlation of every phase that meets input."""
    return PhasesCorrelation(kernel, problem)


class Phase(NamedTuple):
    """Every u-th output along each axis, and the correlation that computes them."""

    outputs: tuple[slice, ...]
    correlation: BlockwiseCorrelation

    def shape(self, positions: Sequence[int]) -> list[int]:
        """Return how many of so many positions along each axis belong to the phase."""
        return [len(range(*axis.indices(count))) for axis, count in zip(self.outputs, positions, strict=True)]


class PhasesCorrelation(BlockwiseCorrelation):
    """The correlations of all phases that meet input; the region of a block begins with the number of its phase."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.phases = [
            Phase(outputs, patches.prepare(weights, inner))
            for outputs, weights, inner in phase_problems(kernel, problem)
        ]
        self.covers_all = len(self.phases) == prod(
            min(window.upsample, count) for window, count in zip(problem.windows, problem.positions, strict=True)
        )

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        if not self.covers_all:
            _fill_with_empty_sums(y, finish)
        super().run(x, y, workers, finish)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        return [
            Block((slice(number, number + 1), *region), filters)
            for number, phase in enumerate(self.phases)
            for region, filters in phase.correlation.blocks((shape[0], *phase.shape(shape[1:])))
        ]

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        (number, *region), filters = block
        phase = self.phases[number.start]
        outputs = y[(slice(None), *phase.outputs)]
        phase.correlation.compute_block(x, outputs, Block(tuple(region), filters), workers, finish)


def _fill_with_empty_sums(y: Array, finish: Finish) -> None:
    """Write to every output what becomes of a sum of no products: zero, plus the bias and what follows it.

    It is the same number in all cells of a channel. Filled region by region, so that a signal is heard.
    """
    empty = np.zeros((1,) * (y.ndim - 1) + y.shape[-1:], y.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        finish(empty, ALL_FILTERS)
    for region in cut_into_regions(y.shape[:-1], y.shape[-1] * y.itemsize):
        y[region] = empty


AxisPhase = tuple[int, slice, Window]  # the first output, the cells of the kernel that meet input, their window over it


def phase_problems(
    kernel: Array, problem: Problem, *, with_empty: bool = False
) -> Iterator[tuple[tuple[slice, ...], Array, Problem]]:
    """Yield the outputs of each phase that meets input, the kernel of the phase, and the problem that it solves.

    `with_empty`: also the other phases, with kernels of no cells.
    """
    axes = []
    for window, positions in zip(problem.windows, problem.positions, strict=True):
        phases = _axis_phases(window, positions)
        firsts = {first for first, _, _ in phases}
        if with_empty:
            empty = (slice(0), Window(0))
            phases += [(first, *empty) for first in range(min(window.upsample, positions)) if first not in firsts]
        axes.append(phases)
    for choice in product(*axes):
        yield _phase(kernel, problem, choice)


def _axis_phases(window: Window, positions: int) -> list[AxisPhase]:
    """Return the phases along one axis that meet input, in the order of their first outputs.

    Output o and cell c of the kernel meet the stretched cell o - before + dilation · c, which is an input cell where
    `upsample` divides it. So a cell meets input in one phase, and so does every `step`-th cell after it.
    """
    step = window.upsample // gcd(window.upsample, window.dilation)
    phases = []
    for start in range(min(step, window.size)):
        first = (window.before - start * window.dilation) % window.upsample
        if first < positions:
            before = (window.before - start * window.dilation - first) // window.upsample
            size = len(range(start, window.size, step))
            inner = Window(size, 1, step * window.dilation // window.upsample, before=before)
            phases.append((first, slice(start, None, step), inner))
    return sorted(phases, key=lambda phase: phase[0])


def _phase(kernel: Array, problem: Problem, axes: Sequence[AxisPhase]) -> tuple[tuple[slice, ...], Array, Problem]:
    """Return the phase of every u-th output from the first along each axis."""
    outputs = tuple(
        slice(first, None, window.upsample) for (first, _, _), window in zip(axes, problem.windows, strict=True)
    )
    counts = [len(range(*axis.indices(count))) for axis, count in zip(outputs, problem.positions, strict=True)]
    windows = tuple(
        replace(window, after=(count - 1) + window.extent - window.before - width)
        for (_, _, window), count, width in zip(axes, counts, problem.space, strict=True)
    )
    weights = np.ascontiguousarray(kernel[tuple(cells for _, cells, _ in axes)])
    return outputs, weights, replace(problem, windows=windows)
