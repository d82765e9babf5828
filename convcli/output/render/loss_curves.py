"""The curves of a training, losses above accuracies, and their drawing as a PNG image."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from math import ceil, floor, log10

from convcli.core.records import Record
from convcli.io import images

# The layout of the image, in units of PIXELS each.
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 900, 280, 84, 24, 56, 64
PIXELS = 2
TEXT, SMALL = 15, 13  # sizes of letters
LOG_RATIO = 30  # a loss whose largest value is more than this times its smallest is drawn by its logarithm
SMALLEST, LARGEST = 1e-300, 1e300  # values below count as zero, values above are not drawn
ACCURACY_FROM = 0.9  # the axis of accuracies begins at or below this, and ends at 1
# Of the metrics, then of those of the validation: the first two differ for every kind of colour vision.
# Okabe and Ito, 2008, "Color Universal Design".
COLOURS = ("0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9")
INK, PALE = "202020", "c8c8c8"

History = Mapping[str, Sequence[float]]  # the metrics of each epoch by name


class Line(Record):
    """A line through points `(x, y)`, measured from the upper left corner."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0


class Label(Record):
    """A text at a point: `start` to its right, `middle` around it, `end` to its left."""

    point: tuple[float, float]
    text: str
    anchor: str = "start"
    size: int = SMALL
    colour: str = INK


Mark = Line | Label


class Axis(Record):
    """The values from `low` to `high` along a panel's height, from its bottom up to `top`, perhaps by logarithm."""

    low: float
    high: float
    top: float
    logarithmic: bool = False

    def y(self, value: float) -> float:
        """Return how far a value is below the upper edge of the drawing."""
        low, high, own = (log10(number) if self.logarithmic else number for number in (self.low, self.high, value))
        return self.top + PANEL * (1 - (own - low) / (high - low))

    def ticks(self) -> Iterator[float]:
        """Yield the round values that are labelled."""
        if self.logarithmic:
            powers = range(ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9) + 1)
            yield from (10.0**power for power in powers if len(powers) <= 8 or power % 2 == 0)
            return
        step = _round_step((self.high - self.low) / 5)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        yield from (number * step for number in range(first, last + 1))


def _round_step(step: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is at least `step`."""
    power = 10.0 ** floor(log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _axis(values: Sequence[float], top: float, accuracy: bool) -> Axis:
    """Return an axis for these values. Those that are not finite, such as a validation's, are not drawn."""
    drawn = [value for value in values if abs(value) < LARGEST] or [0.0]
    low, high = min(drawn), max(drawn)
    if not accuracy and low > SMALLEST and high / low > LOG_RATIO:
        return Axis(10.0 ** floor(log10(low)), 10.0 ** ceil(log10(high)), top, True)
    low = min(low, ACCURACY_FROM) if accuracy else min(low, 0.0)
    high = 1.0 if accuracy else high
    return Axis(low, high if high - low > SMALLEST else low + 1, top)


class Panel(Record):
    """Curves that share an axis of values; `top` is the upper end of the axis."""

    curves: History
    axis: Axis

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return len(next(iter(self.curves.values())))

    def fraction(self, epoch: int) -> float:
        """Return how far an epoch, from 1, is along the panel: 0 for the first, 1 for the last."""
        return (epoch - 1) / max(self.epochs - 1, 1)

    def coloured(self) -> Iterator[tuple[str, Sequence[float], str]]:
        """Yield the name, the values and the colour of each curve."""
        for (name, values), colour in zip(self.curves.items(), cycle(COLOURS), strict=False):
            yield name, values, colour

    def points(self, values: Sequence[float], left: float, width: float) -> tuple[tuple[float, float], ...]:
        """Return the points of a curve in a panel of a width, without those that are not finite or too large."""
        points = tuple(
            (left + width * self.fraction(epoch), self.axis.y(value))
            for epoch, value in enumerate(values, 1)
            if abs(value) < LARGEST
        )
        # A line of one point would not show.
        return (*points, (points[0][0] + 3, points[0][1])) if len(points) == 1 else points


def panels(history: History, top: float = 0.0, distance: float = 0.0) -> list[Panel]:
    """Return a panel of losses, and one of accuracies if there are some, at a distance from one top to the next."""
    groups = ({name: history[name] for name in history if name.endswith("accuracy") == flag} for flag in (False, True))
    drawn: list[Panel] = []
    for curves, is_accuracy in zip(groups, (False, True), strict=True):
        if curves:
            values = [value for curve in curves.values() for value in curve]
            drawn.append(Panel(curves, _axis(values, top + len(drawn) * distance, is_accuracy)))
    return drawn


def drawing(title: str, history: History) -> tuple[list[Mark], float]:
    """Return the marks of all curves and their height."""
    marks: list[Mark] = [Label((LEFT, 26), title, size=TEXT + 2)]
    drawn = panels(history, TOP, PANEL + GAP)
    for panel in drawn:
        marks += _panel_marks(panel)
    return marks, float(TOP + len(drawn) * (PANEL + GAP))


def _panel_marks(panel: Panel) -> Iterator[Mark]:
    """Yield the marks of one panel: its axes, and each curve with its name and last value above the panel."""
    yield from _axis_marks(panel)
    text_x = float(LEFT)
    for name, values, colour in panel.coloured():
        yield Line(panel.points(values, LEFT, WIDTH - LEFT - RIGHT), colour, 2.0)
        text = f"{name} {values[-1]:.4g}"
        yield Label((text_x, panel.axis.top - 10), text, size=TEXT, colour=colour)
        text_x += 9.5 * len(text) + 24


def _axis_marks(panel: Panel) -> Iterator[Mark]:
    axis, right = panel.axis, WIDTH - RIGHT
    bottom = axis.top + PANEL
    for value in axis.ticks():
        y = axis.y(value)
        yield Line(((LEFT, y), (right, y)), PALE)
        yield Label((LEFT - 8, y + SMALL / 3), f"{value:.6g}", "end")
    for epoch in labelled_epochs(panel.epochs):
        x = LEFT + (right - LEFT) * panel.fraction(epoch)
        yield Label((x, bottom + 20), f"{epoch:,}", "middle")
    yield Label((right, bottom + 38), "epoch", "end")
    yield Line(((LEFT, bottom), (right, bottom)), INK)


def labelled_epochs(epochs: int) -> list[int]:
    """Return the first epoch and round numbers up to the last."""
    step = max(1, int(_round_step(epochs / 8)))
    labelled = [1, *(epoch for epoch in range(step, epochs + 1, step) if epoch > max(1, step // 3))]
    return list(dict.fromkeys(labelled))


def png(title: str, history: History) -> bytes:
    """Return an image. Raises `ConvcliError` where Pillow (extra images) is missing."""
    library = images.import_pillow()
    from PIL import ImageDraw, ImageFont

    marks, height = drawing(title, history)
    image = library.new("RGB", (WIDTH * PIXELS, ceil(height) * PIXELS), "#ffffff")
    draw = ImageDraw.Draw(image)
    for mark in marks:
        colour = f"#{mark.colour}"
        if isinstance(mark, Line):
            points = [(x * PIXELS, y * PIXELS) for x, y in mark.points]
            draw.line(points, colour, round(mark.width * PIXELS), joint="curve")
            continue
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
        font = ImageFont.load_default(mark.size * PIXELS)
        draw.text((mark.point[0] * PIXELS, mark.point[1] * PIXELS), mark.text, colour, font, anchor)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
