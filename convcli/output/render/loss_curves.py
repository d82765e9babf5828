"""The curves of a training, losses above accuracies, as a PNG image or a self-contained page.

A drawing is a list of marks, lines and texts, which each of the two formats draws in its own way.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from convcli.core.records import Record
from convcli.io import images

# The layout, in units: of a page as many pixels as it has room for, of an image PIXELS each.
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


def drawing(title: str, history: History) -> tuple[list[Mark], float]:
    """Return the marks of all curves and their height: a panel of losses, and one of accuracies if there are some."""
    panels = [
        {name: values for name, values in history.items() if name.endswith("accuracy") == accuracy}
        for accuracy in (False, True)
    ]
    marks: list[Mark] = [Label((LEFT, 26), title, size=TEXT + 2)]
    top = float(TOP)
    for panel in filter(None, panels):
        marks += _panel(panel, top)
        top += PANEL + GAP
    return marks, top


def _panel(curves: History, top: float) -> Iterator[Mark]:
    """Yield the marks of one panel: its axes, and each curve with its name and last value above the panel."""
    names, epochs = list(curves), len(next(iter(curves.values())))
    axis = _axis([value for values in curves.values() for value in values], top, names[0].endswith("accuracy"))
    yield from _axis_marks(axis, epochs)
    text_x = float(LEFT)
    for (name, values), colour in zip(curves.items(), COLOURS * len(curves), strict=False):
        points = tuple(
            (_x(epoch, epochs), axis.y(value)) for epoch, value in enumerate(values, 1) if abs(value) < LARGEST
        )
        if len(points) == 1:
            points = (*points, (points[0][0] + 3, points[0][1]))  # a line of one point would not show
        yield Line(points, colour, 2.0)
        text = f"{name} {values[-1]:.4g}"
        yield Label((text_x, top - 10), text, size=TEXT, colour=colour)
        text_x += 9.5 * len(text) + 24


def _axis_marks(axis: Axis, epochs: int) -> Iterator[Mark]:
    right, bottom = WIDTH - RIGHT, axis.top + PANEL
    for value in axis.ticks():
        y = axis.y(value)
        yield Line(((LEFT, y), (right, y)), PALE)
        yield Label((LEFT - 8, y + SMALL / 3), f"{value:.6g}", "end")
    for epoch in _labelled_epochs(epochs):
        yield Label((_x(epoch, epochs), bottom + 20), f"{epoch:,}", "middle")
    yield Label((right, bottom + 38), "epoch", "end")
    yield Line(((LEFT, bottom), (right, bottom)), INK)


def _x(epoch: int, epochs: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(epochs - 1, 1)


def _labelled_epochs(epochs: int) -> list[int]:
    """Return the first epoch and round numbers up to the last."""
    step = max(1, int(_round_step(epochs / 8)))
    labelled = [1, *(epoch for epoch in range(step, epochs + 1, step) if epoch > max(1, step // 3))]
    return list(dict.fromkeys(labelled))


def html(title: str, history: History) -> bytes:
    """Return a page that needs no other file."""
    marks, height = drawing(title, history)
    text = escape(f"{title}: curves of training")
    elements = "\n".join(map(_svg, marks))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text}</title>
<style>
  body {{ margin: 0; background: #fff; }}
  svg {{ display: block; max-width: {WIDTH}px; width: 100%; margin: auto; font-family: system-ui, sans-serif; }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #181818; }}
    svg [fill="#{INK}"] {{ fill: #e8e8e8; }}
    svg [stroke="#{INK}"] {{ stroke: #e8e8e8; }}
    svg [stroke="#{PALE}"] {{ stroke: #484848; }}
    svg [fill="#{COLOURS[0]}"] {{ fill: #56b4e9; }}
    svg [stroke="#{COLOURS[0]}"] {{ stroke: #56b4e9; }}
  }}
</style>
<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{text}">
{elements}
</svg>
</html>
""".encode()


def _svg(mark: Mark) -> str:
    if isinstance(mark, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
        return f'<polyline points="{points}" fill="none" stroke="#{mark.colour}" stroke-width="{mark.width:g}"/>'
    x, y = mark.point
    attributes = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}" font-size="{mark.size}" fill="#{mark.colour}"'
    return f"<text {attributes}>{escape(mark.text)}</text>"


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
