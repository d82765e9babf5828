"""A walk as an animation: the window slides over the input, and the map fills with what it yields."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.engine.explain.stages import DotProductStage, PoolStage
from convcli.io import images
from convcli.model import steps
from convcli.model.window import Window
from convcli.output.render import colormap
from convcli.output.render.colormap import ColourScale
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.number_text import number_text
from convcli.output.render.png import FRAME, GAP, INK, LABEL, MARGIN, PALE, PAPER, plain_letters, shortened
from convcli.output.render.table.explain import stage_line
from convcli.output.report import Report
from convcli.output.report.apply import turned
from convcli.output.report.explain import ExplainReport, Explanation

MOST_FRAMES = 400
MOST_PIXELS = 1 << 27  # of all frames, which are held in memory
MOST_CHANNELS = 3  # of those that a filter sees
WIDTH, HEIGHT = 1000, 1400  # of a frame
LEAST, LARGEST = 6, 44  # pixels of a cell
NARROWEST = 120  # a panel, so that its title can be read
SLOW, FAST, LAST = 700, 250, 2500  # milliseconds for each of a few frames, of many, for the last
FEW = 40
OUTSIDE = (238, 238, 238)  # cells that are no input
MARK, WINNER = (217, 72, 15), (24, 100, 171)  # the window; the cell in it that has the maximum


def render_gif(report: Report, style: TextStyle = PLAIN) -> bytes:
    """The explanations one after the other as an animated GIF. Raises `ConvcliError` where no window slides."""
    library = images.pillow()
    if not isinstance(report, ExplainReport):
        raise ConvcliError("no window slides in this answer", "explain --walk")
    count = len(report.places)
    if count > MOST_FRAMES:
        raise ConvcliError(f"{count:,} positions", f"at most {MOST_FRAMES} in a GIF: --limit N")
    film = Film(report, library)
    first, *rest = [SLOW if count <= FEW else FAST] * (count - 1) + [LAST]
    painted = _indexed(film.frames(), film.last(), library)
    stream = io.BytesIO()
    durations = [first, *rest]
    next(painted).save(stream, "GIF", save_all=True, append_images=painted, duration=durations, loop=0, disposal=1)
    return stream.getvalue()


def _indexed(frames: Iterable[Any], last: Any, library: Any) -> Iterator[Any]:
    """Each frame in the 256 colours that the last has most of, a pixel in another in the nearest of them.

    Pillow tells only colours apart that differ in their upper six bits.
    """
    found, counts = np.unique(_packed(last), return_counts=True)
    kept = np.sort(found[np.argsort(-counts, kind="stable")[:256]])
    colours = _parts(kept).astype(np.uint8).tobytes()
    for frame in frames:
        packed = _packed(frame)
        indices = np.minimum(np.searchsorted(kept, packed), len(kept) - 1)
        other = kept[indices] != packed
        rare, where = np.unique(packed[other], return_inverse=True)
        distances = np.abs(_parts(rare)[:, None] - _parts(kept)).sum(-1)
        indices[other] = distances.argmin(-1)[where]
        made = library.fromarray(indices.astype(np.uint8))
        made.putpalette(colours)
        yield made


def _packed(frame: Any) -> Array:
    """Each pixel's colour as one number."""
    parts = np.asarray(frame, np.int32)
    return parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]


def _parts(colours: Array) -> Array:
    """Such numbers as red, green and blue."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(int)


class ColouredGrid(Record):
    """Numbers as they are shown: `values` and which of them are `inside`, (height, width), their colours and digits.

    Those that are outside are pale, or, where a map is yet to be filled, not there.
    """

    title: str
    values: Array
    inside: Array
    scale: ColourScale
    empty: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape


class PlacedGrid(Record):
    """A grid in its place on the picture, and how its numbers are written, if they are."""

    grid: ColouredGrid
    left: int
    top: int
    cell: int
    label: Callable[[Any], str] | None

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Where a cell begins."""
        return self.left + column * self.cell, self.top + row * self.cell


