"""Windows that stretch their input (transposed convolutions): an ordinary convolution for each phase of the output.

With an upsampling of u, every u-th output along an axis meets the same cells of the kernel: those that do not fall on
the empty cells of the stretched input. These outputs are one phase, a correlation of the input as it is.
Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import NamedTuple

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import replace
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import patches
from convcli.engine.algorithms.blocks import Block
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
    """Prepare the correlation of every phase."""
    return PhasesCorrelation(kernel, problem)


class Phase(NamedTuple):
    """Every u-th output along each axis, and the correlation that computes them; None where they meet no input."""

    outputs: tuple[slice, ...]
    correlation: BlockwiseCorrelation | None

    def shape(self, positions: Sequence[int]) -> list[int]:
        """Return how many of so many positions along each axis belong to the phase."""
        return [len(range(*axis.indices(count))) for axis, count in zip(self.outputs, positions, strict=True)]


class PhasesCorrelation(BlockwiseCorrelation):
    """The correlations of all phases; the region of a block begins with the number of its phase."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        firsts = np.ndindex(*(window.upsample for window in problem.windows))
        phases = (_phase(kernel, problem, first) for first in firsts)
        self.phases = [phase for phase in phases if 0 not in phase.shape(problem.positions)]

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        blocks = []
        for number, phase in enumerate(self.phases):
            own = (shape[0], *phase.shape(shape[1:]))
            whole = Block(tuple(slice(0, extent) for extent in own))
            inner = phase.correlation.blocks(own) if phase.correlation else [whole]
            blocks += [Block((slice(number, number + 1), *region), filters) for region, filters in inner]
        return blocks

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        (number, *inner), filters = block
        phase, region = self.phases[number.start], tuple(inner)
        outputs = y[(slice(None), *phase.outputs)]
        if phase.correlation:
            phase.correlation.compute_block(x, outputs, Block(region, filters), workers, finish)
        else:
            out = outputs[region]
            out[...] = 0
            finish(out, filters)


def _phase(kernel: Array, problem: Problem, first: Sequence[int]) -> Phase:
    """Return the phase of every u-th output from the `first` along each axis."""
    outputs = tuple(slice(start, None, window.upsample) for start, window in zip(first, problem.windows, strict=True))
    phase = Phase(outputs, None)
    counts = phase.shape(problem.positions)
    axes = [_phase_window(window, start) for window, start in zip(problem.windows, first, strict=True)]
    overlaps = [axis for axis in axes if axis is not None]
    if 0 in counts or len(overlaps) < len(axes):
        return phase
    windows = tuple(
        replace(window, after=(count - 1) + window.extent - window.before - width)
        for (_, window), count, width in zip(overlaps, counts, problem.space, strict=True)
    )
    weights = np.ascontiguousarray(kernel[tuple(cells for cells, _ in overlaps)])
    return Phase(outputs, patches.prepare(weights, replace(problem, windows=windows)))


def _phase_window(window: Window, first: int) -> tuple[slice, Window] | None:
    """Return, for the phase from output `first`, the cells of the kernel that meet input, and their window over it.

    Output o and cell c of the kernel meet the stretched cell o - before + dilation · c, which is an input cell where
    `upsample` divides it. None where no cell of the kernel meets any.
    """
    step = window.upsample // gcd(window.upsample, window.dilation)
    offset = first - window.before
    cells = range(min(step, window.size))
    start = next((cell for cell in cells if (offset + cell * window.dilation) % window.upsample == 0), None)
    if start is None:
        return None
    size = len(range(start, window.size, step))
    before = -((offset + start * window.dilation) // window.upsample)
    return slice(start, None, step), Window(size, 1, step * window.dilation // window.upsample, before=before)
