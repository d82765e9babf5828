"""Winograd's minimal filtering: m × m outputs of a 3 × 3 window from (m + 2)² products in place of 9·m².

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016: for a tile d of the input and a filter g,

    y = A'[(G g G') ⊙ (B' d B)]A

where the products ⊙ become matrix products over the channels, one for each of the (m + 2)² cells of a transformed tile.
The matrices A', G and B' are those of Cook and Toom, worked out here from their interpolation points. A window of
3 × 3 × 3 is transformed along its last two axes, and summed along the first one as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod, sqrt

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.core.thread_pool import ThreadPool
from convcli.engine.algorithms.approximate import (
    EPS,
    ApproximateCorrelation,
    is_whole,
    largest_magnitudes,
    largest_norm,
)
from convcli.engine.algorithms.blocks import Block, Region, cut_into_blocks, region_shape
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation, Finish
from convcli.engine.algorithms.im2col import contiguous, read_cells, window_view
from convcli.engine.algorithms.native_winograd import NativeWinograd, suits_native
from convcli.engine.algorithms.problem import Problem
from convcli.model.window import Window

WINDOW = 3  # cells along each axis
# The points at which polynomials are evaluated, by m; one more lies at infinity. With 3/4 and 3/2 in place of the
# textbook's 1 and 2, rounding errors of m = 4 are five times smaller. Everything below is exact in float64.
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.75, -0.75, 1.5, -1.5)}
# Rounding errors over eps·(norm of a tile)·(norm of a filter): four times what random data show.
NOISE = {2: 0.4, 4: 1.6}
# Tiles of 4 × 4 outputs (m = 4) are for maps of at least so many outputs and for at least this tolerance.
FOUR_OUTPUTS, FOUR_TOLERANCE = 400, 5e-6
FEW_TILES = 128  # rows of a matrix product that is better cut by its columns
BLOCK_BYTES = 4 << 20
WEIGHTS_AT_ONCE = 1 << 14  # that are transformed in float64

FOR = "float32 with a tolerance, 3 × 3 or 3 × 3 × 3 windows, no strides, no groups"


def suits(problem: Problem) -> bool:
    """Return whether results may be approximate, and windows of 3 × 3 (× 3) move by one cell, without groups."""
    approximate = problem.dtype == "float32" and problem.tolerance > 0
    sizes = [window.size for window in problem.windows]
    sliding = problem.groups == 1 and problem.unstretched and problem.unit_stride
    return approximate and sliding and sizes in ([WINDOW] * 2, [WINDOW] * 3)


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Transform the kernel for tiles of 2 × 2 or of 4 × 4 outputs."""
    depth, space = problem.windows[:-2], problem.windows[-2:]
    grid = TileGrid(
        starts=tuple(-window.before for window in space),
        dilations=tuple(window.dilation for window in space),
        depth=tuple((window.before, window.dilation) for window in depth),
    )
    accurate = problem.tolerance >= FOUR_TOLERANCE
    if suits_native(problem) and not is_whole(kernel):
        m = 4 if accurate and _products(problem, 4) < _products(problem, 2) else 2
        weights = transformed_weights(kernel, m)
        return NativeWinograd(kernel, weights, problem, m, noise_factor(kernel, m))
    m = 4 if accurate and prod(problem.positions[-2:]) >= FOUR_OUTPUTS else 2
    return WinogradCorrelation(kernel, kernel, problem, grid, m)