class Film:
    """What stays the same from frame to frame, and how each is drawn."""

    def __init__(self, report: ExplainReport, library: Any) -> None:
        from PIL import ImageFont

        self._library = library
        self._font, self._small = (ImageFont.load_default(size=size) for size in (LABEL, 11))
        self._explanations = list(report.explanations)
        self._name = report.explained.layer.name
        place, self._windows = _sliding(report)
        laid, inside, _ = report.explained.explainer.laid_out(place, self._windows)
        values, known = _flat(laid[0]), _flat(inside[0])[..., 0]  # (height, width, channels); (height, width)
        stage = _stage(self._explanations[0])
        channels = stage.channels if isinstance(stage, DotProductStage) else (report.map,)
        self._left_out = len(channels[MOST_CHANNELS:])
        scale = colormap.scale_of([values[..., list(channels)]])
        self._rows = [
            [ColouredGrid(_titled("input", each, channels), values[..., each], known, scale)] for each in channels
        ]
        if isinstance(stage, DotProductStage):
            kernel = _flat(stage.kernel)
            filter_ = "filter" + turned(stage.transposed, stage.flipped)
            scale, whole = colormap.scale_of([kernel]), np.ones(kernel.shape[:2], bool)
            for place, row in enumerate(self._rows):
                title = f"{filter_} {place}" if stage.per_channel else filter_
                row.append(ColouredGrid(title, kernel[..., place], whole, scale))
        self._rows = self._rows[:MOST_CHANNELS]
        self._lay_out(self._map(report))

    def _map(self, report: ExplainReport) -> ColouredGrid:
        """What is to be filled, with all the values that it will have."""
        values = np.zeros((1, 1, *report.explained.space)[-2:])
        inside = np.zeros(values.shape, bool)
        for each in self._explanations:
            values[_place(each)], inside[_place(each)] = each.value, True
        name = self._explanations[0].map_name
        return ColouredGrid(name, values, inside, colormap.scale_of([values[inside]]), empty=True)

    def _lay_out(self, map_: ColouredGrid) -> None:
        """Find the largest cells with which everything has room."""
        for cell in range(LARGEST, LEAST - 1, -1):
            self._panels, self._output, self._bottom, width = self._laid_out(map_, cell)
            self._size = width + MARGIN, self._bottom + 2 * (LABEL + 8) + MARGIN
            pixels = self._size[0] * self._size[1] * len(self._explanations)
            if self._size[0] <= WIDTH and self._size[1] <= HEIGHT and pixels <= MOST_PIXELS:
                return
        size = "×".join(map(str, self._rows[0][0].shape))
        raise ConvcliError(
            f"an input of {size} cells, as it is laid out, does not fit in an animation of {WIDTH}×{HEIGHT} pixels",
            f"a smaller or cropped input, or --limit N: at most {MOST_PIXELS:,} pixels in all frames",
        )

    def _laid_out(self, map_: ColouredGrid, cell: int) -> tuple[list[list[PlacedGrid]], PlacedGrid, int, int]:
        """The panels of each row, that of the map, where they end below, and at the right.

        A row for each channel, and the map to the right; what has one axis stands below each other.
        """
        one_axis = self._rows[0][0].shape[0] == 1
        left, top, right = MARGIN, MARGIN, MARGIN
        panels: list[list[PlacedGrid]] = []
        for row in self._rows:
            panels.append([])
            left = MARGIN
            for grid in row:
                panels[-1].append(self._panel(grid, left, top + LABEL + 8, cell))
                width = max(grid.shape[1] * cell, NARROWEST)
                right = max(right, left + width)
                if one_axis:
                    top += LABEL + 8 + cell + GAP
                else:
                    left += width + 2 * GAP
            if not one_axis:
                top += LABEL + 8 + row[0].shape[0] * cell + GAP
        left, beside = (MARGIN, top) if one_axis else (right + 2 * GAP, MARGIN)
        output = self._panel(map_, left, beside + LABEL + 8, cell)
        right = max(right, left + max(map_.shape[1] * cell, NARROWEST))
        return panels, output, max(top, output.top + map_.shape[0] * cell + GAP), max(right, 360)

    def _panel(self, grid: ColouredGrid, left: int, top: int, cell: int) -> PlacedGrid:
        return PlacedGrid(grid, left, top, cell, self._labels(grid, cell))

    def _labels(self, grid: ColouredGrid, room: int) -> Callable[[Any], str] | None:
        """How numbers are written in cells so that all have room; None where that takes more than a cell has."""
        if room < 16:
            return None
        for digits in (6, 3, 2):
            written = partial(_rounded, digits=digits)
            if all(self._small.getlength(written(each)) <= room - 4 for each in np.unique(grid.values)):
                return written
        return None

    # ---- frames ----

    def frames(self) -> Iterator[Any]:
        """A picture for each explanation."""
        base = self._base()
        for each in self._explanations:
            self._cell(base, self._output, _place(each))
            yield self._frame(base, each)

    def last(self) -> Any:
        """The last of them."""
        base = self._base()
        for each in self._explanations:
            self._cell(base, self._output, _place(each))
        return self._frame(base, self._explanations[-1])

    def _base(self) -> Any:
        """What all frames have in common."""
        picture = self._library.new("RGB", self._size, PAPER)
        for panel in [*(each for row in self._panels for each in row), self._output]:
            title = shortened(panel.grid.title, self._font.getlength, max(panel.grid.shape[1] * panel.cell, NARROWEST))
            self._on(picture).text((panel.left, panel.top - LABEL - 6), title, PALE, self._font)
            for at in np.ndindex(*panel.grid.shape):
                self._cell(picture, panel, at, known=bool(panel.grid.inside[at]) and not panel.grid.empty)
        return picture

    def _on(self, picture: Any) -> Any:
        from PIL import ImageDraw

        return ImageDraw.Draw(picture)

    def _cell(self, picture: Any, panel: PlacedGrid, at: tuple[int, ...], known: bool = True) -> None:
        """One number in its colour."""
        (left, top), value, draw = panel.corner(*at), panel.grid.values[at], self._on(picture)
        red, green, blue = map(int, colormap.colours(np.array([value]), panel.grid.scale)[0])
        colour = (red, green, blue) if known else PAPER if panel.grid.empty else OUTSIDE
        draw.rectangle((left, top, left + panel.cell - 1, top + panel.cell - 1), fill=colour, outline=FRAME)
        if panel.label and (known or not panel.grid.empty):
            text = panel.label(value)
            place = left + (panel.cell - self._small.getlength(text)) / 2, top + panel.cell / 2 - 7
            draw.text(place, text, colormap.ink(colour) if known else PALE, self._small)

    def _frame(self, base: Any, each: Explanation) -> Any:
        picture = base.copy()
        draw, stage, met = self._on(picture), _stage(each), self._met(_place(each))
        for input_, *_ in self._panels:
            _outline(draw, input_, met)
            if isinstance(stage, PoolStage) and stage.winner is not None:
                _outline(draw, input_, [met[int(np.ravel_multi_index(stage.winner, stage.patch.inside.shape))]], WINNER)
        _outline(draw, self._output, [_place(each)])
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

    def _lines(self, each: Explanation, stage: DotProductStage | PoolStage) -> tuple[str, str]:
        """What the window yields, written out where there is room, and the value of the map."""
        value = f"{self._name} at {','.join(map(str, each.at))} = {number_text(each.value)}"
        if self._left_out:
            value += f"; {self._left_out} more channels are not shown"
        result = stage.value if isinstance(stage, PoolStage) or stage.per_channel else stage.sum
        sums = "sums of products" if np.ndim(result) else "sum of products"
        short = f"{sums}: {', '.join(map(number_text, np.ravel(result)))}"
        fitting = (
            text for text in (stage_line(stage), short) if self._font.getlength(text) <= self._size[0] - 2 * MARGIN
        )
        return next(fitting, ""), value


