"""A walk as an animation: the window slides over the input, and the map fills with what it yields."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
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
from convcli.render.table.explain import line
from convcli.render.table.grids import value_text
from convcli.report import Report
from convcli.report.apply import turned
from convcli.report.explain import ExplainReport, Explanation

MOST_FRAMES = 400
MOST_CHANNELS = 3  # of those that a filter sees
WIDTH, LEAST, LARGEST = 760, 12, 44  # of all cells in a row; of a cell
SLOW, FAST, LAST = 700, 250, 2500  # milliseconds for each of a few frames, of many, for the last
FEW = 40
OUTSIDE = (238, 238, 238)  # cells that are no input
MARK, WINNER = (217, 72, 15), (24, 100, 171)  # the window; the cell in it that has the maximum


def gif(report: Report, look: Look = PLAIN) -> bytes:
    """The explanations one after the other as an animated GIF. Raises `ConvcliError` where no window slides."""
    library = pictures.pillow()
    if not isinstance(report, ExplainReport):
        raise ConvcliError("no window slides in this answer", "explain --walk")
    if len(report.places) > MOST_FRAMES:
        raise ConvcliError(f"{len(report.places):,} positions", f"at most {MOST_FRAMES} in a GIF: --limit N")
    frames = [np.asarray(frame, np.uint32) for frame in Film(report, library).frames()]
    painted = _indexed(frames, library)
    each = SLOW if len(frames) <= FEW else FAST
    durations = [each] * (len(frames) - 1) + [LAST]
    stream = io.BytesIO()
    painted[0].save(stream, "GIF", save_all=True, append_images=painted[1:], duration=durations, loop=0, disposal=1)
    return stream.getvalue()


def _indexed(frames: Sequence[Array], library: Any) -> list[Any]:
    """Pictures of the 256 colours that the last frame has most of, each pixel in the nearest: Pillow's own are not."""
    last, counts = np.unique(_packed(frames[-1]), return_counts=True)
    kept = np.sort(last[np.argsort(-counts, kind="stable")[:256]])
    parts = _parts(kept)  # (colours, 3)
    made = []
    for frame in frames:
        found, where = np.unique(_packed(frame), return_inverse=True)
        distances = np.abs(_parts(found)[:, None] - parts).sum(-1)
        indices = distances.argmin(-1)[where].reshape(frame.shape[:2]).astype(np.uint8)
        made.append(library.fromarray(indices))
        made[-1].putpalette(parts.ravel().astype(np.uint8).tobytes())
    return made


def _packed(frame: Array) -> Array:
    """Each pixel's colour as one number."""
    return frame[..., 0] << 16 | frame[..., 1] << 8 | frame[..., 2]


def _parts(colours: Array) -> Array:
    """Such numbers as red, green and blue."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(int)


class Panel(Record):
    """A grid of numbers on the picture: its title, where it is, its colours, and how they are written, if they are."""

    title: str
    left: int
    top: int
    cell: int
    scale: Scale
    label: Callable[[Any], str] | None

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
        self._turned = turned(first.transposed, first.flipped) if isinstance(first, Products) else ""
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
        values = np.array([float(each.value) for each in self._explanations])
        self._inputs, self._filters = [], []
        top, below = MARGIN + LABEL + 8, 0
        for channel in self._channels:
            suffix = f", channel {channel}" if len(self._channels) > 1 or self._left_out else ""
            self._inputs.append(self._panel(f"input{suffix}", MARGIN, top, cell, self._laid[..., self._channels]))
            if self._kernel is not None:
                left = MARGIN + columns * cell + 2 * GAP
                self._filters.append(self._panel(f"filter{self._turned}", left, top, cell, self._kernel))
            below = top + rows * cell
            top = below + GAP + LABEL + 8
        left = MARGIN + columns * cell + 2 * GAP
        if self._kernel is not None:
            title = self._font.getlength(self._filters[0].title)
            left += max(self._kernel.shape[1] * cell, int(title)) + 2 * GAP
        self._map = self._panel(self._explanations[0].map_name, left, MARGIN + LABEL + 8, cell, values)
        below = max(below, self._map.top + self._output.shape[0] * cell)
        self._bottom = below + GAP
        width = left + self._output.shape[1] * cell
        self._size = max(width, 360) + MARGIN, self._bottom + 2 * (LABEL + 8) + MARGIN

    def _panel(self, title: str, left: int, top: int, cell: int, values: Array) -> Panel:
        return Panel(title, left, top, cell, palette.scale_of([values]), self._labels(values, cell))

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
            if isinstance(stage, Pooled) and stage.winner is not None:
                _outline(draw, panel, [met[int(np.ravel_multi_index(stage.winner, stage.patch.inside.shape))]], WINNER)
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
        """What the window yields, written out where there is room, and the value of the map."""
        value = f"{self._name} at {','.join(map(str, each.at))} = {value_text(each.value)}"
        worked = line(stage)
        if self._font.getlength(worked) <= self._size[0] - 2 * MARGIN:
            return worked, value
        result = stage.value if isinstance(stage, Pooled) or stage.apart else stage.sum
        more = f", {self._left_out} more channels" if self._left_out else ""
        return f"sum of products{more}: {value_text(result)}" if np.ndim(result) == 0 else "", value

    def _grid(self, draw: Any, panel: Panel, values: Array, inside: Array, empty: bool = False) -> None:
        """The numbers of a panel in their colours; those that are not `inside` are pale, or empty."""
        draw.text((panel.left, panel.top - LABEL - 6), plain_letters(panel.title), PALE, self._font)
        painted = palette.colours(np.where(inside, values, 0), panel.scale)
        for row, column in np.ndindex(*values.shape):
            left, top = panel.corner(row, column)
            known = bool(inside[row, column])
            red, green, blue = map(int, painted[row, column])
            colour = (red, green, blue) if known else PAPER if empty else OUTSIDE
            draw.rectangle((left, top, left + panel.cell - 1, top + panel.cell - 1), fill=colour, outline=FRAME)
            if panel.label and (known or not empty):
                text = panel.label(values[row, column])
                place = left + (panel.cell - self._small.getlength(text)) / 2, top + panel.cell / 2 - 7
                draw.text(place, text, palette.ink(colour) if known else PALE, self._small)

    def _labels(self, values: Array, room: int) -> Callable[[Any], str] | None:
        """How numbers are written in cells so that all have room; None where that takes more than a cell has."""
        if room < 16:
            return None
        for digits in (6, 3, 2):
            written = partial(_rounded, digits=digits)
            if all(self._small.getlength(written(each)) <= room - 4 for each in np.unique(values)):
                return written
        return None


def _rounded(value: Any, digits: int) -> str:
    return value_text(float(f"{float(value):.{digits}g}"))


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


def _outline(draw: Any, panel: Panel, cells: Iterable[tuple[int, ...]], colour: tuple[int, ...] = MARK) -> None:
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