def _products(problem: Problem, m: int) -> int:
    """Return how many products a channel and a filter take, for a map in tiles of m × m outputs."""
    return (m + WINDOW - 1) ** 2 * prod(-(-count // m) for count in problem.positions[-2:])


def noise_factor(kernel: Array, m: int) -> float:
    """Return the rounding errors of a sample whose largest cell has the norm 1, for a kernel (*depth, 3, 3, …)."""
    depth = prod(kernel.shape[:-4])
    return NOISE[m] * EPS * (m + WINDOW - 1) * sqrt(depth) * largest_norm(kernel)


class TileGrid(Record):
    """The layout of tiles over the input and the output, along the last two axes.

    `starts` is the cell of the input on which the first window starts. With `dilations` of d the cells fall apart in d
    interleaved phases along an axis, each with tiles of its own. A `square` of s × s cells, of input and output, counts
    as the channels of one cell. `depth` holds padding and dilation of a third, leading axis, where there is one.
    """

    starts: tuple[int, ...]
    dilations: tuple[int, ...] = (1, 1)
    square: int = 1
    depth: tuple[tuple[int, int], ...] = ()


@cache
def transform_matrices(m: int) -> tuple[Array, Array, Array]:
    """Return A' (m, n), G (n, 3) and B' (n, n), n = m + 2, such that y = A'[(G g) * (B' d)] along one axis."""
    points = POINTS[m]
    n = m + WINDOW - 1
    # Each row of A and G evaluates a polynomial at one point. Its coefficients are the outputs or the weights; at
    # infinity the highest of them is left.
    outputs = [[point**i for i in range(m)] for point in points] + [_last_of(m)]
    weights = []
    for point in points:
        scale = prod((point - other for other in points if other != point), start=1.0)
        weights.append([point**i / scale for i in range(WINDOW)])
    weights.append(_last_of(WINDOW))
    inputs = [_polynomial([other for other in points if other != point], n) for point in points]
    inputs.append(_polynomial(points, n))
    a, g, b = (np.array(rows) for rows in (outputs, weights, inputs))
    return np.ascontiguousarray(a.T), g, b


def _last_of(length: int) -> list[float]:
    return [0.0] * (length - 1) + [1.0]


def _polynomial(roots: Sequence[float], length: int) -> list[float]:
    """Return the coefficients, lowest first, of the product of (x - root) over all roots."""
    coefficients = [1.0]
    for root in roots:
        pairs = zip([0.0, *coefficients], [*coefficients, 0.0], strict=True)
        coefficients = [lower - root * same for lower, same in pairs]
    return coefficients + [0.0] * (length - len(coefficients))


def transformed_weights(kernel: Array, m: int) -> Array:
    """Return G g G' of each filter and channel: (*depth, 3, 3, channels, filters) -> (depth, n², channels, filters)."""
    _, g, _ = transform_matrices(m)
    both_axes = np.kron(g, g)  # (n², 9)
    cells = kernel.reshape(-1, WINDOW * WINDOW, prod(kernel.shape[-2:]))
    planes = np.empty((len(cells), len(both_axes), cells.shape[-1]), np.float32)
    for start in range(0, cells.shape[-1], WEIGHTS_AT_ONCE):  # in float64, a few megabytes at a time
        some = slice(start, start + WEIGHTS_AT_ONCE)
        planes[..., some] = np.matmul(both_axes, cells[..., some].astype(np.float64))
    return planes.reshape(*planes.shape[:2], *kernel.shape[-2:])


class WinogradCorrelation(ApproximateCorrelation):
    """Tiles of `m` × `m` outputs.

    `folded` is the kernel (*depth, 3, 3, square² · channels, square² · filters) in the cells of the grid. Regions of
    blocks count tiles, not cells: (samples, *depth, phase, phase, tile, tile), where the phases are those of dilation.
    Each thread uses two large pieces of scratch memory in turns: "tiles" (as they lie in space) and "planes"
    (transformed).
    """

    def __init__(self, kernel: Array, folded: Array, problem: Problem, grid: TileGrid, m: int) -> None:
        super().__init__(kernel, problem)
        self.grid, self.m, self.n = grid, m, m + WINDOW - 1
        # Both axes at once: one product of 36 rows is faster than two of 6.
        a, _, b = transform_matrices(m)
        self.output_transform = np.kron(a, a).astype(np.float32)  # (m², n²)
        self.input_transform = np.kron(b, b).astype(np.float32)  # (n², n²)
        self.weights = transformed_weights(folded, m)  # (depth, n², channels, filters)
        self.noise_factor = noise_factor(folded, m)
        if grid.square > 1:
            self.noise_factor *= 2  # a square of a tile may lie across four of those that are measured

    def cell_squares(self, x: Array) -> Array:
        squares, side = super().cell_squares(x), self.grid.square
        for axis in (1, 2) if side > 1 else ():
            squares = np.add.reduceat(squares, range(0, squares.shape[axis], side), axis=axis)
        return squares

    def blocks(self, shape: tuple[int, ...]) -> list[Block]:
        grid = self.grid
        planes, channels, filters = self.weights.shape[-3:]
        runs = (self.m * dilation * grid.square for dilation in grid.dilations)
        tiled = (*shape[:-2], *(-(-count // run) for count, run in zip(shape[-2:], runs, strict=True)))
        tile_bytes = planes * (channels + filters) * self.problem.itemsize
        split = filters if grid.square == 1 else 1
        macs = prod(tiled) * self.weights.size
        phases = [(slice(i, i + 1), slice(j, j + 1)) for i, j in np.ndindex(*grid.dilations)]
        blocks = [
            Block((*region[:-2], *phase, *region[-2:]), filters)
            for region, filters in cut_into_blocks(tiled, tile_bytes, split, macs, FEW_TILES, BLOCK_BYTES)
            for phase in phases
        ]
        # The later phases may have fewer tiles than the first.
        return [block for block in blocks if self._has_outputs(block.region, shape[-2:])]

    def _has_outputs(self, region: Region, positions: Sequence[int]) -> bool:
        return all(axis.start < axis.stop for axis in self._outputs(region, positions))

    def _outputs(self, region: Region, positions: Sequence[int]) -> list[slice]:
        """Return the outputs that a region of tiles makes, along the last two axes."""
        axes = zip(region[-4:-2], region[-2:], self.grid.dilations, positions, strict=True)
        outputs = []
        for phase, tiles, dilation, count in axes:
            run = self.m * dilation * self.grid.square
            outputs.append(slice(phase.start + tiles.start * run, min(count, tiles.stop * run), dilation))
        return outputs

    def compute_block(self, x: Array, y: Array, block: Block, workers: ThreadPool, finish: Finish) -> Array:
        region, filters = block
        planes = self._transformed_input(x, region, workers)
        products = self._products(planes, filters, workers)
        out = y[(*region[:-4], *self._outputs(region, y.shape[-3:-1]), filters)]
        self._transform_output(products, out, region, workers)
        largest = largest_magnitudes(out[..., :: self.m, :: self.m, :])  # a sixteenth of them tells it well enough
        finish(out, filters)
        return largest

    def _transformed_input(self, x: Array, region: Region, workers: ThreadPool) -> Array:
        """Return B' d B of every tile under a region: (n², samples, depth, tiles, channels)."""
        m, n = self.m, self.n
        padded = self._padded(x, region, workers)  # (samples, *depth, rows, columns, channels)
        samples, *depth, rows, columns, channels = padded.shape
        images = padded.reshape(-1, rows, columns, channels)
        high, wide = region_shape(region[-2:])
        tiles = window_view(images, [Window(n, m)] * 2, (high, wide))  # (images, high, wide, n, n, channels)
        tiles = contiguous(tiles.transpose(3, 4, 0, 1, 2, 5), (n * n, -1), "tiles", workers)
        planes = workers.scratch.array("planes", tiles.shape, np.float32)
        np.matmul(self.input_transform, tiles, out=planes)
        return planes.reshape(n * n, samples, prod(depth), high * wide, channels)

    def _padded(self, x: Array, region: Region, workers: ThreadPool) -> Array:
        """Return the cells that the windows of these tiles cover: (samples, *depth, rows, columns, channels)."""
        grid, m = self.grid, self.m
        starts, counts, steps = [], [], []
        for axis, (before, dilation) in zip(region[1:-4], grid.depth, strict=True):
            starts.append(axis.start - before)
            counts.append(axis.stop - axis.start + (WINDOW - 1) * dilation)
            steps.append(1)
        for phase, tiles, start, dilation in zip(region[-4:-2], region[-2:], grid.starts, grid.dilations, strict=True):
            starts.append(start + phase.start + tiles.start * m * dilation * grid.square)
            counts.append(((tiles.stop - tiles.start) * m + WINDOW - 1) * grid.square)
            steps.append(dilation)
        cells = read_cells(x[region[0]], starts, counts, steps, workers)
        if grid.square == 1:
            return cells
        samples, rows, columns, channels = cells.shape
        rows, columns = rows // grid.square, columns // grid.square
        squares = cells.reshape(samples, rows, grid.square, columns, grid.square, channels).transpose(0, 1, 3, 2, 4, 5)
        return contiguous(squares, (samples, rows, columns, -1), "squares", workers)

    def _products(self, planes: Array, filters: slice, workers: ThreadPool) -> Array:
        """Multiply transformed tiles by transformed weights: (n², matrices, rows, filters).

        On two axes, the tiles of all samples are one matrix. On three, each sample has a matrix for each cell of the
        window along the first axis, and these products are summed.
        """
        count, samples, depth, tiles, channels = planes.shape
        dilation = self.grid.depth[0][1] if self.grid.depth else 1
        depth -= (len(self.weights) - 1) * dilation  # from that of the input to that of the output
        flat = len(self.weights) == 1
        shape = (count, 1, samples * depth * tiles) if flat else (count, samples, depth * tiles)
        columns = self.weights[..., filters].shape[-1]
        products = workers.scratch.array("tiles", (*shape, columns), np.float32)
        for cell, weights in enumerate(self.weights):
            layer = planes[:, :, cell * dilation : cell * dilation + depth].reshape(*shape, channels)
            out = products if cell == 0 else workers.scratch.array("products", products.shape, np.float32)
            np.matmul(layer, weights[:, None, :, filters], out=out)
            if cell:
                products += out
        return products

    def _transform_output(self, products: Array, out: Array, region: Region, workers: ThreadPool) -> None:
        """Put A' M A of every tile where it belongs in a block of the output."""
        m, n, square = self.m, self.n, self.grid.square
        high, wide = region_shape(region[-2:])
        tiles = workers.scratch.array("planes", (m * m, products.size // (n * n)), np.float32)
        np.matmul(self.output_transform, products.reshape(n * n, -1), out=tiles)
        split = tiles.reshape(m, m, -1, high, wide, square, square, out.shape[-1])
        ordered = split.transpose(2, 3, 0, 5, 4, 1, 6, 7)  # (images, high, m, square, wide, m, square, filters)
        rows, columns = high * m * square, wide * m * square
        if out.shape[-3:-1] == (rows, columns):
            into = out.reshape(*out.shape[:-3], *ordered.shape[1:])
            assert np.may_share_memory(into, out)
            into[...] = ordered.reshape(into.shape)
            return
        whole = workers.scratch.array("tiles", ordered.shape, np.float32)
        whole[...] = ordered
        whole = whole.reshape(*out.shape[:-3], rows, columns, out.shape[-1])
        out[...] = whole[..., : out.shape[-3], : out.shape[-2], :]  # the last tiles may reach beyond the end
