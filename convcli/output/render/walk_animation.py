"""The frames of a walk: the window slides over the input, and the map fills with the values that it yields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import replace
from convcli.engine.explain.explained_layer import Explanation
from convcli.engine.explain.stages import DotProductStage, PoolStage
from convcli.model import steps
from convcli.model.window import Window
from convcli.output.render import colormap
from convcli.output.render.image_style import (
    FRAME,
    INK,
    LABEL,
    LABEL_GAP,
    MARGIN,
    PALE_INK,
    PAPER,
    plain_letters,
    shortened,
)
from convcli.output.render.number_format import format_value
from convcli.output.render.stage_lines import stage_line
from convcli.output.render.walk_layout import ColouredGrid, NumberStyle, PlacedGrid, lay_out
from convcli.output.report.apply import orientation
from convcli.output.report.explain import ExplainReport

MOST_CHANNELS = 3  # shown of those that a filter sees
DIGITS, SMALL_DIGITS = 11, 9  # sizes of the letters in cells
SMALLEST_WRITTEN = 16  # pixels of a cell in which a number is written
OUTSIDE = (238, 238, 238)  # cells that are padding or lie between the input's cells
WINDOW, WINNER = (217, 72, 15), (28, 126, 214)  # outlines: the window; its cell that has the maximum
CASING, CORE = (0, 0, 0), (255, 255, 255)  # beside and within an outline, so that it is seen on any colour
LARGE_CELL = 20  # pixels of a cell that has room for the wider outline

Cell = tuple[int, ...]  # row and column


class WalkAnimation:
    """Draws the frames of a walk. The constructor lays out what stays the same from frame to frame."""

    def __init__(self, report: ExplainReport, library: Any) -> None:
        from PIL import ImageFont

        self._library = library
        self._font = ImageFont.load_default(size=LABEL)
        self._digits_fonts: dict[int, Any] = {size: ImageFont.load_default(size) for size in (DIGITS, SMALL_DIGITS)}
        self._explanations = list(report.explanations)
        self._layer_name = report.layer.layer.name
        step_index, self._windows = _sliding_windows(report)
        rows = _channel_rows(report, self._explanations[0], step_index, self._windows)
        self._hidden_channels = len(rows[MOST_CHANNELS:])
        layout = lay_out(rows[:MOST_CHANNELS], _output_grid(report, self._explanations), len(self._explanations))
        self.layout = replace(
            layout,
            rows=tuple(tuple(map(self._with_style, row)) for row in layout.rows),
            output=self._with_style(layout.output),
        )

    def _with_style(self, placed: PlacedGrid) -> PlacedGrid:
        return replace(placed, number_style=self._number_style(placed.grid, placed.cell))

    def _number_style(self, grid: ColouredGrid, cell: int) -> NumberStyle | None:
        """Return the first style in which all numbers fit their cells; None if they cannot fit."""
        numbers = np.unique(grid.values)
        for style in NUMBER_STYLES if cell >= SMALLEST_WRITTEN else ():
            length = self._digits_fonts[style.size].getlength
            if all(length(style.text(number)) <= cell - 2 * CELL_PADDING[style.size] for number in numbers):
                return style
        return None

    # ---- frames ----

    def frames(self) -> Iterator[Any]:
        """Yield a Pillow image for each position of the window."""
        background = self._background()
        for explanation in self._explanations:
            self._draw_cell(background, self.layout.output, _map_cell(explanation))
            yield self._frame(background, explanation)

    def last_frame(self) -> Any:
        """Return the last frame, in which the map is full."""
        background = self._background()
        for explanation in self._explanations:
            self._draw_cell(background, self.layout.output, _map_cell(explanation))
        return self._frame(background, self._explanations[-1])

    def _background(self) -> Any:
        """Return an image of all grids, with the map still empty."""
        image = self._library.new("RGB", self.layout.size, PAPER)
        for placed in self.layout.grids:
            title = shortened(placed.grid.title, self._font.getlength, placed.width)
            self._pen(image).text((placed.left, placed.top - LABEL - 6), title, PALE_INK, self._font)
            for cell in np.ndindex(*placed.grid.shape):
                has_value = bool(placed.grid.inside[cell]) and not placed.grid.filled_later
                self._draw_cell(image, placed, cell, has_value)
        return image

    def _frame(self, background: Any, explanation: Explanation) -> Any:
        """Return the background with the window outlined, and the lines of text below the grids."""
        image = background.copy()
        pen, stage, covered = self._pen(image), _sliding_stage(explanation), self._covered(_map_cell(explanation))
        for input_grid, *_ in self.layout.rows:
            _outline(pen, input_grid, covered)
            if isinstance(stage, PoolStage) and stage.winner is not None:
                winner = covered[int(np.ravel_multi_index(stage.winner, stage.patch.inside.shape))]
                _outline(pen, input_grid, [winner], WINNER)
        _outline(pen, self.layout.output, [_map_cell(explanation)])
        for row, text in enumerate(self.text_lines(explanation, stage)):
            top = self.layout.text_top + row * (LABEL + LABEL_GAP)
            pen.text((MARGIN, top), plain_letters(text), INK, self._font)
        return image

    def _pen(self, image: Any) -> Any:
        from PIL import ImageDraw

        return ImageDraw.Draw(image)

    def _draw_cell(self, image: Any, placed: PlacedGrid, cell: Cell, has_value: bool = True) -> None:
        """Draw a cell in the colour of its number, or pale if it is outside, or blank if its number comes later."""
        (left, top), value, pen = placed.corner(*cell), placed.grid.values[cell], self._pen(image)
        blank = PAPER if placed.grid.filled_later else OUTSIDE
        red, green, blue = map(int, colormap.colours(np.array([value]), placed.grid.scale)[0])
        colour = (red, green, blue) if has_value else blank
        pen.rectangle((left, top, left + placed.cell - 1, top + placed.cell - 1), fill=colour, outline=FRAME)
        if placed.number_style and (has_value or not placed.grid.filled_later):
            text, font = placed.number_style.text(value), self._digits_fonts[placed.number_style.size]
            ink = colormap.ink_on(colour) if has_value else PALE_INK
            pen.text((left + placed.cell / 2, top + placed.cell / 2), text, ink, font, anchor="mm")

    def _covered(self, cell: Cell) -> list[Cell]:
        """Return the cells of the input, as it is laid out, that the window covers for a cell of the map."""
        windows = (Window(1),) * (2 - len(self._windows)) + self._windows
        rows, columns = (
            [position * window.stride + tap * window.dilation for tap in range(window.size)]
            for window, position in zip(windows, cell, strict=True)
        )
        return [(row, column) for row in rows for column in columns]

    def text_lines(self, explanation: Explanation, stage: DotProductStage | PoolStage) -> tuple[str, str]:
        """Return the working in the window, as fully as it fits in a line, and the value that it ends in."""
        value = f"{self._layer_name} at {','.join(map(str, explanation.at))} = {format_value(explanation.value)}"
        if self._hidden_channels:
            value += f"; {self._hidden_channels} more channels are not shown"
        result = stage.value if isinstance(stage, PoolStage) or stage.per_channel else stage.sum
        name = "sums of products" if np.ndim(result) else "sum of products"
        short = f"{name}: {', '.join(map(format_value, np.ravel(result)))}"
        width = self.layout.size[0] - 2 * MARGIN
        return next((text for text in (stage_line(stage), short) if self._font.getlength(text) <= width), ""), value


# ---- what the grids hold ----


def _channel_rows(
    report: ExplainReport, first: Explanation, step_index: int, windows: tuple[Window, ...]
) -> list[list[ColouredGrid]]:
    """Return a row for each channel that the window meets: its input as it is laid out and, if any, its filter."""
    laid_out, is_inside, _ = report.layer.explainer.laid_out(step_index, windows)
    values = _with_two_axes(laid_out[0])  # (height, width, channels)
    inside = _with_two_axes(is_inside[0])[..., 0]  # (height, width)
    stage = _sliding_stage(first)
    channels = stage.channels if isinstance(stage, DotProductStage) else (report.map,)
    scale = colormap.scale_of([values[..., list(channels)]])
    titles = ["input" if len(channels) == 1 else f"input, channel {channel}" for channel in channels]
    rows = [
        [ColouredGrid(title, values[..., channel], inside, scale)]
        for title, channel in zip(titles, channels, strict=True)
    ]
    if isinstance(stage, DotProductStage):
        for row, filter_grid in zip(rows, _filter_grids(stage), strict=True):
            row.append(filter_grid)
    return rows


def _filter_grids(stage: DotProductStage) -> Iterator[ColouredGrid]:
    """Yield the filter's grid for each channel that it sees."""
    kernel = _with_two_axes(stage.kernel)
    scale, inside = colormap.scale_of([kernel]), np.ones(kernel.shape[:2], bool)
    for index, channel in enumerate(stage.channels):
        number = f" {index}" if stage.per_channel else ""
        suffix = f", channel {channel}" if len(stage.channels) > 1 else ""
        title = f"filter{number}{orientation(stage.transposed, stage.flipped)}{suffix}"
        yield ColouredGrid(title, kernel[..., index], inside, scale)


