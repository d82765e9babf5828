"""The curves of a training as a page that needs no other file. It shows the values of the epoch under the pointer.

Only the lines are drawn as SVG, which is stretched to the width of the window. Text and distances are HTML, and keep
their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from convcli.output.render.html_template import fill_template, json_for_script
from convcli.output.render.loss_curves import COLOURS, PANEL, History, Panel, labelled_epochs, panels

WIDTH = 1000  # of the drawing, in units that are stretched


def render_curves(title: str, history: History) -> bytes:
    """Return the page."""
    values = {name: [f"{value:.4g}" for value in curve] for name, curve in history.items()}
    parts = {
        "title": escape(f"{title}: curves of training"),
        "heading": escape(title),
        "height": f"{PANEL}",
        "panels": "\n".join(map(_panel, panels(history))),
        "data": json_for_script(values),
    }
    return fill_template(files(__name__).joinpath("page.html").read_text("utf-8"), parts)


def _panel(panel: Panel) -> str:
    """Return the elements of a panel: the names of its curves with their last values, and below them the plot."""
    keys = "".join(
        f'<li><i class="curve{COLOURS.index(colour)}"></i>{escape(name)} '
        f'<output data-name="{escape(name)}">{values[-1]:.4g}</output></li>'
        for name, values, colour in panel.coloured()
    )
    ticks = {f"{value:.6g}": panel.axis.y(value) for value in panel.axis.ticks()}
    rules = "".join(f'<path class="rule" d="M0 {y:.1f}H{WIDTH}"/>' for y in ticks.values())
    curves = "".join(
        f'<polyline class="curve{COLOURS.index(colour)}" points="{_points(panel, values)}"/>'
        for _, values, colour in panel.coloured()
    )
    tick_labels = "".join(f'<span class="tick" style="top:{y:.1f}px">{text}</span>' for text, y in ticks.items())
    epoch_labels = "".join(
        f'<span class="epoch" style="left:{100 * panel.fraction(epoch):.2f}%">{epoch:,}</span>'
        for epoch in labelled_epochs(panel.epochs)
    )
    names = escape(", ".join(panel.curves))
    return f"""<section>
<ul>{keys}</ul>
<div class="plot" tabindex="0" role="slider" aria-label="Epoch of {names}" aria-valuemin="1" \
aria-valuemax="{panel.epochs}" aria-valuenow="{panel.epochs}" style="margin-left:{max(map(len, ticks), default=1)}ch">
<svg viewBox="0 0 {WIDTH} {PANEL}" preserveAspectRatio="none" aria-hidden="true">{rules}{curves}</svg>
{tick_labels}
{epoch_labels}
<b class="cursor" hidden></b>
</div>
</section>"""


def _points(panel: Panel, values: Sequence[float]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in panel.points(values, 0, WIDTH))
