"""A program: a plan with its weights, prepared once, to run on any number of batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from convcli.core.closeable import Closeable
from convcli.core.errors import located
from convcli.core.lazy_imports import Array
from convcli.core.memory import check_array_size
from convcli.core.progress import ProgressCallback
from convcli.core.shapes import known
from convcli.engine.buffers import LiveValues
from convcli.engine.execution import Execution
from convcli.engine.fusion import Operation, fuse
from convcli.engine.linearize import ValueName, count_uses
from convcli.engine.memory_estimate import peak_bytes
from convcli.engine.native_operations import Stretch
from convcli.engine.prepare import prepare
from convcli.engine.prepared_operations import PreparedOperation
from convcli.engine.progress import native_progress, reporting, work_shares
from convcli.engine.schedule import schedule, value_shapes
from convcli.engine.workspace import Workspace
from convcli.model.plan import Plan
from convcli.model.steps import Correlate

if TYPE_CHECKING:
    from convcli.engine.restrict_step import Tile
    from convcli.engine.tiling import TilePlan

MANY_SAMPLES = 1 << 20  # so many that preparing weights pays off wherever it ever does
# How many tile programs stay prepared. Along a row of tiles three kinds differ in their padding: first, inner and last.
MOST_TILE_PROGRAMS = 3
MOST_GROWTH = 4  # prepared weights take at most so many times the original memory (Winograd's do)
Weights = Mapping[str, Mapping[str, Array]]


def build_program(
    plan: Plan,
    weights: Weights,
    keep: Sequence[str],
    execution: Execution,
    *,
    samples: int = 1,
) -> Program:
    """Fuse the steps of a plan, choose algorithms and lay out the weights.

    Args:
        plan: The layers to run, with all extents known.
        weights: The arrays of each layer by name.
        keep: Names of the layers or inputs whose values a run returns.
        execution: How to run; its dtype is known.
        samples: How many samples there will be in all, as far as known: laying out weights has to pay off.

    Raises:
        ConvcliError: The algorithm does not suit a layer.
    """
    assert execution.dtype is not None
    operations, results = fuse(plan, weights, keep, execution.dtype)
    prepared = prepare(operations, execution, samples)
    return Program(plan, prepared, results, execution, samples, Workspace(execution.threads))


class Program(Closeable):
    """Prepared operations, ready to run. Calls from several threads take turns.

    `results` gives for each name that a call returns the name of the value that it stands for. The dtype of `execution`
    is known. `samples` is how many samples there will be in all. The inputs of a tile program have the `tile_shapes`.
    """

    def __init__(
        self,
        plan: Plan,
        prepared: Sequence[PreparedOperation],
        results: Mapping[str, ValueName],
        execution: Execution,
        samples: int,
        workspace: Workspace,
        tile_shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        self.plan = plan
        self._prepared = prepared
        self._operations = [item.operation for item in prepared]
        self._results = results
        self._execution, self._samples = execution, samples
        self._workspace = workspace
        self._tile_programs: dict[Hashable, Program] = {}
        assert execution.dtype is not None
        shapes = value_shapes(prepared, tile_shapes or self._input_shapes)
        self._units = schedule(prepared, self._uses, shapes, execution.dtype)

    # ---- running ----

    def __call__(self, inputs: Mapping[str, Array], on_progress: ProgressCallback | None = None) -> dict[str, Array]:
        """Return the results by name, each `(batch, *spatial, channels)` as the inputs are.

        `on_progress` is called with the name of a layer and the share of all work that is done. Raises `ConvcliError`.
        """
        return self._run(inputs, on_progress)

    def timed(self, inputs: Mapping[str, Array]) -> tuple[dict[str, Array], list[tuple[Operation, float]]]:
        """Return the results by name, and each operation with the seconds that it took."""
        times: list[tuple[Operation, float]] = []
        return self._run(inputs, None, times), times

    def _run(
        self,
        inputs: Mapping[str, Array],
        on_progress: ProgressCallback | None,
        times: list[tuple[Operation, float]] | None = None,
    ) -> dict[str, Array]:
        workspace = self._workspace
        pools = workspace.workers, workspace.product_workers
        batch = len(next(iter(inputs.values())))
        with workspace.lock:
            values = LiveValues(inputs, self._uses, self._results.values(), workspace.spare)
            shares_of = iter(self._work_shares)
            for unit in self._units:
                if isinstance(unit, Stretch):
                    shares = [next(shares_of) for _ in unit.operations]
                    clock = None if times is None else unit.new_clock()
                    unit.run(values, batch, workspace, native_progress(unit.operations, shares, on_progress), clock)
                    if times is not None and clock is not None:
                        times += unit.times(clock)
                    continue
                operation, prepared, share, start = unit.operation, unit, next(shares_of), perf_counter()
                with located(operation.where), reporting(pools, operation.layer, share, on_progress):
                    check_array_size(batch * prod(operation.output_shape))
                    result = prepared.run([values[name] for name in operation.inputs], values, workspace)
                assert result.shape[1:] == operation.output_shape, f"{operation.output}: {result.shape} is not planned"
                values[operation.output] = result
                for name in operation.inputs:
                    values.count_use(name)
                if times is not None:
                    times.append((operation, perf_counter() - start))
            workspace.spare.drop_unused()
            arrays: dict[str, Array] = {}
            for name, value in self._results.items():
                arrays[name] = _in_own_memory(values[value], [*inputs.values(), *arrays.values()])
            return arrays

    @cached_property
    def _uses(self) -> Counter[ValueName]:
        return count_uses(self._operations, self._results.values())

    @cached_property
    def _work_shares(self) -> list[tuple[float, float]]:
        units = ([unit] if isinstance(unit, PreparedOperation) else unit.operations for unit in self._units)
        return work_shares([item.operation for items in units for item in items])

    @property
    def threads(self) -> int:
        """The number of threads of a run."""
        return self._workspace.workers.count

    @property
    def algorithms_used(self) -> dict[str, tuple[str, ...]]:
        """The algorithms of each layer that correlates, kernel by kernel: those of the last run, else those chosen."""
        used: dict[str, tuple[str, ...]] = {}
        for prepared in self._prepared:
            if prepared.algorithm is not None:
                layer = prepared.operation.layer
                used[layer] = (*used.get(layer, ()), *prepared.algorithms_used)
        return used

    def close(self) -> None:
        """Stop the threads and let spare memory go."""
        with self._workspace.lock:
            self._workspace.close()
            self._tile_programs.clear()

    # ---- memory ----

    def bytes_needed(self, samples: int, tile_plan: TilePlan | None = None) -> int:
        """Return the most memory that a run on so many samples takes beside inputs and weights, in bytes.

        With a tile plan it is that of a run on one tile of each sample.
        """
        itemsize = np.dtype(self._execution.dtype).itemsize
        operations: Sequence[Operation] = self._operations
        results: Iterable[ValueName] = self._results.values()
        input_shapes = self._input_shapes
        if tile_plan is not None:
            operations, results = tile_plan.operations, [tile_plan.result]
            input_shapes = tile_plan.input_shapes(input_shapes)
        return peak_bytes(operations, results, input_shapes, samples, itemsize, self._workspace.workers.count)

    @property
    def prepared_weight_bytes(self) -> int:
        """The most memory that the weights of all tile programs take, in bytes."""
        kernels = (
            operation.weights[operation.step.kernel.name]
            for operation in self._operations
            if isinstance(operation.step, Correlate)
        )
        return MOST_TILE_PROGRAMS * MOST_GROWTH * sum(kernel.nbytes for kernel in kernels)

    @property
    def _input_shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(map(known, shape)) for name, shape in self.plan.input_shapes.items()}

    # ---- tiles ----

    def plan_tile(self, tile: Tile) -> TilePlan:
        """Return the operations that compute a tile of the one result, from tiles of the inputs."""
        from convcli.engine.tiling import plan_tile  # imported only where there are tiles

        (result,) = set(self._results.values())
        return plan_tile(self._operations, self._input_shapes, result, tile)

    def for_tile(self, tile_plan: TilePlan) -> Program:
        """Return the program of a tile, which shares threads and spare memory with this one.

        It stays prepared for tiles that take the same operations.
        """
        key = (
            tile_plan.result,
            *(
                (operation.step, operation.inputs, operation.output, operation.input_shape, operation.output_shape)
                for operation in tile_plan.operations
            ),
        )
        program = self._tile_programs.pop(key, None)
        if program is None:
            chosen = {
                prepared.operation.output: prepared.algorithm
                for prepared in self._prepared
                if prepared.algorithm is not None
            }
            prepared = prepare(tile_plan.operations, self._execution, self._samples, chosen)
            results = dict.fromkeys(self._results, tile_plan.result)
            program = Program(
                self.plan,
                prepared,
                results,
                self._execution,
                self._samples,
                self._workspace,
                tile_plan.input_shapes(self._input_shapes),
            )
        while len(self._tile_programs) >= MOST_TILE_PROGRAMS:
            self._tile_programs.pop(next(iter(self._tile_programs)))
        self._tile_programs[key] = program
        return program


def _in_own_memory(value: Array, others: Iterable[Array]) -> Array:
    """Return the value, copied where it shares memory with others: some layers hand on their input as it is."""
    return np.array(value) if any(np.may_share_memory(value, other) for other in others) else value