def _output_grid(report: ExplainReport, explanations: list[Explanation]) -> ColouredGrid:
    """Return the map that the walk fills, with all values that it will have."""
    values = np.zeros((1, 1, *report.layer.space)[-2:])
    inside = np.zeros(values.shape, bool)
    for explanation in explanations:
        cell = _map_cell(explanation)
        values[cell], inside[cell] = explanation.value, True
    scale = colormap.scale_of([values[inside]])
    return ColouredGrid(explanations[0].map_name, values, inside, scale, filled_later=True)


def _sliding_windows(report: ExplainReport) -> tuple[int, tuple[Window, ...]]:
    """Return the index in its layer of the step whose window slides, and its windows, one for each axis.

    Raises `ConvcliError` if there is none, or not over one or two axes.
    """
    layer = report.layer.layer
    for index, step in enumerate(layer.steps):
        if isinstance(step, steps.Correlate | steps.Pool) and len(step.windows) in (1, 2):
            return index, step.windows
    raise ConvcliError(
        f"no window slides over one or two axes in {layer.name}", "a convolution or pooling of 1-D or 2-D"
    )


def _sliding_stage(explanation: Explanation) -> DotProductStage | PoolStage:
    """Return the stage of the step whose window slides: the first that has a window."""
    return next(stage for stage in explanation.stages if isinstance(stage, DotProductStage | PoolStage))


