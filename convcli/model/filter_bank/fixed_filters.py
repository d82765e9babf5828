"""The filters of the bank that are fixed numbers."""

from __future__ import annotations

from convcli.model.filter_bank.values import Values

LINE_VERTICAL = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
LINE_HORIZONTAL = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
LINE_DIAGONAL = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
LINE_ANTIDIAGONAL = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
ROBERTS = [[-1, 0], [0, 1]]
LAPLACIAN_4 = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
LAPLACIAN_8 = [[1, 1, 1], [1, -8, 1], [1, 1, 1]]
EDGE = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
SHARPEN = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
EMBOSS = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
BUMP = [0, 1, 0]
STEP = [-1, 1]
DERIVATIVE = [-0.5, 0, 0.5]

# The outer values of the compass filters that find a rise to the top, clockwise from the upper left corner.
KIRSCH = (5, 5, 5, -3, -3, -3, -3, -3)
ROBINSON = (1, 2, 1, 0, -1, -2, -1, 0)
RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # their places: row, column
DIRECTIONS = ("n", "nw", "w", "sw", "s", "se", "e", "ne")  # each is 45 degrees further anticlockwise


def compass(outer: tuple[int, ...], direction: str) -> Values:
    """Return a 3×3 filter with the eight outer values around 0, turned from the top to a direction."""
    turn = DIRECTIONS.index(direction)
    values = [[0] * 3 for _ in range(3)]
    for (row, column), value in zip(RING, outer[turn:] + outer[:turn], strict=True):
        values[row][column] = value
    return values
