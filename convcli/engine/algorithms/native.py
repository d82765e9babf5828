"""Sums of products by the native core, in tiles whose sums stay in registers: see ../native/README.md."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import ALL_FILTERS, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.native_layouts import Blocks, Lanes, Planes, layout_for
from convcli.engine.algorithms.phases import phase_problems
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.core import NativeCore, native_core
from convcli.engine.native.records import Scratch, address, axes_of, check, new_records, run_records, steps_of

# With so few channels the taps along the last axis are one run: a table entry a tap would cost more than its products.
MOST_CHANNELS_OF_RUNS = 16
LONGEST_RUN = 4096  # numbers: a thread copies the runs across edges, of up to 224 outputs at a time
MOST_COPIED = 1 << 14  # numbers of all runs of an output
MOST_PHASES = 64  # of a transposed convolution: each is an operation

FOR = "where the native core is there: unstretched inputs, and transposed convolutions with few phases"


def suits(problem: Problem) -> bool:
    """Return whether there is a core, and windows slide over the input as it is or have few phases."""
    if native_core() is None:
        return False
    few_phases = prod(window.upsample for window in problem.windows) <= MOST_PHASES
    return problem.unstretched or (few_phases and problem.unit_stride and problem.finite_kernel)


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the weights as the kernels of the core want them."""
    return NativeCorrelation(kernel, problem)


class NativeOperation(NamedTuple):
    """An operation of the core that computes some of the outputs along each axis, and its weights as they are laid out.

    `record` lacks what depends on a run: see `bind`.
    """

    outputs: tuple[slice, ...]
    layout: Blocks | Lanes | Planes
    weights: Array
    record: Array


class NativeCorrelation(BlockwiseCorrelation):
    """A correlation that is one operation of the core, or one for each phase of a transposed convolution."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        core = native_core()
        assert core is not None
        self._core = core
        self.operations = native_operations(core, np.asarray(kernel, problem.dtype), problem)
        self._scratch = Scratch()

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        x = np.require(x, requirements=["C", "A"])
        for operation in self.operations:
            bind(operation.record, x, y[(slice(None), *operation.outputs)])
        records = np.concatenate([operation.record for operation in self.operations])
        run_records(self._core, records, workers.count, self._scratch)

        def finish_region(region: Any) -> None:
            finish(y[region], ALL_FILTERS)

        with np.errstate(over="ignore", invalid="ignore"):
            workers.run(finish_region, cut_into_regions(y.shape[:-1], y.shape[-1] * y.itemsize))


def native_operations(core: NativeCore, kernel: Array, problem: Problem) -> list[NativeOperation]:
    """Return the operations that together compute a correlation: one for each phase."""
    if problem.unstretched:
        whole = tuple(slice(None) for _ in problem.windows)
        return [_operation(core, whole, kernel, problem)]
    return [_operation(core, *phase) for phase in phase_problems(kernel, problem, with_empty=True)]


def _operation(core: NativeCore, outputs: tuple[slice, ...], kernel: Array, problem: Problem) -> NativeOperation:
    layout = layout_for(core, kernel, problem)
    weights = layout.pack_weights(kernel)
    return NativeOperation(outputs, layout, weights, correlation_record(core, layout.kind, problem, weights))


def has_runs(problem: Problem) -> bool:
    """Return whether the taps along the last axis of space lie side by side in memory and are best taken as one."""
    if not problem.windows or problem.groups > 1 or problem.channels > MOST_CHANNELS_OF_RUNS:
        return False
    last = problem.windows[-1]
    cells = problem.window_cells * problem.channels
    return last.dilation == 1 and 1 < last.size * problem.channels <= LONGEST_RUN and cells <= MOST_COPIED


def correlation_record(core: NativeCore, kind: str, problem: Problem, weights: Array) -> Array:
    """Return the record of a correlation, but for what depends on a run: see `bind`.

    `weights` are laid out as the kind wants them, and kept by the caller.
    """
    record = new_records(core, [kind], problem.dtype)
    windows = problem.windows
    check(weights.dtype == problem.dtype and weights.flags.c_contiguous, "weights of another type")
    record["weights"] = address(weights)
    record["groups"], record["channels"] = problem.groups, problem.group_channels
    record["filters"] = problem.group_filters
    record["extent"], record["positions"] = axes_of(problem.space, 1), axes_of(problem.positions, 1)
    record["size"] = axes_of([window.size for window in windows], 1)
    record["stride"] = axes_of([window.stride for window in windows], 1)
    record["dilation"] = axes_of([window.dilation for window in windows], 1)
    record["before"] = axes_of([window.before for window in windows], 0)
    record["option"][:, 0] = kind == "convolution" and has_runs(problem)
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