def _map_cell(explanation: Explanation) -> Cell:
    """Return the row and column of the explained value in its map; a map with one axis is one row."""
    return (0,) * (2 - len(explanation.at)) + explanation.at


def _with_two_axes(array: Array) -> Array:
    """Return `(*space, channels)` with one or two axes in space as `(height, width, channels)`."""
    return array[None] if array.ndim == 2 else array


def _rounded_text(value: Any, digits: int) -> str:
    return format_value(float(f"{float(value):.{digits}g}"))


def _terse_text(value: Any) -> str:
    """Return a number in hundredths, or with two digits, without the zero before its point: `-.48`, `-.1`."""
    text = format_value(round(float(value), 2)) if 0.005 <= abs(value) < 1 else _rounded_text(value, 2)
    return text.replace("0.", ".", 1)


NUMBER_STYLES = (
    *(NumberStyle(partial(_rounded_text, digits=digits), DIGITS) for digits in (6, 3, 2)),
    NumberStyle(partial(_rounded_text, digits=2), SMALL_DIGITS),
    NumberStyle(_terse_text, SMALL_DIGITS),
)
CELL_PADDING = {DIGITS: 2, SMALL_DIGITS: 1}  # pixels to each side of a number, by the size of its letters


def _outline(pen: Any, placed: PlacedGrid, cells: Iterable[Cell], colour: tuple[int, ...] = WINDOW) -> None:
    """Draw a line around cells, without lines between two that touch."""
    outlined, lines = set(cells), []
    for row, column in outlined:
        left, top = placed.corner(row, column)
        right, bottom = left + placed.cell - 1, top + placed.cell - 1
        sides = {
            (row - 1, column): (left, top, right, top),
            (row + 1, column): (left, bottom, right, bottom),
            (row, column - 1): (left, top, left, bottom),
            (row, column + 1): (right, top, right, bottom),
        }
        for neighbour, side in sides.items():
            if neighbour not in outlined:
                lines.append(side)
    width = 7 if placed.cell >= LARGE_CELL else 5
    for ink, line_width in ((CASING, width), (colour, width - 2), (CORE, 1)):
        reach = line_width // 2  # which closes the corners
        for x, y, end_x, end_y in lines:
            along_x, along_y = (reach, 0) if y == end_y else (0, reach)
            pen.line((x - along_x, y - along_y, end_x + along_x, end_y + along_y), fill=ink, width=line_width)
