"""Large filters on few channels: squares of cells become channels, and the filter a 3 × 3 one for Winograd's tiles.

With squares of P × P cells, a filter of up to 2·P + 1 cells becomes one of 3 × 3 squares, from P² channels to P². With
larger squares than the ones here there would be more multiplications than with Fourier's tiles.
"""

from __future__ import annotations

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.engine.algorithms.blockwise import BlockwiseCorrelation
from convcli.engine.algorithms.problem import Problem
from convcli.engine.algorithms.winograd import WINDOW, TileGrid, WinogradCorrelation

SQUARE = 8  # cells along each side
FEW = 2  # channels and filters

FOR = "float32 with a tolerance, one or two channels and filters, filters of up to 17 × 17, no strides, no dilation"


def suits(problem: Problem) -> bool:
    """Return whether results may be approximate, and channels, filters and windows on two axes fit the squares."""
    approximate = problem.dtype == "float32" and problem.tolerance > 0
    few = problem.groups == 1 and max(problem.channels, problem.filters) <= FEW
    dense = problem.unstretched and problem.unit_stride and all(window.dilation == 1 for window in problem.windows)
    fits = len(problem.windows) == 2 and max(window.size for window in problem.windows) <= 2 * SQUARE + 1
    return approximate and few and dense and fits


def prepare(kernel: Array, problem: Problem) -> BlockwiseCorrelation:
    """Lay out the kernel as one of 3 × 3 squares, with all cells of a square as channels."""
    height, width, channels, filters = kernel.shape
    # For each output cell (row, column) of a square, the kernel among zeros, shifted to where that cell sees its input.
    shifted = np.zeros((WINDOW * SQUARE, WINDOW * SQUARE, channels, SQUARE, SQUARE, filters), kernel.dtype)
    for row, column in np.ndindex(SQUARE, SQUARE):
        shifted[row : row + height, column : column + width, :, row, column] = kernel
    squares = shifted.reshape(WINDOW, SQUARE, WINDOW, SQUARE, channels, -1).transpose(0, 2, 1, 3, 4, 5)
    folded = squares.reshape(WINDOW, WINDOW, SQUARE * SQUARE * channels, SQUARE * SQUARE * filters)
    grid = TileGrid(starts=tuple(-window.before for window in problem.windows), square=SQUARE)
    return WinogradCorrelation(kernel, np.ascontiguousarray(folded), problem, grid, 4)
