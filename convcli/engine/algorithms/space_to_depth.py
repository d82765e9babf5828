"""Large filters on few channels: squares of cells become channels, and the filter a 3 × 3 one for Winograd's tiles.

With squares of P × P cells a filter of up to 2·P + 1 cells is one of 3 × 3 squares, from P² channels to P². Larger
squares than these multiply more than Fourier's tiles.
"""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.algorithms.blocks import Blocks
from convcli.engine.algorithms.problem import Work
from convcli.engine.algorithms.winograd import TAPS, Grid, Tiles

SQUARE = 8
FEW = 2  # channels and filters

FOR = "float32 with a tolerance, one or two channels and filters, filters of up to 17 × 17, no strides, no dilation"


def suits(work: Work) -> bool:
    """float32 and some tolerance; one or two channels and filters, windows of up to 17 cells that move by one cell."""
    few = (
        work.dtype == "float32" and work.tolerance > 0 and work.groups == 1 and max(work.channels, work.filters) <= FEW
    )
    plain = len(work.windows) == 2 and all(each.dilation == 1 for each in work.windows)
    return few and plain and work.unstretched and work.one_by_one and _longest(work) <= 2 * SQUARE + 1


def _longest(work: Work) -> int:
    return max(each.size for each in work.windows)


def prepare(kernel: Array, work: Work) -> Blocks:
    """See the package."""
    side = SQUARE
    high, wide, seen, made = kernel.shape
    spread = np.zeros((TAPS * side, TAPS * side, seen, side, side, made), kernel.dtype)
    for row, column in np.ndindex(side, side):
        spread[row : row + high, column : column + wide, :, row, column] = kernel
    squares = spread.reshape(TAPS, side, TAPS, side, seen, -1).transpose(0, 2, 1, 3, 4, 5)
    folded = squares.reshape(TAPS, TAPS, side * side * seen, side * side * made)
    grid = Grid(starts=tuple(-each.before for each in work.windows), read=side, made=side)
    return Tiles(kernel, np.ascontiguousarray(folded), work, grid, 4)
