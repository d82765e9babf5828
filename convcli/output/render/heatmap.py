"""Feature maps as text for a terminal, side by side as far as they fit its width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil

import numpy as np
from rich.cells import cell_len, set_cell_size

from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.heatmap_cells import CellPainter, legend
from convcli.output.render.map_sections import MapSection, TitledMap, map_sections
from convcli.output.report import Report

WIDTH = 80  # characters, where no terminal sets the width
ENLARGED_SIDE = 24  # characters to which small maps are enlarged
LABEL = 12  # characters that a label may take even if its map is narrower
MOST_MAPS = 64  # of a layer
GAP = "  "
BOLD, DIM, ITALIC = "1", "2", "3"


class FittedMap(Record):
    """A map averaged or enlarged to its size on the screen.

    Each value of `grid` is the mean of a `block` of cells, rows × columns, and is repeated `enlarged` times along each
    axis.
    """

    title: str
    grid: Array
    block: tuple[int, int]
    enlarged: tuple[int, int]

    def cells(self) -> Array:
        """Return the values to draw, a cell each."""
        return self.grid.repeat(self.enlarged[0], 0).repeat(self.enlarged[1], 1)


def render_heatmap(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the maps of each layer and the scale of their colours. Raises `ConvcliError` if there are no maps."""
    width = style.width or WIDTH
    unscaled = CellPainter(ColourScale(0.0, 0.0), style)
    fitted = [(section, *_fitted_maps(section, width, unscaled)) for section in map_sections(report)]
    # Averages may be less extreme than the values, so the scale is that of what is drawn.
    grids = (map_.grid for _, groups, _ in fitted for group in groups for map_ in group)
    painter = CellPainter(colormap.scale_of(grids), style)
    lines: list[str] = []
    for section, groups, left_out in fitted:
        lines += [painter.styled(section.title, BOLD), *_block_note(groups[0][0], painter)]
        for group, maps in zip(section.groups, groups, strict=False):
            lines += [painter.styled(group.title, ITALIC)] if group.title else []
            lines += _side_by_side(maps, width, painter)
        if left_out:
            lines.append(painter.styled(f"… {left_out:,} more; -f png or npy gives all", DIM))
        lines.append("")
    lines.append(legend(painter))
    return "".join(f"{line if style.colour else line.rstrip()}\n" for line in lines).encode()


def _fitted_maps(section: MapSection, width: int, painter: CellPainter) -> tuple[list[list[FittedMap]], int]:
    """Return the first maps of a layer, sample by sample, and the number of those left out."""
    groups, remaining = [], MOST_MAPS
    for group in section.groups:
        if remaining > 0:
            groups.append([_fitted(map_, width, painter) for map_ in islice(group.maps, remaining)])
        remaining -= len(group.maps)
    return groups, max(-remaining, 0)


def _fitted(titled: TitledMap, width: int, painter: CellPainter) -> FittedMap:
    """Return a map averaged until it fits the width, or enlarged by a whole number until it can be seen."""
    rows, columns = titled.grid.shape
    block_width = ceil(columns / max(width // painter.cell_width, 1))
    block_height = 1 if rows == 1 else block_width
    grid = _block_means(titled.grid, block_height, block_width)
    times = max(ENLARGED_SIDE // painter.cell_width // max(grid.shape), 1)
    enlarged = (painter.cells_per_line if rows == 1 else times, times)
    return FittedMap(titled.title, grid, (block_height, block_width), enlarged)


def _block_means(grid: Array, height: int, width: int) -> Array:
    """Return the mean of each block of cells; the blocks at the far edges may be smaller."""
    if height == width == 1:
        return grid
    rows, columns = (np.arange(0, extent, step) for extent, step in zip(grid.shape, (height, width), strict=True))
    with np.errstate(all="ignore"):  # overflow and NaN show as such
        sums = np.add.reduceat(np.add.reduceat(grid.astype(np.float64), rows, 0), columns, 1)
    counts = np.outer(np.diff([*rows, grid.shape[0]]), np.diff([*columns, grid.shape[1]]))
    return sums / counts


def _side_by_side(maps: Sequence[FittedMap], width: int, painter: CellPainter) -> Iterator[str]:
    """Yield the lines of maps of one size, each below its label, as many side by side as fit."""
    map_width = maps[0].cells().shape[1] * painter.cell_width
    label_width = min(max(cell_len(map_.title) for map_ in maps), LABEL)
    column_width = min(max(map_width, label_width), width)
    columns = max((width + len(GAP)) // (column_width + len(GAP)), 1)
    between = " " * (column_width - map_width) + GAP
    for first in range(0, len(maps), columns):
        row = maps[first : first + columns]
        labels = (_shortened(map_.title, column_width) for map_ in row)
        yield GAP.join(set_cell_size(label, column_width) for label in labels).rstrip()
        yield from (between.join(parts) for parts in zip(*(painter.lines(map_.cells()) for map_ in row), strict=True))


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def _block_note(fitted: FittedMap, painter: CellPainter) -> Iterator[str]:
    """Yield a line that says how many cells are averaged, if any are."""
    height, width = fitted.block
    if width > 1:
        size = f"{height}×{width}" if height > 1 else str(width)
        yield painter.styled(f"each cell is the mean of {size}", DIM)
