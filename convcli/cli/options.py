"""Options that several commands have, and how their values become wrong usage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from convcli.cli import completion
from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.core.option_choices import DIALECT_NAMES
from convcli.core.shapes import DataFormat

Function = TypeVar("Function", bound=Callable[..., Any])


def decorate(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Return one decorator that applies all of these, the first outermost."""

    def apply_all(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply_all


@contextmanager
def usage_errors(prefix: str = "") -> Iterator[None]:
    """Turn a `ConvcliError` into wrong usage, with exit code 2; its message follows the prefix."""
    try:
        yield
    except ConvcliError as error:
        raise click.UsageError(f"{prefix}{error}") from None


@contextmanager
def about(name: str | None, *, memory_alone: bool = False) -> Iterator[None]:
    """Put the name of a file, if there is one, in front of every failure that does not say where it is.

    With `memory_alone`, only in front of those of memory. Raises `ConvcliError`, also where memory or the stack is
    exhausted.
    """
    try:
        yield
        return
    except ConvcliError as error:
        failure = error
    except RecursionError:
        failure = ConvcliError("too deeply nested")
    except MemoryError as error:
        failure = memory.MemoryRefusedError(f"not enough memory: {str(error) or 'a smaller input would do'}")
    named = isinstance(failure, memory.MemoryRefusedError) or not memory_alone
    if name is not None and named and not failure.where:
        from convcli.io.arrays import label

        failure.where.append(label(name))
    raise failure from None


def typed_flag(names: Iterable[str]) -> str | None:
    """Return the flag of the first of these parameters of the running command that was typed, or None."""
    from click.core import ParameterSource

    context = click.get_current_context()
    flags = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    typed = (name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT)
    return next((flags[name] for name in typed), None)


@contextmanager
def usage_of(file: str | None) -> Iterator[None]:
    """Put the name of a file in front of wrong usage that depends on what is in it, if there is a file."""
    try:
        yield
    except click.UsageError as error:
        prefix = "" if file is None else f"{file}: "
        raise click.UsageError(f"{prefix}{error.format_message()}", error.ctx) from None


def _bytes(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Read the value of --max-memory."""
    with usage_errors("Invalid value for '--max-memory': "):
        return None if text is None else memory.parse_size(text)


def cell(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Read the value of an option that names a cell by an index for each axis in space: `3,4`, `(3, 4)` or `3x4`."""
    if text is None:
        return None
    bare = re.sub(r"^\s*[(\[](.*?),?\s*[)\]]\s*$", r"\1", text)
    parts = [part.strip() for part in re.split("[,xX×]", bare)]
    if not all(re.fullmatch("[0-9]{1,18}", part) for part in parts):
        raise click.BadParameter(f"{text!r} (an index for each axis in space, from 0, such as 3,4)")
    return tuple(map(int, parts))


memory_option = click.option(
    "--max-memory",
    metavar="SIZE",
    callback=_bytes,
    help="Take at most this much memory, such as 2GiB; refuse work that needs more [what is free].",
)
data_format_option = click.option(
    "--data-format",
    type=click.Choice([member.value for member in DataFormat]),
    callback=lambda context, option, value: value and DataFormat(value),
    help="Axis order of arrays and shapes, in and out, and of inline layers [the model's; channels_last].",
)
vocabulary_options = decorate(
    click.option(
        "--dialect",
        type=click.Choice(DIALECT_NAMES),
        help="Whose words the layers are in, where both have a name [the other layers'; keras].",
    ),
    click.option(
        "--listed-order",
        is_flag=True,
        help="Take the parts of a printed PyTorch model in the order of the text, where it does not say how they are "
        "used.",
    ),
)
layer_option = click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    shell_complete=completion.layers,
    help="A layer in place of MODEL, such as 'Conv2D(40, 3)'; repeatable.",
)
