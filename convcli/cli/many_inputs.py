"""Several inputs in one call: each is answered by itself, into a file of its name in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import click

from convcli.cli.streams import tell
from convcli.core.errors import ConvcliError
from convcli.io.files import STANDARD_STREAM, os_error_text

Answer = Callable[[int, str, str], None]  # answers the input of this index and name, into a file


def expand(names: Sequence[str]) -> list[str]:
    """Return the inputs that names stand for: a folder for the arrays in it, a pattern for the files that match it.

    Both in sorted order; a file of that very name comes first. Raises `ConvcliError` where there is none.
    """
    return list(dict.fromkeys(file for name in names for file in _files(name)))


def stands_for_several(name: str) -> bool:
    """Return True if a name is a folder, or a pattern that some file matches."""
    from convcli.io.arrays import is_inline

    return not is_inline(name) and (os.path.isdir(name) or (_is_pattern(name) and bool(_matching(name))))


def _files(name: str) -> list[str]:
    from convcli.io.arrays import SUFFIXES, is_inline
    from convcli.io.files import suffix

    if is_inline(name):
        return [name]
    if os.path.isdir(name):
        files = [entry.path for entry in os.scandir(name) if entry.is_file() and not entry.name.startswith(".")]
        arrays = sorted(file for file in files if suffix(file) in SUFFIXES)
        if not arrays:
            raise ConvcliError(f"{name}: no array in this folder", f"files that end in {' '.join(SUFFIXES)}")
        return arrays
    if not _is_pattern(name):
        return [name]
    matching = _matching(name)
    if not matching:
        raise ConvcliError(f"{name}: no file matches")
    return matching


def _is_pattern(name: str) -> bool:
    from glob import has_magic

    from convcli.io.arrays import names_file

    return has_magic(name) and not names_file(name)


def _matching(pattern: str) -> list[str]:
    """Return the files that match, in sorted order; `**` stands for folders within each other."""
    from glob import glob

    return sorted(filter(os.path.isfile, glob(pattern, recursive=True)))


def answer_each(names: Sequence[str], folder: str, ending: str, answer: Answer) -> bool:
    """Answer each input into a file of its own in the folder, whose name ends in `ending`; tell failures at the end.

    Returns:
        Whether every input could be answered.

    Raises:
        UsageError: Two answers would go into one file, or one would replace an input.
        ConvcliError: The folder cannot be made.
    """
    outputs = _outputs(names, folder, ending)
    try:
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise ConvcliError(f"{folder}: is not a folder", "a folder, or a name for a new one")
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise ConvcliError(f"{folder}: {os_error_text(error)}") from None
    failures = []
    for index, (name, output) in enumerate(zip(names, outputs, strict=True)):
        try:
            answer(index, name, output)
        except ConvcliError as error:
            failures.append(str(error))
    for failure in failures:
        tell(f"Error: {failure}")
    if failures:
        others = f"; the answers to the others are in {folder}" if len(failures) < len(names) else ""
        tell(f"{len(failures)} of {len(names)} inputs failed{others}")
    return not failures


def _outputs(names: Sequence[str], folder: str, ending: str) -> list[str]:
    """Return the file for each answer. Raises `UsageError` where two coincide, or one would replace an input."""
    from convcli.io.arrays import is_inline, label

    if STANDARD_STREAM in names:
        raise click.UsageError("--output-dir names answers after files (without -)")
    inline = next(filter(is_inline, names), None)
    if inline is not None:
        raise click.UsageError(f"--output-dir names answers after files, and {label(inline)} is not one")
    outputs = [os.path.join(folder, f"{_stem(name)}{ending}") for name in names]
    inputs = {os.path.realpath(name): name for name in names}
    owners: dict[str, str] = {}
    for name, output in zip(names, outputs, strict=True):
        if output in owners:
            raise click.UsageError(f"{owners[output]} and {name} would both be answered in {output}")
        if os.path.realpath(output) in inputs:
            raise click.UsageError(f"{output} would replace the input {inputs[os.path.realpath(output)]}")
        owners[output] = name
    return outputs


def _stem(name: str) -> str:
    """Return a file's name without its suffix; for `FILE.npz:KEY`, followed by the key."""
    base = os.path.basename(name)
    stem, ending = os.path.splitext(base)
    path, colon, key = ending.partition(":")
    return f"{stem}-{key}" if colon and path and not os.path.exists(name) else stem
