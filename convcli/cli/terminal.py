"""Text for people on standard output: how it looks there, and which characters its encoding has."""

from __future__ import annotations

import os
import sys

from convcli.cli.streams import write_out
from convcli.output.render.formats import TextStyle

# What replaces the characters that tables and figures are drawn with, in an encoding that lacks them.
PLAINER = str.maketrans(
    {
        **dict.fromkeys("┏┓┗┛┳┻╋┡┩╇╭╮╰╯├┤┬┴┼└┘┌┐", "+"),
        **dict.fromkeys("━─−–", "-"),
        **dict.fromkeys("┃│╷", "|"),
        "●": "*",
        "○": "o",
        "×": "x",
        "·": "*",
        "√": "sqrt",
        "→": "->",
        "…": "...",
        "⌊": "floor[",
        "⌋": "]",
        "⌈": "ceil[",
        "⌉": "]",
    }
)


def look() -> TextStyle:
    """Return how text looks on standard output: coloured and fitted on a terminal, plain and whole elsewhere.

    NO_COLOR and FORCE_COLOR have the last word on colour, as no-color.org and force-color.org ask.
    """
    terminal = sys.stdout.isatty()
    colour = terminal and os.environ.get("TERM", "dumb") != "dumb"
    if os.environ.get("NO_COLOR"):
        colour = False
    elif os.environ.get("FORCE_COLOR"):
        colour = True
    true_colour = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    return TextStyle(colour, _columns() if terminal else None, true_colour, "utf" in _encoding())


def print_text(text: str) -> None:
    """Write text to standard output, in characters that its encoding has."""
    write_out(printable(text).encode(_encoding()))


def printable(text: str) -> str:
    """Return text with plainer characters where the encoding of standard output lacks some."""
    encoding = _encoding()
    return text if "utf" in encoding else text.translate(PLAINER).encode(encoding, "replace").decode(encoding)


def _encoding() -> str:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def _columns() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns
