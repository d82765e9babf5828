"""The table of the output formats.

To add a format, write a module here with a function `(report, style) -> bytes` and add one line to `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from convcli.core.records import Record

if TYPE_CHECKING:
    from convcli.output.report import Report


class TextStyle(Record):
    """The style of text for people: by default plain, and as wide as its content.

    `colour` allows terminal colours, `true_colour` all 2**24 of them instead of 256. Text folds at `width` characters,
    or nowhere when `width` is None. `half_blocks` says that the output's encoding has the character ▀. Totals and
    notes below a table of layers are left out without `footer`.
    """

    colour: bool = False
    width: int | None = None
    true_colour: bool = False
    half_blocks: bool = True
    footer: bool = True


PLAIN = TextStyle()


class Format(Record):
    """An output format: its function, as `module:function`, and the file suffixes that select it.

    `binary` formats are not printed on a terminal. Formats that draw with symbols are text in which an encoding without
    these symbols gets substitutes. While a number of an array is rendered, it takes `text_bytes` bytes of memory and
    `array_copies` times its own size.
    """

    function: str
    suffixes: tuple[str, ...]
    binary: bool = False
    draws_with_symbols: bool = False
    text_bytes: int = 16
    array_copies: int = 0

    def bytes_needed(self, itemsize: int) -> int:
        """Return the bytes of memory that rendering one number of `itemsize` bytes takes."""
        return self.text_bytes + self.array_copies * itemsize

    def render(self, report: Report, style: TextStyle = PLAIN) -> bytes:
        """Return the report in this format. Raises `ConvcliError` if the format cannot hold it."""
        module, _, name = self.function.partition(":")
        # The module is imported only now: a command that prints JSON needs neither rich nor Pillow.
        function: Callable[[Report, TextStyle], bytes] = getattr(import_module(f"{__package__}.{module}"), name)
        return function(report, style)


FORMATS = {
    "table": Format("table:render_table", (".txt",), draws_with_symbols=True),
    "markdown": Format("markup:render_markdown", (".md", ".markdown")),
    "latex": Format("markup:render_latex", ()),
    "json": Format("json_yaml:render_json", (".json",), text_bytes=200),
    "yaml": Format("json_yaml:render_yaml", (".yaml", ".yml"), text_bytes=900),
    "csv": Format("csv_lines:render_csv", (".csv",), text_bytes=90),
    "tree": Format("tree:render_tree", (), draws_with_symbols=True),
    "dot": Format("diagrams:render_dot", (".dot", ".gv")),
    "mermaid": Format("diagrams:render_mermaid", (".mmd", ".mermaid")),
    "npy": Format("npy_npz:render_npy", (".npy",), binary=True, text_bytes=0, array_copies=2),
    "npz": Format("npy_npz:render_npz", (".npz",), binary=True, text_bytes=0, array_copies=2),
    "heatmap": Format("heatmap:render_heatmap", (), draws_with_symbols=True),
    "png": Format("png:render_png", (".png",), binary=True, text_bytes=50),
    "tif": Format("picture:render_tif", (".tif", ".tiff"), binary=True, text_bytes=24),
    "jpg": Format("picture:render_jpg", (".jpg", ".jpeg"), binary=True, text_bytes=24),
    "gif": Format("gif:render_gif", (".gif",), binary=True),
    "html": Format("page:render_html", (".html", ".htm")),
}
TABLES = ("table", "markdown", "latex")  # the formats of what people read: parts of it where it is long


def format_of_suffix(suffix: str) -> str | None:
    """Return the name of the format that a file suffix selects, or None if no format has it."""
    return next((name for name, format_ in FORMATS.items() if suffix.lower() in format_.suffixes), None)