def _stage(each: Explanation) -> DotProductStage | PoolStage:
    """The stage of the step whose window slides: the first that has one."""
    return next(stage for stage in each.stages if isinstance(stage, DotProductStage | PoolStage))


def _place(each: Explanation) -> tuple[int, ...]:
    """Where the value is on a map of two axes."""
    return (0,) * (2 - len(each.at)) + each.at


def _titled(title: str, channel: int, channels: Sequence[int]) -> str:
    return f"{title}, channel {channel}" if len(channels) > 1 else title


def _rounded(value: Any, digits: int) -> str:
    return number_text(float(f"{float(value):.{digits}g}"))


def _sliding(report: ExplainReport) -> tuple[int, tuple[Window, ...]]:
    """The place in the layer of the step whose window slides, and the windows."""
    layer = report.explained.layer
    for place, step in enumerate(layer.steps):
        if isinstance(step, steps.Correlate | steps.Pool) and len(step.windows) in (1, 2):
            return place, step.windows
    raise ConvcliError(
        f"no window slides over one or two axes in {layer.name}", "a convolution or pooling of 1-D or 2-D"
    )


def _flat(array: Array) -> Array:
    """`(*space, channels)` with one or two axes in space -> (height, width, channels)."""
    return array[None] if array.ndim == 2 else array


def _outline(draw: Any, panel: PlacedGrid, cells: Iterable[tuple[int, ...]], colour: tuple[int, ...] = MARK) -> None:
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
        for beside, side in sides.items():
            if beside not in known:
                draw.line(side, fill=colour, width=3)
