"""Fourier transforms of overlapping tiles: for kernels so long that sums of products cost more.

Overlap-save: each tile of n cells yields the n - k + 1 results that no cell from round the other end has reached.
Stockham, "High-speed convolution and correlation", 1966.
"""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.threads import Team
from convcli.engine.algorithms.approximate import EPS, Approximate, largest_of
from convcli.engine.algorithms.blocks import EVERY, Blocks, Finish, Item, extents, region
from convcli.engine.algorithms.problem import Work

TILE = {1: 1 << 14, 2: 1 << 8}  # cells along each axis, for kernels much shorter
TOGETHER = 1 << 17  # cells a call, of one axis
NOISE = 8.0  # over eps·(largest cell)·(norm of the filter): what random data show, times four

FOR = "float32 with a tolerance, one channel and one filter, one or two axes, no strides, no dilation"


def suits(work: Work) -> bool:
    """float32 and some tolerance; one channel and one filter, windows without holes that move by one cell."""
    single = work.dtype == "float32" and work.tolerance > 0 and work.channels == work.filters == 1
    plain = all(each.dilation == 1 for each in work.windows)
    return single and work.unstretched and work.one_by_one and plain and len(work.windows) in TILE


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    return Fourier(kernel, work)


class Fourier(Approximate):
    """Tiles of `size` cells along each axis, of which `kept` are results."""

    multiplies = False

    def __init__(self, kernel: Array, work: Work) -> None:
        super().__init__(kernel, work)
        weights = kernel[..., 0, 0]
        rank = weights.ndim
        self.size = [max(TILE[rank], 1 << (2 * extent - 1).bit_length()) for extent in weights.shape]
        self.kept = [size - extent + 1 for size, extent in zip(self.size, weights.shape, strict=True)]
        self.axes = tuple(range(1, rank + 1))
        exact = np.fft.rfftn(weights.astype(np.float64), self.size, axes=tuple(range(rank)))
        self.spectrum = np.conj(exact).astype(np.complex64)
        self.norm = NOISE * EPS * self.largest_norm(kernel)

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        batch, *space = counts
        tiled = [-(-count // kept) for count, kept in zip(space, self.kept, strict=True)]
        run = max(1, TOGETHER // self.size[0]) if len(space) == 1 else 1
        found = []
        for sample, *tile in np.ndindex(batch, *(-(-count // run) for count in tiled)):
            last = [slice(place * run, min(count, (place + 1) * run)) for place, count in zip(tile, tiled, strict=True)]
            found.append(((slice(sample, sample + 1), *last), EVERY))
        return found

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> Array:
        (sample, *tiles), filters = item
        counts = extents(tuple(tiles))
        starts = [
            tile.start * kept - each.before
            for tile, kept, each in zip(tiles, self.kept, self.work.windows, strict=True)
        ]
        cells = [(count - 1) * kept + size for count, kept, size in zip(counts, self.kept, self.size, strict=True)]
        met = region(x[sample], starts, cells, (1,) * len(cells), team)[0, ..., 0]
        if len(counts) == 1:
            (step,) = met.strides
            view = np.lib.stride_tricks.as_strided(met, (*counts, *self.size), (step * self.kept[0], step))
        else:
            view = met[None]
        spectrum = np.fft.rfftn(view, axes=self.axes).astype(np.complex64, copy=False)
        spectrum *= self.spectrum
        tiled = np.fft.irfftn(spectrum, self.size, axes=self.axes)[
            (slice(None), *(slice(0, kept) for kept in self.kept))
        ]
        block = y[
            (
                sample,
                *(
                    slice(tile.start * kept, min(count, tile.stop * kept))
                    for tile, kept, count in zip(tiles, self.kept, y.shape[1:-1], strict=True)
                ),
            )
        ]
        flat = tiled.reshape(-1) if len(counts) == 1 else tiled[0]
        block[0, ..., 0] = flat[tuple(slice(0, count) for count in block.shape[1:-1])]
        largest = largest_of(block)
        finish(block, filters)
        return largest
