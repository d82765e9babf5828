"""Winograd's minimal filtering: tiles of m × m outputs of a 3 × 3 window from (m + 2)² products instead of 9·m².

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016: y = A'[(G g G') ⊙ (B' d B)]A, where the
products ⊙ are matrix products over the channels. The matrices are those of Cook and Toom, worked out here from their
interpolation points. Along a third, leading axis the window's cells are summed as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.threads import Team
from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.approximate import EPS, Approximate, largest_of
from convcli.engine.algorithms.blocks import EVERY, Blocks, Box, Finish, Item, blocks, extents, gathered, region
from convcli.engine.algorithms.problem import Work

TAPS = 3
# The points at which the polynomials are taken; one more lies at infinity. With 3/4 and 3/2 in place of the textbook's
# 1 and 2 the rounding errors of F(4) are five times smaller.
# All sums and products of them below are exact in float64.
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.75, -0.75, 1.5, -1.5)}
# Rounding noise over eps·(norm of a tile)·(norm of a filter): what random data show, times four.
NOISE = {2: 0.4, 4: 1.6}
FEW = 128  # tiles
FEWEST_CELLS, FOUR_TOLERANCE = 400, 5e-6  # for m = 4
TILE_BYTES = 1 << 22
WEIGHTS_AT_ONCE = 1 << 14

FOR = "float32 with a tolerance, 3 × 3 or 3 × 3 × 3 windows, no strides, no groups"


def suits(work: Work) -> bool:
    """float32 and some tolerance; windows of 3 × 3 or 3 × 3 × 3 that move by one cell, without groups."""
    dense = work.dtype == "float32" and work.tolerance > 0 and work.groups == 1
    return dense and work.unstretched and work.one_by_one and [each.size for each in work.windows] in ([3] * 2, [3] * 3)


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    lead, space = work.windows[:-2], work.windows[-2:]
    grid = Grid(
        starts=tuple(-each.before for each in space),
        steps=tuple(each.dilation for each in space),
        lead=tuple((each.before, each.dilation) for each in lead),
    )
    few = prod(work.places[-2:]) < FEWEST_CELLS
    return Tiles(kernel, kernel, work, grid, 2 if few or work.tolerance < FOUR_TOLERANCE else 4)


class Grid(Record):
    """How tiles lie over input and output, along the last two axes.

    `read` × `read` cells of the input are the channels of one cell that the window meets, `made` × `made` cells of the
    output those of one that it makes. `starts` is where in the input the first window starts; with `steps` of d cells
    the grid falls apart in d interleaved ones. `lead` are padding and dilation of the leading axis, where there is one.
    """

    starts: tuple[int, ...]
    steps: tuple[int, ...] = (1, 1)
    read: int = 1
    made: int = 1
    lead: tuple[tuple[int, int], ...] = ()


@cache
def matrices(m: int) -> tuple[Array, Array, Array]:
    """A' (m, n), G (n, 3) and B' (n, n) of F(m, 3), n = m + 2, such that y = A'[(G g) * (B' d)]."""
    points = POINTS[m]
    n = m + TAPS - 1
    infinity = [[float(i == last) for i in range(last + 1)] for last in (m - 1, TAPS - 1)]
    spread = [[point**i for i in range(m)] for point in points] + [infinity[0]]
    weigh = []
    for point in points:
        scale = prod((point - other for other in points if other != point), start=1.0)
        weigh.append([point**i / scale for i in range(TAPS)])
    weigh.append(infinity[1])
    fold = [_polynomial([other for other in points if other != point], n) for point in points]
    fold.append(_polynomial(points, n))
    numbers = [np.array(rows) for rows in (spread, weigh, fold)]
    return np.ascontiguousarray(numbers[0].T), numbers[1], numbers[2]


def _polynomial(roots: Sequence[float], length: int) -> list[float]:
    """The coefficients, lowest first, of the product of (x - root)."""
    found = [1.0]
    for root in roots:
        found = [high - root * low for high, low in zip([0.0, *found], [*found, 0.0], strict=True)]
    return found + [0.0] * (length - len(found))


class Tiles(Approximate):
    """A correlation by tiles of `m` × `m` cells.

    `folded` is the kernel `(*lead, 3, 3, read²·in, made²·filters)` in the cells of the grid.
    """

    def __init__(self, kernel: Array, folded: Array, work: Work, grid: Grid, m: int) -> None:
        spread, weigh, fold = matrices(m)
        super().__init__(kernel, work)
        self.grid, self.m, self.n = grid, m, m + TAPS - 1
        self.native: Any = compiled.native_tiles() if work.compiled and m == 4 else None
        # Both axes at once: one product of 36 rows is faster than two of 6.
        self.spread, self.fold = (np.kron(each, each).astype(np.float32) for each in (spread, fold))
        cells = folded.reshape(-1, TAPS * TAPS, prod(folded.shape[-2:]))
        planes = np.empty((len(cells), self.n * self.n, cells.shape[-1]), np.float32)
        both = np.kron(weigh, weigh)
        for part in range(0, cells.shape[-1], WEIGHTS_AT_ONCE):  # in float64, a few megabytes at a time
            some = slice(part, part + WEIGHTS_AT_ONCE)
            planes[..., some] = np.matmul(both, cells[..., some].astype(np.float64))
        self.weights = planes.reshape(len(cells), self.n * self.n, *folded.shape[-2:])
        self.norm = NOISE[m] * EPS * self.n * sqrt(len(self.weights)) * self.largest_norm(folded)
        if grid.read > 1:
            self.norm *= 2  # the squares of a tile may lie across four of those that are measured

    def squares(self, x: Array) -> Array:
        found, side = super().squares(x), self.grid.read
        for axis in (1, 2) if side > 1 else ():
            found = np.add.reduceat(found, range(0, found.shape[axis], side), axis=axis)
        return found

    def items(self, counts: tuple[int, ...]) -> list[Item]:
        """Blocks over `(batch, *lead, phases, phases, tiles, tiles)`."""
        grid = self.grid
        planes, channels, filters = self.weights.shape[-3:]
        cells = [-(-count // (step * grid.made)) for count, step in zip(counts[-2:], grid.steps, strict=True)]
        tiled = (*counts[:-2], *(-(-cell // self.m) for cell in cells))
        macs = prod(tiled) * self.weights.size
        split = filters if grid.made == 1 else 1
        found = blocks(tiled, planes * (channels + filters) * self.work.itemsize, split, macs, FEW, TILE_BYTES)
        phases = [(slice(i, i + 1), slice(j, j + 1)) for i, j in np.ndindex(*grid.steps)]
        items = [((*box[:-2], *phase, *box[-2:]), part) for box, part in found for phase in phases]
        # The later phases may have fewer tiles than the first.
        return [item for item in items if all(each.start < each.stop for each in self._along(item[0], counts[-2:]))]

    def _along(self, box: Box, counts: Sequence[int]) -> list[slice]:
        """The cells of the output that a box of tiles makes, along the last two axes."""
        found = []
        for phase, tile, step, count in zip(box[-4:-2], box[-2:], self.grid.steps, counts, strict=True):
            run = self.m * step * self.grid.made
            found.append(slice(phase.start + tile.start * run, min(count, tile.stop * run), step))
        return found

    def fill(self, x: Array, y: Array, item: Item, team: Team, finish: Finish) -> Array:
        box, filters = item
        m, n = self.m, self.n
        high, wide = extents(box[-2:])
        laid = self._laid(x, box, team)  # (batch, *lead, rows, columns, channels)
        *lead, _, _, channels = laid.shape
        batch, depth = lead[0], prod(lead[1:])
        planes = self._planes(laid.reshape(-1, *laid.shape[-3:]), high, wide, team)
        taps, made = len(self.weights), self.weights[..., filters].shape[-1]
        kept = depth if taps == 1 else extents(box[1:-4])[0]
        # (n², batch, depth, tiles, channels); without a leading window all samples' tiles are one matrix.
        planes = planes.reshape(n * n, batch, depth, high * wide, channels)
        shape = (n * n, 1, batch * kept * high * wide) if taps == 1 else (n * n, batch, kept * high * wide)
        products = team.scratch("tiles", (*shape, made), np.float32)
        step = self.grid.lead[0][1] if taps > 1 else 1
        for tap, weights in enumerate(self.weights):
            met = planes[:, :, tap * step : tap * step + kept].reshape(*shape, channels)
            into = products if tap == 0 else team.scratch("more", products.shape, np.float32)
            np.matmul(met, weights[:, None, :, filters], out=into)
            if tap:
                products += into
        if self.native and self.grid.made == 1:
            block = self._spread_natively(y[self._place(y, box, filters)], products, high, wide, team)
        else:
            tiles = team.scratch("planes", (m * m, products.size // (n * n)), np.float32)
            np.matmul(self.spread, products.reshape(n * n, -1), out=tiles)
            block = self._stored(
                y[self._place(y, box, filters)], tiles.reshape(m, m, batch, kept, high, wide, -1), team
            )
        largest = largest_of(block[..., :: self.m, :: self.m, :])  # a sixteenth tells it well enough
        finish(block, filters)
        return largest

    def _place(self, y: Array, box: Box, filters: slice) -> tuple[slice, ...]:
        """Where the cells of a block of tiles lie in `y`."""
        return (*box[:-4], *self._along(box, y.shape[-3:-1]), filters)

    def _spread_natively(self, block: Array, products: Array, high: int, wide: int, team: Team) -> Array:
        """A' M A of every tile, written to a block of `y`."""
        samples = prod(block.shape[:-3])
        rows, columns = high * self.m, wide * self.m
        whole = block.shape[-3:-1] == (rows, columns)
        into = block.reshape(samples, *block.shape[-3:]) if whole else None
        if into is None or not np.may_share_memory(into, block):
            into = team.scratch("planes", (samples, rows, columns, block.shape[-1]), np.float32)
        self.native.spread_tiles(products.reshape(self.n * self.n, -1, block.shape[-1]), into, high, wide)
        if not np.may_share_memory(into, block):
            block[...] = into[:, : block.shape[-3], : block.shape[-2]].reshape(block.shape)
        return block

    def _laid(self, x: Array, box: Box, team: Team) -> Array:
        """The cells that the windows of these tiles meet."""
        grid, m = self.grid, self.m
        starts, counts, steps = [], [], []
        for place, (before, dilation) in zip(box[1:-4], grid.lead, strict=True):
            starts.append(place.start - before)
            counts.append(place.stop - place.start + (TAPS - 1) * dilation)
            steps.append(1)
        for phase, tile, start, step in zip(box[-4:-2], box[-2:], grid.starts, grid.steps, strict=True):
            starts.append(start + phase.start + tile.start * m * step * grid.read)
            counts.append(((tile.stop - tile.start) * m + TAPS - 1) * grid.read)
            steps.append(step)
        met = region(x[box[0]], starts, counts, steps, team)
        if grid.read > 1:
            batch, rows, columns, channels = met.shape
            rows, columns = rows // grid.read, columns // grid.read
            split = met.reshape(batch, rows, grid.read, columns, grid.read, channels).transpose(0, 1, 3, 2, 4, 5)
            return gathered(split, "folded", (batch, rows, columns, -1), team)
        return met

    def _planes(self, laid: Array, high: int, wide: int, team: Team) -> Array:
        """B' d B of every tile: (samples, rows, columns, channels) -> (n², samples·tiles·channels)."""
        m, n = self.m, self.n
        channels = laid.shape[-1]
        if self.native:
            planes = team.scratch("planes", (n * n, len(laid) * high * wide * channels), np.float32)
            self.native.fold_tiles(laid, planes, high, wide)
            return planes
        sample, row, column, cell = laid.strides
        shape, strides = (n, n, len(laid), high, wide, channels), (row, column, sample, row * m, column * m, cell)
        tiles = gathered(as_strided(laid, shape, strides, writeable=False), "tiles", (n * n, -1), team)
        planes = team.scratch("planes", tiles.shape, np.float32)
        np.matmul(self.fold, tiles, out=planes)
        return planes

    def _stored(self, block: Array, tiles: Array, team: Team) -> Array:
        """Put tiles (row, column, batch, depth, high, wide, made²·filters) where they belong in a block of `y`."""
        grid, m = self.grid, self.m
        _, _, batch, depth, high, wide, _ = tiles.shape
        split = tiles.reshape(m, m, batch, depth, high, wide, grid.made, grid.made, -1)
        ordered = split.transpose(2, 3, 4, 0, 6, 5, 1, 7, 8)  # (batch, depth, high, m, made, wide, m, made, filters)
        rows, columns = high * m * grid.made, wide * m * grid.made
        if block.shape[-3:-1] == (rows, columns):
            into = block.reshape(batch, depth, *ordered.shape[2:])
            assert np.may_share_memory(into, block)
            into[...] = ordered
            return block
        copy = team.scratch("tiles", ordered.shape, np.float32)
        copy[...] = ordered
        whole = copy.reshape(*block.shape[:-3], rows, columns, block.shape[-1])
        block[...] = whole[(..., slice(0, block.shape[-3]), slice(0, block.shape[-2]), EVERY)]
        return block
