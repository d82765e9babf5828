"""The one exception: a problem that the user can mend."""

from __future__ import annotations

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


@contextmanager
def located(where: str) -> Iterator[None]:
    """Put `where` in front of any `ConvcliError` that passes through."""
    try:
        yield
    except ConvcliError as error:
        error.where.insert(0, where)
        raise


def short(value: Any, most: int = 60) -> str:
    """A value as a message shows it, cut to a line."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


MOST_VALUES = 1 << 40  # an array of so many is beyond any machine


def check_size(values: int) -> None:
    """Raise `ConvcliError` for an array that no machine holds."""
    if values > MOST_VALUES:
        raise ConvcliError(f"an array of {values:,} values", f"at most {MOST_VALUES:,}")


def nearest(name: str, known: Iterable[str], otherwise: str | None = None) -> str | None:
    """The remedy for an unknown name: the nearest known one, else `otherwise`, else all that are known."""
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return otherwise or (f"known: {', '.join(names)}" if names else None)
