"""Tables for people: text, tables and grids of numbers, printed by rich.

`TABLES` names the module that shows each kind of report; its `renderables(report)` are printed one after the other.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from importlib import import_module

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from convcli.output.render.formats import PLAIN, TextStyle
from convcli.output.render.table.layer_table import UNLIMITED_WIDTH, Footer
from convcli.output.report import Report

# By `Report.kind`: the module that shows it.
TABLES = {
    "apply": "apply",
    "diff": "diff",
    "explain": "explain",
    "filters": "filters",
    "fit": "fit",
    "input_sizes": "input_sizes",
    "layer_search": "layer_search",
    "layers": "layers",
    "profile": "profile",
    "shape": "shape",
    "tensors": "tensors",
}


def render_table(report: Report, style: TextStyle = PLAIN) -> bytes:
    """Return the report as text for people."""
    return print_to_bytes(renderables(report, style), style)


def renderables(report: Report, style: TextStyle) -> Iterator[RenderableType]:
    """Yield the parts of a report: texts, tables and grids of numbers, from top to bottom."""
    module = import_module(f"{__name__}.{TABLES[report.kind]}")
    for part in module.renderables(report):
        if style.footer or not isinstance(part, Footer):
            yield part


def print_to_bytes(renderables: Iterable[RenderableType], style: TextStyle) -> bytes:
    """Return what rich prints of these, one after the other.

    Tables and lines of text wrap between words, and grids show their corners, to fit the style's width.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=style.width or UNLIMITED_WIDTH,
        height=100,
        force_terminal=style.colour,
        no_color=not style.colour,
        color_system="standard" if style.colour else None,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for renderable in renderables:
        lines = _wrapped(renderable, console.width) if isinstance(renderable, Text) else [renderable]
        for line in lines:
            console.print(line, soft_wrap=isinstance(line, Text), crop=False)
    return stream.getvalue().encode()


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """Yield the lines of a text, wrapped between words; a line that continues another is indented further."""
    for line in text.split("\n", allow_blank=True):
        plain = line.plain
        indent = len(plain) - len(plain.lstrip(" ")) + 2
        offsets, used = [], 0
        for word in re.finditer(r"\s*\S+", plain):
            if used and used + cell_len(word[0]) > width:
                offsets.append(word.start())
                used = indent + cell_len(word[0].lstrip())
            else:
                used += cell_len(word[0])
        first, *others = line.divide(offsets)
        yield first
        for part in others:
            yield Text(" " * indent) + part[len(part.plain) - len(part.plain.lstrip()) :]
