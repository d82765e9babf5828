"""Compiled loops (extra `fast`) for work that moves memory more than it multiplies.

That is: few channels and filters, each channel by itself, and the adding up of a transposed convolution's products.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.blocks import Block, Region, cut_into_regions
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.problem import Problem

FEW = 4  # channels and filters
BLOCK_BYTES = 1 << 22
START_UP = 160 << 20  # bytes that numba takes with what it compiles: 155 MiB the first time, then 110
LEAST_MACS = 1 << 22  # below which threads are not worth their waking up

FOR = "few channels and filters, depthwise or transposed convolutions, on one or two axes (rows not too long)"


def installed() -> bool:
    """Return whether numba is installed."""
    return find_spec("numba") is not None


def numba_loops() -> Any:
    """The compiled loops. Raises `ConvcliError` where numba is not installed, or there is no memory for it."""
    if not installed():
        raise ConvcliError("compiled code needs numba", "pip install 'convcli[fast]'")
    if "numba" not in sys.modules:
        memory.require(START_UP, "--no-compiled")
    try:
        from convcli.engine.algorithms import numba_kernels
    except Exception as error:  # numba that does not fit this NumPy, or has nowhere to keep what it compiles
        raise ConvcliError(f"compiled code: {error}", "--no-compiled") from None
    return numba_kernels


def compiled_tiles() -> Any:
    """The compiled transforms of Winograd's tiles."""
    numba_loops()
    from convcli.engine.algorithms import numba_winograd

    return numba_winograd


def suits(problem: Problem) -> bool:
    """Return whether there are few channels on two axes, or, on one or two, one filter a channel or a stretched input.

    Rows are taken whole, so they must not be too long. Products with padding are skipped, so weights must be finite.
    """
    if not 1 <= len(problem.windows) <= 2 or _row_bytes(problem) > BLOCK_BYTES or not problem.finite_kernel:
        return False
    if not problem.unstretched:
        return problem.unit_stride and problem.groups == 1
    if problem.group_channels == problem.group_filters == 1 and problem.groups > 1:
        return True
    few = problem.groups == 1 and max(problem.channels, problem.filters) <= FEW
    return few and problem.unit_stride and len(problem.windows) == 2


