"""Windows that stretch their input (transposed convolutions): ordinary convolutions for the phases of the output.

With an upsampling of u, every u-th output along an axis meets the same cells of the kernel: those that do not fall on
the empty cells of the stretched input. These outputs are one phase, a correlation of the input as it is. Phases that
meet the same cells of the input are filters of one correlation, as far as their outputs fit into a block.
Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016.

A kernel of F cells meets input in at most F of the u phases. Outputs in the others are sums of no products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

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
    """Prepare the correlations of all phases that meet input."""
    return PhasesCorrelation(kernel, problem)


class AxisPhases(NamedTuple):
    """Phases along one axis, at even distances, that have the same window over the input.

    `outputs` are the first output of each phase, of `positions` outputs. `cells` are the first cell of the kernel that
    each meets; it also meets every `step`-th cell after that.
    """

    outputs: range
    cells: range
    step: int
    window: Window
    positions: int

    def part(self, some: slice) -> AxisPhases:
        """Return some of the phases."""
        return self._replace(outputs=self.outputs[some], cells=self.cells[some])

    @property
    def kernel_cells(self) -> Array:
        """The cells of the kernel that each phase meets: (cells of its window, phases)."""
        return np.add.outer(self.step * np.arange(self.window.size), np.asarray(self.cells, int))


class Bundle:
    """The correlation that computes some phases along each axis, as filters beside each other."""

    def __init__(self, kernel: Array, problem: Problem, axes: Sequence[AxisPhases]) -> None:
        self.problem, self.axes = problem, axes
        self.phases = [len(axis.outputs) for axis in axes]
        self.positions = tuple(axis.positions for axis in axes)
        self.correlation = patches.prepare(*_phase_problem(kernel, problem, axes))

    def blocks(self, samples: int) -> list[Block]:
        """Return the blocks to compute: all positions of some samples, or parts of them where there is one phase."""
        if prod(self.phases) == 1:
            return self.correlation.blocks((samples, *self.positions))
        numbers = prod(self.positions) * prod(self.phases) * self.problem.filters
        whole = [slice(0, count) for count in self.positions]
        return [Block((*some, *whole)) for some in cut_into_regions((samples,), numbers * self.problem.itemsize)]

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        """Compute and finish one block of these phases of `y`."""
        if prod(self.phases) == 1:
            outputs = tuple(
                slice(axis.outputs[0], None, window.upsample)
                for axis, window in zip(self.axes, self.problem.windows, strict=True)
            )
            self.correlation.compute_block(x, y[(slice(None), *outputs)], block, workers, finish)
            return
        samples = block.region[0]
        x, y = x[samples], self._outputs(y[samples])
        columns = prod(self.phases) * self.problem.filters
        sums = workers.scratch.array("phases", (len(x), *self.positions, columns), y.dtype)
        for part in self.correlation.blocks(sums.shape[:-1]):
            self.correlation.compute_block(x, sums, part, workers, _finish_later)
        self._spread(sums, y)
        finish(y, ALL_FILTERS)

    def _outputs(self, y: Array) -> Array:
        """Return a view of these phases: (samples, positions and phases of each axis in turn, filters)."""
        shape, strides, first = [len(y)], [y.strides[0]], [slice(None)]
        for axis, window, stride in zip(self.axes, self.problem.windows, y.strides[1:-1], strict=True):
            first.append(slice(axis.outputs[0], None))
            shape += [axis.positions, len(axis.outputs)]
            strides += [window.upsample * stride, axis.outputs.step * stride]
        return as_strided(y[tuple(first)], (*shape, y.shape[-1]), (*strides, y.strides[-1]))

    def _spread(self, sums: Array, y: Array) -> None:
        """Write the sums, whose last axis is (groups, phases of each axis, filters of a group), to their outputs."""
        rank, groups = len(self.axes), self.problem.groups
        sums = sums.reshape(*sums.shape[:-1], groups, *self.phases, -1)
        interleaved = [axis for number in range(1, rank + 1) for axis in (number, rank + 1 + number)]
        y.reshape(*y.shape[:-1], groups, -1)[...] = sums.transpose(0, *interleaved, rank + 1, -1)


def _finish_later(sums: Array, filters: slice) -> None:
    """Leave sums as they are: they are finished at their outputs, where the last axis is that of the filters."""


class PhasesCorrelation(BlockwiseCorrelation):
    """The correlations of all phases that meet input; the region of a block begins with the number of its bundle."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        axes = [axis_phases(*pair) for pair in zip(problem.windows, problem.positions, strict=True)]
        self.bundles = [
            Bundle(kernel, problem, part) for choice in product(*axes) for part in _cut_to_blocks(choice, problem)
        ]
        self.covers_all = sum(prod(bundle.phases) for bundle in self.bundles) == prod(
            min(window.upsample, count) for window, count in zip(problem.windows, problem.positions, strict=True)
        )

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        if not self.covers_all:
            _fill_with_empty_sums(y, finish)
        super().run(x, y, workers, finish)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        return [
            Block((slice(number, number + 1), *region), filters)
            for number, bundle in enumerate(self.bundles)
            for region, filters in bundle.blocks(shape[0])
        ]

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> None:
        (number, *region), filters = block
        self.bundles[number.start].compute_block(x, y, Block(tuple(region), filters), workers, finish)


