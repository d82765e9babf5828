"""One self-contained HTML file in which a reader walks through a model, value by value.

`page.html` is the frame, `page.css` its look and `page.js` all that it does. They are put together here, with the scene
as data; nothing is fetched when the page is opened.
"""

from __future__ import annotations

import json
import re
from html import escape
from importlib.resources import files

from convcli.core.errors import ConvcliError
from convcli.output.render.colormap import DIVERGING, SEQUENTIAL
from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.report import Report
from convcli.output.report.page_data import PageData


def render_html(report: Report, style: TextStyle = PLAIN) -> bytes:
    """The page of a scene. Raises `ConvcliError` for any other answer."""
    if not isinstance(report, PageData):
        raise ConvcliError("there are no feature maps in this answer", "apply or explain")
    data = {**report.mapping(), "palettes": {"sequential": SEQUENTIAL, "diverging": DIVERGING}}
    # Inside a script element only `<` could end it early.
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {"title": escape(report.title), "style": _file("page.css"), "script": _file("page.js"), "data": text}
    return re.sub(r"\{\{ (\w+) \}\}", lambda place: parts[place[1]], _file("page.html")).encode()


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")
