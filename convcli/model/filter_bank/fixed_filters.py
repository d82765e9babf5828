"""The filters of the bank that are fixed numbers."""

from __future__ import annotations

from typing import Any

Values = list[Any]  # a nested list of numbers

LINE_VERTICAL = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
LINE_HORIZONTAL = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
LINE_DIAGONAL = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
LINE_ANTIDIAGONAL = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
PREWITT = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
SCHARR = [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]
ROBERTS = [[-1, 0], [0, 1]]
LAPLACIAN_4 = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
LAPLACIAN_8 = [[1, 1, 1], [1, -8, 1], [1, 1, 1]]
EDGE = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
EMBOSS = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
BUMP = [0, 1, 0]
STEP = [-1, 1]
DERIVATIVE = [-0.5, 0, 0.5]

# Clockwise from the upper left, for the upward direction.
KIRSCH = (5, 5, 5, -3, -3, -3, -3, -3)
ROBINSON = (1, 2, 1, 0, -1, -2, -1, 0)
RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
DIRECTIONS = ("n", "nw", "w", "sw", "s", "se", "e", "ne")  # each 45 degrees further anticlockwise


def turned(values: Values) -> Values:
    """A quarter turn clockwise: what finds a rise from left to right then finds one from top to bottom."""
    return [list(column) for column in zip(*reversed(values), strict=True)]


def compass(ring: tuple[int, ...], direction: str) -> Values:
    """A mask of eight cells around an empty one, turned from up to a direction."""
    turn = DIRECTIONS.index(direction)
    rows = [[0] * 3 for _ in range(3)]
    for (row, column), value in zip(RING, ring[turn:] + ring[:turn], strict=True):
        rows[row][column] = value
    return rows
