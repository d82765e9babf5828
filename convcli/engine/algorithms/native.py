"""Sums of products by the native core, in tiles whose sums stay in registers: see ../native/README.md."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import ALL_FILTERS, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.core import NativeCore, native_core
from convcli.engine.native.records import Scratch, address, axes_of, check, new_records, run_records, steps_of

# With so few channels the taps along the last axis are one run: a table entry a tap would cost more than its products.
MOST_CHANNELS_OF_RUNS = 16
LONGEST_RUN = 4096  # numbers: a thread copies the runs across edges, of up to 224 outputs at a time
MOST_COPIED = 1 << 14  # numbers of all runs of an output

FOR = "windows over an unstretched input, where the native core is there"


def suits(problem: Problem) -> bool:
    """Return whether there is a core, and windows slide over the input as it is."""
    return problem.unstretched and native_core() is not None


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the weights in blocks of filters."""
    return NativeConvolution(kernel, problem)


class NativeConvolution(BlockwiseCorrelation):
    """A correlation that is one operation of the core."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        core = native_core()
        assert core is not None
        self._core = core
        kernel = np.asarray(kernel, problem.dtype)
        self._weights = pack_weights(kernel, problem.groups, core.block(problem.dtype))
        self._record = convolution_record(core, problem, self._weights)
        self._scratch = Scratch()

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        x = np.require(x, requirements=["C", "A"])
        bind(self._record, x, y)
        run_records(self._core, self._record, workers.count, self._scratch)

        def finish_region(region: Any) -> None:
            finish(y[region], ALL_FILTERS)

        with np.errstate(over="ignore", invalid="ignore"):
            workers.run(finish_region, cut_into_regions(y.shape[:-1], y.shape[-1] * y.itemsize))


def has_runs(problem: Problem) -> bool:
    """Return whether the taps along the last axis of space lie side by side in memory and are best taken as one."""
    if not problem.windows or problem.groups > 1 or problem.channels > MOST_CHANNELS_OF_RUNS:
        return False
    last = problem.windows[-1]
    cells = problem.window_cells * problem.channels
    return last.dilation == 1 and 1 < last.size * problem.channels <= LONGEST_RUN and cells <= MOST_COPIED


def pack_weights(kernel: Array, groups: int, block: int) -> Array:
    """Return the weights block by block: (groups, blocks, cells of the window, channels per group, block).

    kernel: (*window, channels per group, filters). The last block of a group is filled up with zeros.
    """
    *window, channels, filters = kernel.shape
    cells, per_group = prod(window), filters // groups
    blocks = -(-per_group // block)
    packed = np.zeros((groups, blocks, cells, channels, block), kernel.dtype)
    grouped = kernel.reshape(cells, channels, groups, per_group)
    for number in range(blocks):
        part = grouped[..., number * block : (number + 1) * block]  # (cells, channels, groups, up to a block)
        packed[:, number, :, :, : part.shape[-1]] = part.transpose(2, 0, 1, 3)
    return packed


def pack_filters(numbers: Array, groups: int, block: int) -> Array:
    """Return a number for each filter, (filters,), in the blocks of the weights, filled up with zeros."""
    per_group = numbers.reshape(groups, -1)
    packed = np.zeros((groups, -(-per_group.shape[1] // block) * block), numbers.dtype)
    packed[:, : per_group.shape[1]] = per_group
    return packed


def convolution_record(core: NativeCore, problem: Problem, weights: Array) -> Array:
    """Return the record of a convolution, but for what depends on a run: see `bind`."""
    record = new_records(core, ["convolution"], problem.dtype)
    windows = problem.windows
    block = core.block(problem.dtype)
    blocks = problem.groups * -(-problem.group_filters // block)
    size = blocks * problem.window_cells * problem.group_channels * block
    check(weights.dtype == problem.dtype and weights.flags.c_contiguous and weights.size == size, "weights not packed")
    record["weights"] = address(weights)
    record["groups"], record["channels"] = problem.groups, problem.group_channels
    record["filters"] = problem.group_filters
    record["extent"], record["positions"] = axes_of(problem.space, 1), axes_of(problem.positions, 1)
    record["size"] = axes_of([window.size for window in windows], 1)
    record["stride"] = axes_of([window.stride for window in windows], 1)
    record["dilation"] = axes_of([window.dilation for window in windows], 1)
    record["before"] = axes_of([window.before for window in windows], 0)
    record["option"][:, 0] = has_runs(problem)
    return record


def bind(record: Array, x: Array, y: Array) -> None:
    """Enter the arrays of a run in the record of an operation. Raises `ValueError` where they do not fit it.

    x: (samples, *space, channels); y: (samples, *positions, filters); both of the record's number type, their channels
    next to each other. The caller keeps them until the run is over.
    """
    (operation,) = record
    dtype = "float64" if operation["is_double"] else "float32"
    check(x.dtype == dtype and y.dtype == dtype, f"not of type {dtype}")
    check(x.flags.aligned and y.flags.aligned, "not aligned")
    check(len(x) == len(y), "not as many samples")
    check(axes_of(x.shape[1:-1], 1) == tuple(operation["extent"]), "not the extents of the input")
    check(axes_of(y.shape[1:-1], 1) == tuple(operation["positions"]), "not the positions of the windows")
    check(x.shape[-1] == operation["groups"] * operation["channels"], "not the channels of the input")
    check(y.shape[-1] == operation["groups"] * operation["filters"], "not the filters of the output")
    record["samples"] = len(x)
    record["x"], record["y"] = address(x), address(y)
    record["x_step"], record["y_step"] = steps_of(x), steps_of(y)
