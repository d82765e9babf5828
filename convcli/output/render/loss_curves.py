"""The curves of training, loss above accuracy, as a PNG picture or a page that needs nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from convcli.core.records import Record
from convcli.io import images
from convcli.output.report.fit import FitReport

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 900, 280, 84, 24, 56, 64
WIDE_RANGE = 30  # greatest over least from which a loss is drawn by its logarithm
LEAST, MOST = 1e-300, 1e300  # what is beyond is zero, or not drawn
LOWEST_TOP = 0.9  # from where to 1 accuracies are drawn at least
SCALE = 2  # pixels of the picture for each unit
TEXT, SMALL = 15, 13  # sizes of letters
# For what is learned from and for the validation; the first two stay apart for any kind of colour vision.
COLOURS = ("0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9")
INK, PALE = "202020", "c8c8c8"


class Line(Record):
    """A line through points, `(x, y)` from the upper left corner."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0


class Label(Record):
    """A text at a point: to its right, in its middle or to its left."""

    at: tuple[float, float]
    text: str
    anchor: str = "start"
    size: int = SMALL
    colour: str = INK


Mark = Line | Label


class Axis(Record):
    """The values from `low` to `high`, spread over a panel from its bottom to its top, perhaps by their logarithm."""

    low: float
    high: float
    top: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """How far below the upper edge of the drawing a value lies."""
        low, high, own = (log10(each) if self.logarithmic else each for each in (self.low, self.high, value))
        return self.top + PANEL * (1 - (own - low) / (high - low))

    def ticks(self) -> Iterator[float]:
        """Round values to be named."""
        if self.logarithmic:
            powers = range(ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9) + 1)
            yield from (10.0**power for power in powers if len(powers) <= 8 or power % 2 == 0)
            return
        step = _round_step((self.high - self.low) / 5)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        yield from (number * step for number in range(first, last + 1))


def _round_step(step: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is no less."""
    power = 10.0 ** floor(log10(step))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= step * (1 - 1e-9))


def _axis(values: Sequence[float], top: float, accuracy: bool) -> Axis:
    drawn = [value for value in values if abs(value) < MOST] or [0.0]  # a validation may come to no number
    low, high = min(drawn), max(drawn)
    if not accuracy and low > LEAST and high / low > WIDE_RANGE:
        return Axis(10.0 ** floor(log10(low)), 10.0 ** ceil(log10(high)), top, True)
    low = min(low, LOWEST_TOP) if accuracy else min(low, 0.0)
    high = 1.0 if accuracy else high
    return Axis(low, high if high - low > LEAST else low + 1, top)


def drawing(report: FitReport) -> tuple[list[Mark], float]:
    """All marks of the curves, and how high they are together."""
    names = list(report.history)
    panels = [[name for name in names if name.endswith("accuracy") == accuracy] for accuracy in (False, True)]
    marks: list[Mark] = [Label((LEFT, 26), report.plan.model.name, size=TEXT + 2)]
    top = float(TOP)
    for panel in filter(None, panels):
        marks += _panel({name: report.history[name] for name in panel}, top, report.epochs)
        top += PANEL + GAP
    return marks, top


def _panel(series: Mapping[str, Sequence[float]], top: float, epochs: int) -> Iterator[Mark]:
    axis = _axis([value for each in series.values() for value in each], top, next(iter(series)).endswith("accuracy"))
    right, bottom = WIDTH - RIGHT, top + PANEL
    for value in axis.ticks():
        y = axis.place(value)
        yield Line(((LEFT, y), (right, y)), PALE)
        yield Label((LEFT - 8, y + SMALL / 3), f"{value:.6g}", "end")
    for epoch in _epochs(epochs):
        yield Label((_across(epoch, epochs), bottom + 20), f"{epoch:,}", "middle")
    yield Label((right, bottom + 38), "epoch", "end")
    yield Line(((LEFT, bottom), (right, bottom)), INK)
    across = float(LEFT)
    for (name, values), colour in zip(series.items(), COLOURS * len(series), strict=False):
        placed = [(_across(place, epochs), value) for place, value in enumerate(values, 1) if abs(value) < MOST]
        points = tuple((x, axis.place(value)) for x, value in placed)
        points = points if len(points) != 1 else (*points, (points[0][0] + 3, points[0][1]))
        yield Line(points, colour, 2.0)
        text = f"{name} {values[-1]:.4g}"
        yield Label((across, top - 10), text, size=TEXT, colour=colour)
        across += 9.5 * len(text) + 24


def _across(epoch: int, epochs: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(epochs - 1, 1)


def _epochs(epochs: int) -> list[int]:
    """The first epoch and round numbers up to the last."""
    step = max(1, int(_round_step(epochs / 8)))
    found = [1, *(each for each in range(step, epochs + 1, step) if each > max(1, step // 3))]
    return list(dict.fromkeys(found))


def html(report: FitReport) -> bytes:
    """One self-contained page."""
    marks, height = drawing(report)
    title = escape(f"{report.plan.model.name}: curves of training")
    shown = "\n".join(map(_svg, marks))
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
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
<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{title}">
{shown}
</svg>
</html>
""".encode()


def _svg(mark: Mark) -> str:
    if isinstance(mark, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in mark.points)
        return f'<polyline points="{points}" fill="none" stroke="#{mark.colour}" stroke-width="{mark.width:g}"/>'
    x, y = mark.at
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}" font-size="{mark.size}" fill="#{mark.colour}"'
    return f"<text {place}>{escape(mark.text)}</text>"


def png(report: FitReport) -> bytes:
    """A picture (extra images)."""
    library = images.import_pillow()
    from PIL import ImageDraw, ImageFont

    marks, height = drawing(report)
    picture = library.new("RGB", (WIDTH * SCALE, ceil(height) * SCALE), "#ffffff")
    draw = ImageDraw.Draw(picture)
    for mark in marks:
        colour = f"#{mark.colour}"
        if isinstance(mark, Line):
            points = [(x * SCALE, y * SCALE) for x, y in mark.points]
            draw.line(points, colour, round(mark.width * SCALE), joint="curve")
            continue
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
        font = ImageFont.load_default(mark.size * SCALE)
        draw.text((mark.at[0] * SCALE, mark.at[1] * SCALE), mark.text, colour, font, anchor)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
