"""Fourier transforms of overlapping tiles (overlap-save): for kernels so long that sums of products cost more.

A product of spectra correlates a tile of n cells with the kernel as if the tile were a ring. With a kernel of k cells,
n - k + 1 results are valid; the other k - 1 mix both ends of the tile, so neighbouring tiles overlap by as many cells.
Stockham, "High-speed convolution and correlation", 1966.
"""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.approximate import EPS, ApproximateCorrelation, largest_magnitudes, largest_norm
from convcli.engine.algorithms.blocks import Block, region_shape
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.im2col import read_cells, window_view
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

TILE = {1: 1 << 14, 2: 1 << 8}  # cells along each axis, by the number of axes, for kernels much shorter
CELLS_TOGETHER = 1 << 17  # transformed in one call, of one axis
NOISE = 8.0  # over eps·(largest cell)·(norm of the filter): four times what random data show

FOR = "float32 with a tolerance, one channel and one filter, one or two axes, no strides, no dilation"


def suits(problem: Problem) -> bool:
    """Return whether results may be approximate, and one channel and one filter meet under dense windows."""
    approximate = problem.dtype == "float32" and problem.tolerance > 0
    single = problem.channels == problem.filters == 1 and len(problem.windows) in TILE
    dense = problem.unstretched and problem.unit_stride and all(window.dilation == 1 for window in problem.windows)
    return approximate and single and dense


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Transform the kernel."""
    return FourierCorrelation(kernel, problem)


class FourierCorrelation(ApproximateCorrelation):
    """Tiles of `size` cells along each axis, with `valid` results. Regions of blocks count tiles, not cells."""

    uses_blas = False

    def __init__(self, kernel: Array, problem: Problem) -> None:
        super().__init__(kernel, problem)
        weights = kernel[..., 0, 0]
        rank = weights.ndim
        self.size = [max(TILE[rank], 1 << (2 * extent - 1).bit_length()) for extent in weights.shape]
        self.valid = [size - extent + 1 for size, extent in zip(self.size, weights.shape, strict=True)]
        self.axes = tuple(range(1, rank + 1))
        spectrum = np.fft.rfftn(weights.astype(np.float64), self.size, axes=tuple(range(rank)))
        self.spectrum = np.conj(spectrum).astype(np.complex64)  # the conjugate correlates, where the other convolves
        self.noise_factor = NOISE * EPS * largest_norm(kernel)

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        samples, *positions = shape
        tiles = [-(-count // valid) for count, valid in zip(positions, self.valid, strict=True)]
        together = max(1, CELLS_TOGETHER // self.size[0]) if len(tiles) == 1 else 1
        blocks = []
        for sample, *first in np.ndindex(samples, *(-(-count // together) for count in tiles)):
            run = [
                slice(index * together, min(count, (index + 1) * together))
                for index, count in zip(first, tiles, strict=True)
            ]
            blocks.append(Block((slice(sample, sample + 1), *run)))
        return blocks

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> Array:
        (sample, *tiles), filters = block
        padded = self._padded(x, sample, tiles, workers)  # (1, *space, 1)
        if len(tiles) == 1:
            views = window_view(padded, [Window(self.size[0], self.valid[0])], region_shape(tuple(tiles)))[0, ..., 0]
        else:
            views = padded[..., 0]  # one tile a block
        spectra = np.fft.rfftn(views, axes=self.axes).astype(np.complex64, copy=False)  # (tiles, *size / 2 + 1)
        spectra *= self.spectrum
        results = np.fft.irfftn(spectra, self.size, axes=self.axes)  # (tiles, *size)
        results = results[(slice(None), *(slice(0, valid) for valid in self.valid))]  # (tiles, *valid)
        results = results.reshape(-1) if len(tiles) == 1 else results[0]
        outputs = (
            slice(tile.start * valid, min(count, tile.stop * valid))
            for tile, valid, count in zip(tiles, self.valid, y.shape[1:-1], strict=True)
        )
        out = y[(sample, *outputs)]
        out[0, ..., 0] = results[tuple(slice(0, count) for count in out.shape[1:-1])]
        largest = largest_magnitudes(out)
        finish(out, filters)
        return largest

    def _padded(self, x: Array, sample: slice, tiles: list[slice], workers: ThreadPool) -> Array:
        """Return the input under some tiles of a sample, padded: (1, *space, 1)."""
        starts, cells = [], []
        for tile, valid, size, window in zip(tiles, self.valid, self.size, self.problem.windows, strict=True):
            starts.append(tile.start * valid - window.before)
            cells.append((tile.stop - tile.start - 1) * valid + size)
        return read_cells(x[sample], starts, cells, (1,) * len(cells), workers)
