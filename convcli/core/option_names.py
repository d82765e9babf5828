"""The names of options in messages: `--seed N` on the command line, `seed=N` in Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_spelled_as_flags = False


@contextmanager
def spelled_as_flags() -> Iterator[None]:
    """Let messages speak to a user of the command line within the `with` block; elsewhere they speak Python."""
    global _spelled_as_flags
    before, _spelled_as_flags = _spelled_as_flags, True
    try:
        yield
    finally:
        _spelled_as_flags = before


def option(name: str, value: str = "", *, python: str | None = None) -> str:
    """Return an option as the user writes it.

    Args:
        name: The name of the option on the command line, without its dashes.
        value: Its value: a placeholder in capitals, or a word; nothing where the option alone is meant.
        python: The name of the argument in Python, where it differs.

    >>> option("layer-output", "NAME"), option("dtype", "float64"), option("batch-size")
    ('layer_output=NAME', 'dtype="float64"', 'batch_size=')
    >>> with spelled_as_flags():
    ...     option("layer-output", "NAME"), option("dtype", "float64"), option("batch-size")
    ('--layer-output NAME', '--dtype float64', '--batch-size')
    """
    literal = value if value.isupper() or not value else f'"{value}"'
    return spoken(f"--{name} {value}".rstrip(), f"{python or name.replace('-', '_')}={literal}")


def spoken(command_line: str, python: str) -> str:
    """Return the first of two wordings on the command line, the second in Python."""
    return command_line if _spelled_as_flags else python
