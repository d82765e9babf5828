"""The one exception: a problem that the user can mend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class ConvcliError(Exception):
    """What is wrong, and what would be right.

    The code that finds a problem says *what* it is; the frames around it say *where*, each putting its part (a file, a
    layer, an argument) in front with `located`. The text reads `FILE: WHERE: problem (remedy)`.
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
    """Put `where` in front of any `ConvcliError` that passes through."""
    try:
        yield
    except ConvcliError as error:
        error.where.insert(0, where)
        raise


def short_repr(value: Any, most: int = 60) -> str:
    """A value as a message shows it, cut to a line."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


MAX_MESSAGE_LENGTH = 1000  # letters of a message


def one_line(text: str) -> str:
    """A message as one line that a terminal shows as it is, whatever names and values from files are in it."""
    if len(text) > MAX_MESSAGE_LENGTH:
        text = f"{text[: MAX_MESSAGE_LENGTH // 2]} … {text[-MAX_MESSAGE_LENGTH // 2 :]}"
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


MAX_ARRAY_VALUES = 1 << 40  # an array of so many is beyond any machine


def check_array_size(values: int) -> None:
    """Raise `ConvcliError` for an array that no machine holds."""
    if values > MAX_ARRAY_VALUES:
        raise ConvcliError(f"an array of {values:,} values", f"at most {MAX_ARRAY_VALUES:,}")


def suggestion(name: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """The remedy for an unknown name: the few that it begins, or the nearest; else `otherwise`, else all known ones."""
    from difflib import get_close_matches

    names = sorted(known)
    begun = [each for each in names if name and re.match(f"{re.escape(name.lower())}[-,]", each)]
    close = begun if 1 < len(begun) <= 4 else get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    shown = [f"'{each}'" if "," in each else each for each in (close or names)]
    if close:
        return f"did you mean {', '.join(shown[:-1])}{' or ' if len(shown) > 1 else ''}{shown[-1]}?"
    return otherwise or (f"known: {', '.join(shown)}" if names else None)
