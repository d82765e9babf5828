"""Input cells that no position of a window covers, such as the last cells where a stride does not fit."""

from __future__ import annotations

from itertools import groupby

from convcli.model.window import Window


def unread_cells(window: Window, width: int) -> list[tuple[int, int]]:
    """Return the runs of cells, first and last, that the window reads at none of its positions over `width` cells."""
    read = bytearray(width)
    positions = window.output_extent(width) or 0
    for tap in range(window.size):
        cells = _cells_under_tap(window, tap, positions, width)
        if cells:
            read[cells.start : cells.stop : cells.step] = b"\1" * len(cells)
    runs, first = [], 0
    for is_read, group in groupby(read):
        count = len(list(group))
        if not is_read:
            runs.append((first, first + count - 1))
        first += count
    return runs


def _cells_under_tap(window: Window, tap: int, positions: int, width: int) -> range:
    """Return the input cells that one cell of the window meets, over all positions of the window."""
    offset = tap * window.dilation - window.before  # of the stretched axis, at the first position
    if window.upsample == 1:
        skipped = max(0, -(offset // window.stride))  # positions at which the tap lies before the input
        return range(offset + skipped * window.stride, min(width, offset + positions * window.stride), window.stride)
    # The window of a transposed convolution moves by one cell and meets an input cell at every `upsample`-th position.
    first = max(0, -(-offset // window.upsample))
    return range(first, min(width, (offset + positions - 1) // window.upsample + 1))
