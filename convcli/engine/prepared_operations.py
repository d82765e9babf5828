"""Operations that are ready to run on arrays: one class for each way in which the result is computed.

Values are arrays `(batch, *spatial, channels)`. A result is computed block by block where that is possible, so that
threads share the work and the epilogue finds each block in the cache. A class imports what only its own steps need.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.algorithms.blocks import cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.buffers import LiveValues
from convcli.engine.epilogue import apply_epilogue
from convcli.engine.fusion import Operation
from convcli.engine.workspace import Workspace
from convcli.model.steps import Merge, Pool

MIN_SHARED_BYTES = 1 << 19  # a smaller result is not worth more than one thread
MIN_BLOCKS = 4  # of a larger one, so that threads can share them


class PreparedOperation:
    """An operation with all that was decided and laid out for it before the first run."""

    algorithm: str | None = None  # of a correlation, the one that was chosen

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    @property
    def algorithms_used(self) -> tuple[str, ...]:
        """The algorithms that computed the last result; before the first run the one that was chosen, if any."""
        return () if self.algorithm is None else (self.algorithm,)

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        """Return the result for these inputs.

        `values` allocates the memory for it, and knows which inputs may be overwritten.
        """
        raise NotImplementedError

    def _overwritable(self, inputs: Sequence[Array], values: LiveValues) -> Array | None:
        """Return the first input that the result may replace in memory, because nothing else needs it."""
        for name, x in zip(self.operation.inputs, inputs, strict=False):
            if values.is_last_use(name) and x.flags.c_contiguous:
                return x
        return None


class PreparedCorrelation(PreparedOperation):
    """A correlation by the algorithm of that name, for which the kernel is laid out in `correlation`."""

    def __init__(self, operation: Operation, algorithm: str, correlation: BlockwiseCorrelation, finish: Finish) -> None:
        super().__init__(operation)
        self.algorithm: str = algorithm
        self._correlation, self._finish = correlation, finish

    @property
    def algorithms_used(self) -> tuple[str, ...]:
        return self._correlation.algorithms_used(self.algorithm)

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        (x,) = inputs
        y = values.allocate(
            self.operation.output, (len(x), *self.operation.output_shape), self._correlation.problem.dtype
        )
        workers = workspace.product_workers if self._correlation.uses_blas else workspace.workers
        self._correlation.run(np.ascontiguousarray(x), y, workers, self._finish)
        return y


class PreparedPool(PreparedOperation):
    """The maximum or the mean of windows."""

    def __init__(self, operation: Operation, step: Pool) -> None:
        super().__init__(operation)
        self._step = step
        self._finish = partial(apply_epilogue, operation.epilogue)

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        from convcli.engine.algorithms.pooling import pool

        x = np.ascontiguousarray(inputs[0])
        y = values.allocate(self.operation.output, (len(x), *self.operation.output_shape), x.dtype)
        pool(self._step, x, y, workspace.workers, self._finish)
        return y


class PreparedEpilogue(PreparedOperation):
    """An epilogue without a step: written over its input, where nothing else needs that."""

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        (x,) = inputs
        y = self._overwritable(inputs, values)
        if y is None:
            y = values.allocate(self.operation.output, x.shape, x.dtype)

        def fill(block: Block) -> None:
            if y is not x:
                np.copyto(y[block], x[block])
            apply_epilogue(self.operation.epilogue, y[block], block[-1])

        workspace.workers.run(fill, _blocks(y))
        return y


class PreparedStep(PreparedOperation):
    """A step on whole arrays, which allocates its result."""

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        from convcli.engine.run_step import run_step

        step, epilogue = self.operation.step, self.operation.epilogue
        assert step is not None
        y = run_step(step, inputs, self.operation.weights)
        if epilogue:
            if any(np.may_share_memory(y, x) for x in inputs) or not y.flags.c_contiguous:
                y = np.array(y, order="C")
            workspace.workers.run(lambda block: apply_epilogue(epilogue, y[block], block[-1]), _blocks(y))
        return y


class PreparedMerge(PreparedStep):
    """Values of one shape merged cell by cell, over one of them where nothing else needs it; other shapes broadcast."""

    def __init__(self, operation: Operation, step: Merge) -> None:
        from convcli.engine.run_step import MERGE_FUNCTIONS

        super().__init__(operation)
        self._step, self._function = step, MERGE_FUNCTIONS[step.kind]

    @property
    def kind(self) -> str:
        """The kind of the merge: `sum`, `maximum`, …"""
        return self._step.kind

    def run(self, inputs: Sequence[Array], values: LiveValues, workspace: Workspace) -> Array:
        shape = (len(inputs[0]), *self.operation.output_shape)
        if any(x.shape != shape for x in inputs):
            return super().run(inputs, values, workspace)
        # Only the first two inputs are read before a block is written to.
        y = self._overwritable(inputs[:2], values)
        if y is None:
            y = values.allocate(self.operation.output, shape, inputs[0].dtype)
        workspace.workers.run(partial(self._fill, inputs, y), _blocks(y))
        return y

    def _fill(self, inputs: Sequence[Array], y: Array, block: Block) -> None:
        """Merge one block of the inputs into the same block of `y`."""
        result = y[block]
        first, *others = (x[block] for x in inputs)
        if not others and inputs[0] is not y:
            np.copyto(result, first)
        for other in others:
            self._function(first, other, out=result)
            first = result
        if self._step.kind == "mean":
            np.divide(result, len(inputs), out=result)
        apply_epilogue(self.operation.epilogue, result, block[-1])


Block = tuple[slice, ...]  # of each axis of a value, the channels last


def _blocks(y: Array) -> list[Block]:
    """Return blocks that cover a value whose cells are computed one by one."""
    return cut_into_regions(y.shape, y.itemsize, MIN_BLOCKS if y.nbytes > MIN_SHARED_BYTES else 1)
