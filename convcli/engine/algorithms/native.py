"""Sums of products by the native core, in tiles whose sums stay in registers: see ../native/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import ALL_FILTERS, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.choose import MOST_PHASES
from convcli.engine.algorithms.native_layouts import Blocks, Lanes, Planes, layout_for
from convcli.engine.algorithms.problem import Problem
from convcli.engine.native.core import NativeCore, native_core
from convcli.engine.native.epilogue import NativeEpilogue
from convcli.engine.native.records import Scratch, address, axes_of, check, dense_steps, new_records, run_records

# With so few channels the taps along the last axis are one run: a table entry a tap would cost more than its products.
MOST_CHANNELS_OF_RUNS = 16
LONGEST_RUN = 4096  # numbers: a thread copies the runs across edges, of up to 224 outputs at a time
MOST_COPIED = 1 << 14  # numbers of all runs of an output

T = TypeVar("T")

FOR = "where the native core is there: unstretched inputs, and transposed convolutions with few phases"


def suits(problem: Problem) -> bool:
    """Return whether there is a core, and windows slide over the input as it is or have few phases."""
    if native_core() is None:
        return False
    few_phases = prod(window.upsample for window in problem.windows) <= MOST_PHASES
    return problem.unstretched or (few_phases and problem.unit_stride and problem.finite_kernel)


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the weights as the kernels of the core want them."""
    return SumsOfProducts(kernel, problem)


class NativeCorrelation(BlockwiseCorrelation):
    """A correlation that is some operations of the core: `records`, without the addresses of input and output.

    `offsets` says for each record how many bytes after the beginning of the output it begins to write, and `layouts`
    how its weights lie.
    """

    uses_blas = False
    takes_residual = False  # true if another value can be added to the sums

    def __init__(
        self,
        problem: Problem,
        core: NativeCore,
        records: Array,
        offsets: Sequence[int],
        layouts: Sequence[Blocks | Lanes | Planes],
    ) -> None:
        super().__init__(problem)
        self.core, self.records, self.offsets, self.layouts = core, records, offsets, layouts
        self.epilogue = NativeEpilogue()
        self._scratch = Scratch()
        self._owned: list[object] = []  # the records hold the addresses of these arrays

    def set_epilogue(self, epilogue: NativeEpilogue) -> None:
        """Let the core apply an epilogue to the sums."""
        self.epilogue = epilogue
        epilogue.enter(self.core, self.records)
        for field, numbers in (("scale", epilogue.scale), ("bias", epilogue.bias)):
            if numbers is not None:
                packed = [self.keep(layout.pack_filters(numbers)) for layout in self.layouts]
                self.records[field] = [address(array) for array in packed]

    def keep(self, owner: T) -> T:
        """Return an array, or an owner of arrays, which now lives as long as the correlation does."""
        self._owned.append(owner)
        return owner

    def prepare_for(self, samples: int) -> None:
        """Enter in the records how many samples the next runs have."""
        self.records["samples"] = samples

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        problem = self.problem
        x = np.require(x, requirements=["C", "A"])
        check(x.dtype == problem.dtype and y.dtype == problem.dtype, f"not of type {problem.dtype}")
        check(y.flags.c_contiguous and y.flags.aligned, "an output in pieces")
        check(x.shape[1:] == (*problem.space, problem.channels), "not the shape of the input")
        check(y.shape == (len(x), *problem.positions, problem.filters), "not the shape of the output")
        records = self.records
        self.prepare_for(len(x))
        records["x"] = address(x)
        records["y"] = [address(y) + offset for offset in self.offsets]
        run_records(self.core, records, workers.count, self._scratch)

        def finish_region(region: Any) -> None:
            finish(y[region], ALL_FILTERS)

        with np.errstate(over="ignore", invalid="ignore"):
            workers.run(finish_region, cut_into_regions(y.shape[:-1], y.shape[-1] * y.itemsize))


class SumsOfProducts(NativeCorrelation):
    """One operation of the core, or one for each phase of a transposed convolution."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        core = native_core()
        assert core is not None
        kernel = np.asarray(kernel, problem.dtype)
        parts = [(tuple(slice(None) for _ in problem.windows), kernel, problem)]
        if not problem.unstretched:
            from convcli.engine.algorithms.phases import phase_problems  # imported where it is needed

            parts = list(phase_problems(kernel, problem))
        layouts = [layout_for(core, part, inner) for _, part, inner in parts]
        weights = [layout.pack_weights(part) for layout, (_, part, _) in zip(layouts, parts, strict=True)]
        records, offsets = [], []
        for (outputs, _, part), layout, packed in zip(parts, layouts, weights, strict=True):
            record = correlation_record(core, layout.kind, part, packed)
            steps = dense_steps((*problem.positions, problem.filters))
            lacking = len(steps) - len(outputs)  # the step between samples, and those of lacking axes
            starts = (0,) * lacking + tuple(axis.start or 0 for axis in outputs)
            strides = (1,) * lacking + tuple(axis.step or 1 for axis in outputs)
            record["y_step"] = [step * stride for step, stride in zip(steps, strides, strict=True)]
            offsets.append(problem.itemsize * sum(step * start for step, start in zip(steps, starts, strict=True)))
            records.append(record)
        super().__init__(problem, core, np.concatenate(records), offsets, layouts)
        self.takes_residual = all(layout.takes_residual for layout in layouts)
        self.keep(weights)


def has_runs(problem: Problem) -> bool:
    """Return whether the taps along the last axis of space lie side by side in memory and are best taken as one."""
    if not problem.windows or problem.groups > 1 or problem.channels > MOST_CHANNELS_OF_RUNS:
        return False
    last = problem.windows[-1]
    cells = problem.window_cells * problem.channels
    return last.dilation == 1 and 1 < last.size * problem.channels <= LONGEST_RUN and cells <= MOST_COPIED


def correlation_record(core: NativeCore, kind: str, problem: Problem, weights: Array) -> Array:
    """Return the record of a correlation of whole arrays, without their addresses.

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
    record["x_step"] = dense_steps((*problem.space, problem.channels))
    record["y_step"] = dense_steps((*problem.positions, problem.filters))
    record["option"][:, 0] = kind == "convolution" and has_runs(problem)
    return record
