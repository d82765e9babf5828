"""The base of algorithms that transform their input: a check of every sample's rounding errors.

Transforms (Winograd's, Fourier's) mix the cells of a tile. So a rounding error is relative to the largest cell of the
tile, not to the result; whole numbers do not stay exact; NaN and infinity spread over the tile. Therefore the rounding
errors of each sample are estimated from the size of its cells. Where the estimate exceeds the tolerance times the
sample's largest result, the sample is computed again as sums of products. Input and weights that are all whole numbers
are computed so from the start.
"""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms import banded, patches
from convcli.engine.algorithms.blocks import Block, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.table import Algorithm

DIRECT: tuple[tuple[str, Algorithm], ...] = (("banded", banded), ("patches", patches))  # by sums of products
EPS = float(np.finfo(np.float32).eps)
NORM_SHARES = 4  # regions, at least, in which the norms of cells are looked for
LEAST_SQUARE = 1e-25  # smaller squares are zero in float32, or coarse
LEAST_NORM, LARGEST_NORM = 1e-12, 1e12  # of a filter; the transforms of others would leave the range of float32
LOOK_BYTES = 1 << 20  # of a part of an array that is looked at at once, in float32


class ApproximateCorrelation(BlockwiseCorrelation):
    """A correlation that checks each sample, and computes it directly where its rounding errors are too large."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.kernel = kernel
        self.noise_factor = 0.0  # times the norm of its largest cell: the rounding errors of a sample
        self.whole_kernel = is_whole(kernel)
        self.share_direct = 0.0  # of the samples of the last run that were computed directly

    @cached_property
    def direct(self) -> BlockwiseCorrelation:
        """This correlation as sums of products, prepared when it is first needed."""
        _, algorithm = self._direct_algorithm
        return algorithm.prepare(self.kernel, self.problem)

    @property
    def _direct_algorithm(self) -> tuple[str, Algorithm]:
        return next((name, algorithm) for name, algorithm in DIRECT if algorithm.suits(self.problem))

    def algorithms_used(self, name: str) -> tuple[str, ...]:
        if self.share_direct == 0:
            return (name,)
        direct, _ = self._direct_algorithm
        return (direct,) if self.share_direct == 1 else (name, direct)

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> Array:
        """Compute and finish a block, and return the largest magnitude in each of its samples, or a lower bound."""
        raise NotImplementedError

    def cell_squares(self, x: Array) -> Array:
        """Return the squared norm of each cell over its channels."""
        return np.square(x[..., 0]) if x.shape[-1] == 1 else np.einsum("...c,...c->...", x, x)

    def run(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> None:
        """Compute all of `y`: each sample by transforms if its errors are within the tolerance, else directly."""
        self.share_direct = 0.0
        if self.whole_kernel and is_whole(x):
            self.share_direct = 1.0
            self.direct.run(x, y, workers, finish)
            return
        with np.errstate(over="ignore", invalid="ignore"):
            failed = self._attempt(x, y, workers, finish)
        self.share_direct = len(failed) / len(x)
        for sample in failed:
            self.direct.run(x[sample : sample + 1], y[sample : sample + 1], workers, finish)

    def _attempt(self, x: Array, y: Array, workers: ThreadPool, finish: Finish) -> Array:
        """Compute `y` by transforms, and return the numbers of the samples whose errors exceed the tolerance."""
        noise = self._noise(x, workers)
        hopeful = np.isfinite(noise)
        blocks = [block for block in self.blocks(y.shape[:-1]) if hopeful[block.region[0]].any()]
        magnitudes: list[Array] = [np.zeros(1)] * len(blocks)

        def compute(number: int) -> None:
            magnitudes[number] = self.compute_block(x, y, blocks[number], workers, finish)

        workers.run(compute, range(len(blocks)))
        largest = np.zeros(len(x))
        for (region, _), magnitude in zip(blocks, magnitudes, strict=True):
            largest[region[0]] = np.maximum(largest[region[0]], magnitude)
        return np.flatnonzero(~((noise <= self.problem.tolerance * largest) & np.isfinite(largest)))

    def _noise(self, x: Array, workers: ThreadPool) -> Array:
        """Estimate the rounding errors of each sample from the norm of its largest cell: (samples,)."""
        regions = cut_into_regions(x.shape[:-1], x.shape[-1] * x.itemsize, NORM_SHARES)
        squares = np.zeros(len(regions))

        def measure(number: int) -> None:
            squares[number] = self.cell_squares(x[regions[number]]).max()

        workers.run(measure, range(len(regions)))
        largest = np.zeros(len(x))
        for region, square in zip(regions, squares, strict=True):
            largest[region[0]] = np.maximum(largest[region[0]], square)  # NaN stays
        return np.where(largest < LEAST_SQUARE, np.inf, self.noise_factor * np.sqrt(largest))


def largest_norm(kernel: Array) -> float:
    """Return the largest Euclidean norm of a filter; infinity where its transform would leave the range of float32."""
    norm = float(np.sqrt(np.square(kernel, dtype=np.float64).reshape(-1, kernel.shape[-1]).sum(axis=0).max()))
    return norm if norm == 0 or LEAST_NORM <= norm <= LARGEST_NORM else np.inf


def largest_magnitudes(block: Array) -> Array:
    """Return the largest magnitude in each sample of a block: (samples,)."""
    axes = tuple(range(1, block.ndim))
    magnitudes: Array = np.maximum(block.max(axis=axes), -block.min(axis=axes))
    return magnitudes


def is_whole(x: Array) -> bool:
    """Return whether all values are whole numbers. A look at a few of them is enough for most arrays that are not."""
    few = x[tuple(slice(0, 8) for _ in x.shape)]
    with np.errstate(invalid="ignore"):
        return _all_whole(few) and all(map(_all_whole, _slices(x)))


def _all_whole(x: Array) -> bool:
    return bool(np.all(np.rint(x) == x))


def _slices(x: Array) -> list[Array]:
    """Cut an array along its first long axis, to go over it without a copy of it all."""
    if not prod(x.shape):
        return []
    axis = next((axis for axis, extent in enumerate(x.shape) if extent > 1), 0)
    step = max(1, LOOK_BYTES // 4 * x.shape[axis] // max(1, x.size)) if x.ndim else 1
    lead = (slice(None),) * axis
    return [x[(*lead, slice(start, start + step))] for start in range(0, x.shape[axis], step)]
