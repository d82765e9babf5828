"""Rich tables, as wide as what they show; fitted to a width, their cells fold and grids show their corners.

Each kind of report has a module here whose `parts(report)` are what is printed, one after the other.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from importlib import import_module

from rich.console import Console, RenderableType
from rich.text import Text

from convcli.output.render import PLAIN, Look
from convcli.output.render.table.layer_table import WIDTH
from convcli.output.report import Report


def table(report: Report, look: Look = PLAIN) -> bytes:
    """The report as text for people."""
    return printed(import_module(f"convcli.output.render.table.{report.kind}").parts(report), look)


def printed(parts: Iterable[RenderableType], look: Look) -> bytes:
    """What is printed of these parts, one after the other; lines of text are never folded."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=look.width or WIDTH,
        height=100,
        force_terminal=look.colour,
        no_color=not look.colour,
        color_system="standard" if look.colour else None,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))
    return stream.getvalue().encode()