def _row_bytes(problem: Problem) -> int:
    """Return the bytes of a row: of products where they are added up, else of all input rows under the window."""
    if not problem.unstretched:
        rows = -(-problem.windows[0].extent // problem.windows[0].upsample) + 1 if len(problem.windows) == 2 else 1
        return rows * problem.space[-1] * problem.window_cells * problem.filters * problem.itemsize
    rows = problem.windows[0].extent if len(problem.windows) == 2 else 1
    return max(problem.space[-1] * problem.channels * rows, problem.positions[-1] * problem.filters) * problem.itemsize


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the weights for the loops. Raises `ConvcliError` where these cannot be had."""
    if not problem.unstretched:
        return OverlapAdd(kernel, problem)
    return CompiledChannelwise(kernel, problem) if problem.groups > 1 else FewChannels(kernel, problem)


def flat(x: Array) -> Array:
    """An image of one or two axes as one of two: (batch, H, W, channels)."""
    return x if x.ndim == 4 else x[:, None]


def whole_rows(counts: tuple[int, ...], row_bytes: int, least: int) -> list[Region]:
    """Boxes over `(batch, *positions)` whole along the last axis; with one axis only the batch is cut."""
    *lead, last = counts
    return [(*box, slice(0, last)) for box in cut_into_regions(lead, row_bytes, least, BLOCK_BYTES)]


def _both(*numbers: int, other: int = 1) -> tuple[int, int]:
    """The numbers of two axes; `other` is that of the axis which an image of one axis lacks."""
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (other, numbers[0])


class Rows(BlockwiseCorrelation):
    """Whole rows of one sample a block; an image of one axis is one row."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(problem)
        self.loops = numba_loops()
        windows = problem.windows
        self.before = _both(*(each.before for each in windows), other=0)
        self.stride = _both(*(each.stride for each in windows))
        self.dilation = _both(*(each.dilation for each in windows))
        self.kernel = kernel if len(windows) == 2 else kernel[None]

    def blocks(self, counts: tuple[int, ...]) -> list[Block]:
        least = 4 if self.problem.macs * counts[0] > LEAST_MACS else 1
        row_bytes = counts[-1] * self.problem.filters * self.problem.itemsize
        return [Block(box) for box in whole_rows(counts, row_bytes, least)]

    def compute_block(self, x: Array, y: Array, item: Block, workers: ThreadPool, finish: Finish) -> None:
        box, filters = item
        images, results = flat(x), flat(y)
        start, stop = (box[1].start, box[1].stop) if len(box) == 3 else (0, 1)
        for sample in range(box[0].start, box[0].stop):
            self.rows(images[sample], results[sample], start, stop, workers)
        finish(y[box], filters)

    def rows(self, x: Array, y: Array, start: int, stop: int, workers: ThreadPool) -> None:
        """Compute some rows of one sample, (H, W, channels) -> (H', W', filters)."""
        raise NotImplementedError


class FewChannels(Rows):
    """Channel by channel."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(kernel, problem)
        self.weights = np.ascontiguousarray(self.kernel.transpose(3, 0, 2, 1))  # (filters, k, in, k)

    def rows(self, x: Array, y: Array, start: int, stop: int, workers: ThreadPool) -> None:
        self.loops.few_channels(x, self.weights, y, self.before, self.dilation, start, stop)


class CompiledChannelwise(Rows):
    """Each channel by its own filter."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(kernel, problem)
        self.weights = np.ascontiguousarray(self.kernel[:, :, 0])  # (k, k, channels)

    def rows(self, x: Array, y: Array, start: int, stop: int, workers: ThreadPool) -> None:
        self.loops.channelwise(x, self.weights, y, self.before, self.stride, self.dilation, start, stop)


class OverlapAdd(Rows):
    """The products of all input cells with all of the kernel at once, then added up where they fall."""

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(kernel, problem)
        self.upsample = _both(*(each.upsample for each in problem.windows))
        self.weights = np.ascontiguousarray(np.moveaxis(self.kernel, 2, 0)).reshape(problem.group_channels, -1)

    def blocks(self, counts: tuple[int, ...]) -> list[Block]:
        row_bytes = counts[-1] * self.weights.shape[1] * self.problem.itemsize // prod(self.upsample)
        return [Block(box) for box in whole_rows(counts, row_bytes, 4)]

    def rows(self, x: Array, y: Array, start: int, stop: int, workers: ThreadPool) -> None:
        height, width, channels = x.shape
        last = (stop - 1 - self.before[0] + (self.kernel.shape[0] - 1) * self.dilation[0]) // self.upsample[0]
        first = max(0, -(-(start - self.before[0]) // self.upsample[0]))
        met = x[first : max(first, min(height, last + 1))]
        products = workers.scratch.array("products", (met.size // channels, self.weights.shape[1]), x.dtype)
        np.matmul(met.reshape(-1, channels), self.weights, out=products)
        laid = products.reshape(len(met), width, *self.kernel.shape[:2], self.problem.filters)
        self.loops.overlap_add(laid, first, y, self.before, self.upsample, self.dilation, width, start, stop)


def pool_rows(x: Array, y: Array, windows: Any, largest: bool, count_padding: bool, box: Region) -> None:
    """Pool whole rows of some samples."""
    loops = numba_loops()
    size, stride, dilation = (
        _both(*(getattr(each, name) for each in windows)) for name in ("size", "stride", "dilation")
    )
    before = _both(*(each.before for each in windows), other=0)
    after = _both(*(each.after for each in windows), other=0)
    images, results = flat(x), flat(y)
    _, height, width, _ = images.shape
    padded = (0, height - 1, 0, width - 1)
    if count_padding:
        padded = (-before[0], height - 1 + after[0], -before[1], width - 1 + after[1])
    start, stop = (box[1].start, box[1].stop) if len(windows) == 2 else (0, 1)
    for sample in range(box[0].start, box[0].stop):
        if largest:
            loops.max_pool(images[sample], results[sample], size, before, stride, dilation, start, stop)
        else:
            loops.average_pool(images[sample], results[sample], size, before, stride, dilation, padded, start, stop)
