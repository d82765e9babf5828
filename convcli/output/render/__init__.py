"""Reports -> bytes, one function a format. To add a format, write its function and enter it in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from convcli.core.records import Record

if TYPE_CHECKING:
    from convcli.output.report import Report


class Look(Record):
    """How text for people looks: with terminal colours or not, and fitted to a width or (None) as wide as it is.

    `true_colour` says that the terminal has all colours, not 256, and `blocks` that the encoding has half blocks.
    """

    colour: bool = False
    width: int | None = None
    true_colour: bool = False
    blocks: bool = True


PLAIN = Look()


class Format(Record):
    """An output format: where its function is, the suffixes that ask for it, whether it is binary.

    The function takes a report and how to show it, and is imported when it is needed. `drawn` says that it makes text
    for people, with lines and signs that an encoding may lack. To show a number takes `growth` bytes, and so many
    `copies` of it.
    """

    function: str
    suffixes: tuple[str, ...]
    binary: bool = False
    drawn: bool = False
    growth: int = 16
    copies: int = 0

    def footprint(self, size: int) -> int:
        """Bytes that it takes to show a number of so many bytes."""
        return self.growth + self.copies * size

    def render(self, report: Report, look: Look = PLAIN) -> bytes:
        """The report in this format. Raises `ConvcliError` where the format cannot hold it."""
        module, _, name = self.function.partition(":")
        function: Callable[[Report, Look], bytes] = getattr(import_module(f"convcli.output.render.{module}"), name)
        return function(report, look)


FORMATS = {
    "table": Format("table:table", (".txt",), drawn=True),
    "json": Format("text:json", (".json",), growth=200),
    "yaml": Format("text:yaml", (".yaml", ".yml"), growth=900),
    "csv": Format("text:csv", (".csv",), growth=90),
    "tree": Format("tree:tree", (), drawn=True),
    "dot": Format("diagrams:dot", (".dot", ".gv")),
    "mermaid": Format("diagrams:mermaid", (".mmd", ".mermaid")),
    "npy": Format("binary:npy", (".npy",), binary=True, growth=0, copies=2),
    "npz": Format("binary:npz", (".npz",), binary=True, growth=0, copies=2),
    "heatmap": Format("heatmap:heatmap", (), drawn=True),
    "png": Format("png:png", (".png",), binary=True, growth=50),
    "gif": Format("gif:gif", (".gif",), binary=True),
    "html": Format("page:html", (".html", ".htm")),
}


def by_suffix(suffix: str) -> str | None:
    """The name of the format that a file name's suffix asks for."""
    return next((name for name, form in FORMATS.items() if suffix.lower() in form.suffixes), None)
