"""The style of all drawn images: colours, distances, and text in the letters of Pillow's own font."""

from __future__ import annotations

from collections.abc import Callable

PAPER, INK, PALE_INK, FRAME = (255, 255, 255), (32, 32, 32), (96, 96, 96), (200, 200, 200)
LABEL = 14  # size of small letters, in pixels
LABEL_GAP = 8  # below a line of small letters
MARGIN, GAP = 32, 20  # around the image; between two things in it
LONGEST = 200  # characters of a text that are looked at


def plain_letters(text: str) -> str:
    """Return a text without accents, which Pillow's own font lacks."""
    from unicodedata import combining, normalize

    return "".join(character for character in normalize("NFKD", text) if not combining(character))


def shortened(text: str, length: Callable[[str], float], width: float) -> str:
    """Return a text in plain letters, cut to a width.

    It is cut in the middle, because names that belong together often differ only at the end.
    """
    result = text = plain_letters(text[:LONGEST])
    remaining = len(text)
    while remaining and length(result) > width:
        remaining -= 1
        result = f"{text[: remaining - remaining // 2]}…{text[len(text) - remaining // 2 :]}"
    return result
