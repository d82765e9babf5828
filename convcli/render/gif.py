"""A walk as an animation: the window slides over the input, and the map fills with what it yields."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from convcli import palette, pictures, steps
from convcli._lazy import Array, np
from convcli.errors import ConvcliError
from convcli.explanations.stages import Pooled, Products
from convcli.geometry import Window
from convcli.palette import Scale
from convcli.records import Record
from convcli.render import PLAIN, Look
from convcli.render.png import FRAME, GAP, INK, LABEL, MARGIN, PALE, PAPER, plain_letters
from convcli.render.table.grids import value_text
from convcli.report import Report
from convcli.report.explain import ExplainReport, Explanation

MOST_FRAMES = 400
MOST_CHANNELS = 3  # of those that a filter sees
WIDTH, LEAST, LARGEST = 760, 12, 44  # of all cells in a row; of a cell
SLOW, FAST, LAST = 700, 250, 2500  # milliseconds for each of a few frames, of many, for the last
FEW = 40
OUTSIDE, MARK = (238, 238, 238), (217, 72, 15)  # cells that are no input; the window


def gif(report: Report, look: Look = PLAIN) -> bytes:
    """The explanations one after the other as an animated GIF. Raises `ConvcliError` where no window slides."""
    library = pictures.pillow()
    if not isinstance(report, ExplainReport):
        raise ConvcliError("no window slides in this answer", "explain --walk")
    if len(report.places) > MOST_FRAMES:
        raise ConvcliError(f"{len(report.places):,} positions", f"at most {MOST_FRAMES} in a GIF: --limit N")
    frames = list(Film(report, library).frames())
    colours = _colours(frames[-1], library)  # which has all that there are
    painted = [frame.quantize(palette=colours, dither=library.Dither.NONE) for frame in frames]
    each = SLOW if len(frames) <= FEW else FAST
    durations = [each] * (len(frames) - 1) + [LAST]
    stream = io.BytesIO()
    painted[0].save(stream, "GIF", save_all=True, append_images=painted[1:], duration=durations, loop=0, disposal=1)
    return stream.getvalue()


def _colours(frame: Any, library: Any) -> Any:
    """A palette of the colours that a frame has most of, as they are.

    Pillow tells colours apart by their upper six bits: of those that share them the palette has one.
    """
    often: dict[tuple[int, ...], tuple[int, ...]] = {}
    for _, colour in sorted(frame.getcolors(1 << 24), reverse=True):
        often.setdefault(tuple(part >> 2 for part in colour), colour)
    made = library.new("P", (1, 1))
    made.putpalette([part for colour in list(often.values())[:256] for part in colour])
    return made


class Panel(Record):
    """A grid of numbers on the picture: where it is, its title, its colours; cells that are not known are empty."""

    title: str
    left: int
    top: int
    cell: int
    scale: Scale

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Where a cell begins."""
        return self.left + column * self.cell, self.top + row * self.cell


class Film:
    """What stays the same from frame to frame, and how each is drawn."""

    def __init__(self, report: ExplainReport, library: Any) -> None:
        from PIL import ImageFont

        self._library = library
        self._font = ImageFont.load_default(size=LABEL)
        self._small = ImageFont.load_default(size=11)
        self._explanations = list(report.explanations)
        explainer = report.explained.explainer
        place, windows = _sliding(report)
        laid, inside, _ = explainer.laid(place, windows)
        self._windows, self._place, self._name = windows, place, report.explained.row.name
        self._laid = _flat(laid[0])  # (height, width, channels)
        self._inside = _flat(inside[0])[..., 0]
        self._output: Array = np.full(_flat(np.empty((*report.explained.space, 1))).shape[:2], np.nan)
        self._known = np.zeros(self._output.shape, bool)
        first = self._stage(self._explanations[0])
        self._channels = first.channels[:MOST_CHANNELS] if isinstance(first, Products) else (report.map,)
        self._left_out = len(first.channels) - len(self._channels) if isinstance(first, Products) else 0
        self._kernel = _flat(first.kernel) if isinstance(first, Products) else None
        self._lay_out()

    def _stage(self, each: Explanation) -> Products | Pooled:
        """The stage of the step whose window slides: the first that has one."""
        return next(stage for stage in each.stages if isinstance(stage, Products | Pooled))

    def _lay_out(self) -> None:
        """Where everything is: a row for each channel with its filter beside it, and the map to the right."""
        rows, columns = self._laid.shape[:2]
        wide = [columns, self._output.shape[1]] + ([] if self._kernel is None else [self._kernel.shape[1]])
        cell = min(WIDTH // sum(wide), LARGEST)
        high = max(rows, self._output.shape[0]) * len(self._channels)
        if cell < LEAST or high * cell > 2 * WIDTH:
            size = "×".join(map(str, self._laid.shape[:2]))
            raise ConvcliError(f"{size} cells are too many for an animation", "a smaller or cropped input")
        values = [float(each.value) for each in self._explanations]
        scales = [palette.scale_of([self._laid[self._inside]]), palette.scale_of([np.array(values)])]
        self._inputs, self._filters = [], []
        top, below = MARGIN + LABEL + 8, 0
        for channel in self._channels:
            suffix = f", channel {channel}" if len(self._channels) > 1 or self._left_out else ""
            self._inputs.append(Panel(f"input{suffix}", MARGIN, top, cell, scales[0]))
            if self._kernel is not None:
                left = MARGIN + columns * cell + 2 * GAP
                self._filters.append(Panel("filter", left, top, cell, palette.scale_of([self._kernel])))
            below = top + rows * cell
            top = below + GAP + LABEL + 8
        left = MARGIN + sum(wide) * cell - self._output.shape[1] * cell + 2 * GAP * (len(wide) - 1)
        self._map = Panel(self._explanations[0].map_name, left, MARGIN + LABEL + 8, cell, scales[1])
        below = max(below, self._map.top + self._output.shape[0] * cell)
        self._bottom = below + GAP
        width = left + self._output.shape[1] * cell
        self._size = max(width, 360) + MARGIN, self._bottom + 2 * (LABEL + 8) + MARGIN

    def frames(self) -> Iterator[Any]:
        """A picture for each explanation."""
        for each in self._explanations:
            at = (0,) * (2 - len(each.at)) + each.at
            self._output[at], self._known[at] = each.value, True
            yield self._frame(each, at)

    def _frame(self, each: Explanation, at: tuple[int, ...]) -> Any:
        from PIL import ImageDraw

        picture = self._library.new("RGB", self._size, PAPER)
        draw, stage = ImageDraw.Draw(picture), self._stage(each)
        met = self._met(at)
        for place, panel in enumerate(self._inputs):
            self._grid(draw, panel, self._laid[..., self._channels[place]], self._inside)
            _outline(draw, panel, met)
        if self._kernel is not None:
            for place, panel in enumerate(self._filters):
                self._grid(draw, panel, self._kernel[..., place], np.ones(self._kernel.shape[:2], bool))
        self._grid(draw, self._map, self._output, self._known, empty=True)
        _outline(draw, self._map, [at])
        for row, text in enumerate(self._lines(each, stage)):
            draw.text((MARGIN, self._bottom + row * (LABEL + 8)), plain_letters(text), INK, self._font)
        return picture

    def _met(self, at: tuple[int, ...]) -> list[tuple[int, int]]:
        """The cells of the input as it is laid out that the window covers."""
        windows = (Window(1),) * (2 - len(self._windows)) + self._windows
        rows, columns = (
            [place * window.stride + tap * window.dilation for tap in range(window.size)]
            for window, place in zip(windows, at, strict=True)
        )
        return [(row, column) for row in rows for column in columns]

    def _lines(self, each: Explanation, stage: Products | Pooled) -> tuple[str, str]:
        what = "sum of products" if isinstance(stage, Products) else "maximum" if stage.winner is not None else "mean"
        more = f" ({self._left_out} more channels)" if self._left_out else ""
        first = stage.sum if isinstance(stage, Products) and not stage.apart else stage.value
        text = "" if np.ndim(first) else f"{what}{more} = {value_text(first)}"
        return text, f"{self._name} at {','.join(map(str, each.at))} = {value_text(each.value)}"

    def _grid(self, draw: Any, panel: Panel, values: Array, inside: Array, empty: bool = False) -> None:
        """The numbers of a panel in their colours; those that are not `inside` are pale, or empty."""
        draw.text((panel.left, panel.top - LABEL - 6), plain_letters(panel.title), PALE, self._font)
        painted = palette.colours(np.where(inside, values, 0), panel.scale)
        for row, column in np.ndindex(*values.shape):
            left, top = panel.corner(row, column)
            colour = tuple(int(part) for part in painted[row, column]) if inside[row, column] else OUTSIDE
            colour = PAPER if empty and not inside[row, column] else colour
            draw.rectangle((left, top, left + panel.cell - 1, top + panel.cell - 1), fill=colour, outline=FRAME)
            if inside[row, column] or not empty:
                self._number(draw, panel, (left, top), values[row, column], colour, bool(inside[row, column]))

    def _number(
        self, draw: Any, panel: Panel, corner: tuple[int, int], value: Any, colour: tuple[int, ...], inside: bool
    ) -> None:
        """The value in its cell, where it has room."""
        text = value_text(value)
        length = self._small.getlength(text)
        if length > panel.cell - 4 or panel.cell < 16:
            return
        luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
        ink = PALE if not inside else (0, 0, 0) if luma > 140 else (255, 255, 255)
        left, top = corner[0] + (panel.cell - length) / 2, corner[1] + panel.cell / 2 - 7
        draw.text((left, top), text, ink, self._small)


def _sliding(report: ExplainReport) -> tuple[int, tuple[Window, ...]]:
    """The place in the layer of the step whose window slides, and the windows."""
    row = report.explained.row
    for place, step in enumerate(row.steps):
        if isinstance(step, steps.Correlate | steps.Pool) and len(step.windows) in (1, 2):
            return place, step.windows
    raise ConvcliError(f"no window slides over one or two axes in {row.name}", "a convolution or pooling of 1-D or 2-D")


def _flat(array: Array) -> Array:
    """`(*space, channels)` with one or two axes in space -> (height, width, channels)."""
    return array[None] if array.ndim == 2 else array


def _outline(draw: Any, panel: Panel, cells: Iterable[tuple[int, ...]]) -> None:
    """A line around cells, none between two that touch."""
    known = set(cells)
    for row, column in known:
        left, top = panel.corner(row, column)
        right, bottom = left + panel.cell - 1, top + panel.cell - 1
        sides = {
            (row - 1, column): (left, top, right, top),
            (row + 1, column): (left, bottom, right, bottom),
            (row, column - 1): (left, top, left, bottom),
            (row, column + 1): (right, top, right, bottom),
        }
        for beside, line in sides.items():
            if beside not in known:
                draw.line(line, fill=MARK, width=3)
