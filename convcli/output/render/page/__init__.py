"""One HTML file in which a reader walks through a model, value by value; it needs nothing but itself.

`page.html` is the frame, `page.css` its style, and `SCRIPTS` are all that it does. They are put together here with the
data of the report.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files

from convcli.core.errors import ConvcliError
from convcli.output.render.colormap import DIVERGING, SEQUENTIAL
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.html_template import fill_template, json_for_script
from convcli.output.report import Report
from convcli.output.report.page_data import PageData

# One after the other they are one script; `main.js`, which runs at once, comes last.
SCRIPTS = (
    *("values.js", "windows.js", "elements.js", "colours.js", "working.js"),
    *("map_layout.js", "map_view.js", "main.js"),
)


def render_html(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the page of a model. Raises `ConvcliError` for any other report."""
    if not isinstance(report, PageData):
        raise ConvcliError("there are no feature maps in this answer", "apply or explain")
    data = {**report.mapping(), "palettes": {"sequential": SEQUENTIAL, "diverging": DIVERGING}}
    parts = {
        "title": escape(report.title),
        "style": _file("page.css"),
        "script": "\n".join(map(_file, SCRIPTS)),
        "data": json_for_script(data),
    }
    return fill_template(_file("page.html"), parts)


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")
