"""The one exception, for problems that the user can solve, and the parts of its messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

MAX_MESSAGE_LENGTH = 1000
MAX_SUGGESTIONS = 4


class ConvcliError(Exception):
    """An error that the user can mend: what is wrong (`problem`), what would be right (`remedy`), and where it is.

    The code that finds a problem says what it is. The frames around it say where: each puts a file, a layer or an
    argument in front with `located`. The message reads `FILE: WHERE: problem (remedy)`.
    """

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.where: list[str] = []

    def __str__(self) -> str:
        text = ": ".join([*self.where, self.problem])
        return f"{text} ({self.remedy})" if self.remedy else text


class Note(UserWarning):
    """A warning of nothing wrong: how something was read that could be read otherwise, and what reads it so."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put `where` in front of the message of any `ConvcliError` that leaves the `with` block."""
    try:
        yield
    except ConvcliError as error:
        error.where.insert(0, where)
        raise


def short_repr(value: Any, max_length: int = 60) -> str:
    """Return the `repr` of a value for a message, cut to `max_length` characters."""
    return shortened(repr(value), max_length)


def shortened(text: str, max_length: int = 60) -> str:
    """Return a text from a file for a message, cut to `max_length` characters."""
    return text if len(text) <= max_length else f"{text[: max_length - 3]}..."


def one_line(text: str) -> str:
    """Return a message as one line of printable characters.

    Names and values from files may hold anything: line breaks and other control characters are escaped, so that they
    cannot command the terminal, and the middle of a very long message is left out.
    """
    if len(text) > MAX_MESSAGE_LENGTH:
        text = f"{text[: MAX_MESSAGE_LENGTH // 2]} … {text[-MAX_MESSAGE_LENGTH // 2 :]}"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def suggestion(name: str, known: Iterable[str], default: str | None = None) -> str | None:
    """Return the remedy for an unknown name: `did you mean …?`.

    Suggested are the few known names that continue it after a dash or comma (`sobel`: `sobel-x`, `sobel-y`), else the
    most similar one. Without any the remedy is `default`, or the list of all known names; None if there are none.
    """
    from difflib import get_close_matches

    names = sorted(known)
    continued = [candidate for candidate in names if name and re.match(f"{re.escape(name.lower())}[-,]", candidate)]
    similar = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    suggested = continued if 1 < len(continued) <= MAX_SUGGESTIONS else similar
    quoted = [f"'{candidate}'" if "," in candidate else candidate for candidate in suggested or names]
    if suggested:
        return f"did you mean {', '.join(quoted[:-1])}{' or ' if len(quoted) > 1 else ''}{quoted[-1]}?"
    return default or (f"known: {', '.join(quoted)}" if names else None)