def _cut_to_blocks(axes: Sequence[AxisPhases], problem: Problem) -> Iterator[list[AxisPhases]]:
    """Yield parts of these phases whose outputs for one sample fit into a block, or parts of one phase."""
    phase_bytes = prod(axis.positions for axis in axes) * problem.filters * problem.itemsize
    for region in cut_into_regions([len(axis.outputs) for axis in axes], phase_bytes):
        yield [axis.part(some) for axis, some in zip(axes, region, strict=True)]


def _fill_with_empty_sums(y: Array, finish: Finish) -> None:
    """Write to every output what becomes of a sum of no products: zero, plus the bias and what follows it.

    It is the same number in all cells of a channel. Filled region by region, so that a signal is heard.
    """
    empty = np.zeros((1,) * (y.ndim - 1) + y.shape[-1:], y.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        finish(empty, ALL_FILTERS)
    for region in cut_into_regions(y.shape[:-1], y.shape[-1] * y.itemsize):
        y[region] = empty


def phase_problems(kernel: Array, problem: Problem) -> Iterator[tuple[tuple[slice, ...], Array, Problem]]:
    """Yield the outputs of each phase, the kernel of the phase, and the problem that it solves.

    Where a phase meets no input, its kernel has no cells.
    """
    axes = []
    for window, positions in zip(problem.windows, problem.positions, strict=True):
        runs = axis_phases(window, positions)
        single = [run.part(slice(number, number + 1)) for run in runs for number in range(len(run.outputs))]
        empty = set(range(min(window.upsample, positions))) - {phase.outputs[0] for phase in single}
        single += [
            AxisPhases(range(first, first + 1), range(1), 1, Window(0), _positions(first, window, positions))
            for first in empty
        ]
        axes.append(sorted(single, key=lambda phase: phase.outputs[0]))
    for choice in product(*axes):
        outputs = tuple(
            slice(axis.outputs[0], None, window.upsample) for axis, window in zip(choice, problem.windows, strict=True)
        )
        yield (outputs, *_phase_problem(kernel, problem, choice))


def axis_phases(window: Window, positions: int) -> list[AxisPhases]:
    """Return the phases along one axis that meet input, with those together that have the same window over the input.

    Output o and cell c of the kernel meet the stretched cell o - before + dilation · c, which is an input cell where
    `upsample` divides it. So a cell meets input in one phase, and so does every `step`-th cell after it. While the
    input cell stays the same, from cell to cell of the kernel the output goes back by the dilation.
    """
    step = window.upsample // gcd(window.upsample, window.dilation)
    runs, cell, end = [], 0, min(step, window.size)
    while cell < end:
        before, first = divmod(window.before - cell * window.dilation, window.upsample)
        size = len(range(cell, window.size, step))
        count = _positions(first, window, positions)
        same_input, same_count = first, first - positions + window.upsample * count  # outputs to go back
        together = min(
            min(same_input, same_count) // window.dilation + 1,
            window.size - step * (size - 1) - cell,  # of the same size
            end - cell,
        )
        if count:
            outputs = range(first, first - together * window.dilation, -window.dilation)
            inner = Window(size, 1, step * window.dilation // window.upsample, before=before)
            runs.append(AxisPhases(outputs, range(cell, cell + together), step, inner, count))
        cell += together
    return runs


def _positions(first: int, window: Window, positions: int) -> int:
    """Return how many of so many positions belong to the phase of every u-th output from the first."""
    return len(range(first, positions, window.upsample))


def _phase_problem(kernel: Array, problem: Problem, axes: Sequence[AxisPhases]) -> tuple[Array, Problem]:
    """Return the kernel of phases along each axis, and the problem that they solve as filters of one correlation.

    The filters of a group are those of one phase after those of another.
    """
    rank, phases = len(axes), [len(axis.outputs) for axis in axes]
    windows = tuple(
        replace(axis.window, after=(axis.positions - 1) + axis.window.extent - axis.window.before - width)
        for axis, width in zip(axes, problem.space, strict=True)
    )
    weights = kernel[np.ix_(*(axis.kernel_cells.ravel() for axis in axes))]
    apart = [extent for axis in axes for extent in axis.kernel_cells.shape]  # (cells of the window, phases) of each
    weights = weights.reshape(*apart, problem.group_channels, problem.groups, problem.group_filters)
    order = (*range(0, 2 * rank, 2), 2 * rank, 2 * rank + 1, *range(1, 2 * rank, 2), 2 * rank + 2)
    inner = replace(problem, windows=windows, group_filters=prod(phases) * problem.group_filters)
    sizes = [window.size for window in windows]
    matrix = np.ascontiguousarray(weights.transpose(order).reshape(*sizes, problem.group_channels, inner.filters))
    return matrix, inner
