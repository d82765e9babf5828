"""What every command shares: its output options, and the one place where an answer or an error leaves the program."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convcli.cli.progress import Bar
from convcli.cli.streams import tell, write_out
from convcli.core import memory
from convcli.core.errors import ConvcliError, one_line
from convcli.core.shapes import DataFormat
from convcli.core.signals import undone_by
from convcli.io.files import STREAM, check_writable, replacing, suffix, write_bytes
from convcli.output.render.formats import FORMATS, PLAIN, TextStyle, format_of_suffix

if TYPE_CHECKING:
    from convcli.output.report import Report

Function = TypeVar("Function", bound=Callable[..., Any])
Value = TypeVar("Value")
Given = tuple[Sequence[str], str | None]  # the inputs among the arguments, and the model
Split = Callable[[Mapping[str, Any]], Given]

# What a command can know of its output, in its context, and what it keeps there.
FORM, OUTPUT, BAR, ONCE = "convcli.form", "convcli.output", "convcli.bar", "convcli.once"
INTERRUPTED = 130
# For an encoding without them: what tables are drawn and figures are written with.
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


def decorate(*decorators: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several decorators as one, the first outermost."""

    def apply_all(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply_all


def _amount(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return memory.size(text)
    except ConvcliError as error:
        raise click.BadParameter(str(error)) from None


memory_option = click.option(
    "--max-memory",
    metavar="SIZE",
    callback=_amount,
    help="Take no more memory than this, such as 2GiB, and refuse what needs more [what is free].",
)


output_option = click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE; the suffix names the format unless -f does."
)
folder_option = click.option(
    "--output-dir", metavar="DIR", help="Answer each of several INPUTs by itself, in a file in DIR, as npy unless -f."
)


def reports(
    *forms: str,
    trouble: Callable[[Mapping[str, Any]], int] = lambda arguments: 1,
    file: bool = True,
    many: Split | None = None,
    without: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Callable[..., Report]], Callable[..., None]]:
    """Give a command that returns a report its output options, of these formats, and deliver what it returns.

    `trouble` says by the command's arguments which exit code an error has; `file` whether there is -o; `without` which
    options ask for what a format does not show. Where several inputs may be answered one by one, `many` says which of
    the arguments they are.
    """

    def decorator(function: Callable[..., Report]) -> Callable[..., None]:
        @click.option("-f", "--format", "form", type=click.Choice(forms), help=f"Output format [{forms[0]}].")
        @decorate(*[output_option] * file, *[folder_option] * (many is not None))
        @memory_option
        @click.option("-q", "--quiet", is_flag=True, help="No warnings and no progress bar.")
        @wraps(function)
        def command(
            form: str | None,
            quiet: bool,
            max_memory: int | None,
            output: str | None = None,
            output_dir: str | None = None,
            **arguments: Any,
        ) -> None:
            if output is not None and output_dir is not None:
                raise click.UsageError("-o is one file, --output-dir a folder for several")
            meta = click.get_current_context().meta
            chosen = meta[FORM] = form or (_form_of(output, forms) if output_dir is None else "npy")
            _check_shown(chosen, without or {})
            with _errors_in_one_line(quiet, trouble(arguments)), memory.limited(max_memory):
                if many is not None and output_dir is not None:
                    sys.exit(0 if _each(function, arguments, many(arguments), output_dir, chosen, quiet) else 1)
                meta[OUTPUT] = output = None if output == STREAM else output
                if FORMATS[chosen].binary and output is None and sys.stdout.isatty():
                    raise click.UsageError(f"{chosen} is not written to a terminal (-o FILE, or a pipe)")
                if output is not None:
                    check_writable(output)
                with _progress(quiet):
                    report = function(**arguments)
                    if report.text is not None and form is not None:
                        raise click.UsageError("--get prints bare values (without -f)")
                    content = _content(report, chosen, look()) if output is None else None
                    if output is not None:
                        _write(report, chosen, output)
                if content is not None:
                    _print(content, chosen)
            for complaint in report.complaints:
                tell(complaint)
            if report.exit_code:
                sys.exit(report.exit_code)

        return command

    return decorator


def _each(
    function: Callable[..., Report],
    arguments: Mapping[str, Any],
    given: Given,
    folder: str,
    form: str,
    quiet: bool,
) -> bool:
    """Answer each input by itself; whether all went well."""
    from convcli.cli.many_inputs import answer_each

    names, model = given
    meta = click.get_current_context().meta

    def answer(name: str, output: str, before: float, own: float) -> None:
        meta[OUTPUT] = output
        meta[BAR] = None if bar is None else (lambda layer, share: bar(f"{name}: {layer}", before + own * share))
        alone = (name,) if model is None else (name, model)
        _write(function(**{**arguments, "arguments": alone}), form, output)

    with _progress(quiet):
        bar = meta[BAR]
        return answer_each(names, folder, next(iter(FORMATS[form].suffixes), ".txt"), answer)


def _write(report: Report, form: str, output: str) -> None:
    """The report in a file."""
    if report.writer is None:
        write_bytes(output, _content(report, form, PLAIN))
        return
    with replacing(output) as stream:
        report.writer(stream)


def once(key: object, make: Callable[[], Value]) -> Value:
    """What is made the first time that a command asks for it; the same thereafter."""
    kept: dict[object, Any] = click.get_current_context().meta.setdefault(ONCE, {})
    if key not in kept:
        kept[key] = make()
    value: Value = kept[key]
    return value


def chosen_output() -> str | None:
    """The file that the answer goes to; None for standard output."""
    output: str | None = click.get_current_context().meta[OUTPUT]
    return output


def chosen_form() -> str:
    """The format of the answer that the command is to make."""
    form: str = click.get_current_context().meta[FORM]
    return form


def progress_bar() -> Callable[[str, float], object] | None:
    """What is to be told how far the work has come: by what, and which share is done."""
    bar: Callable[[str, float], object] | None = click.get_current_context().meta[BAR]
    return bar


def _content(report: Report, form: str, look: TextStyle) -> bytes:
    return FORMATS[form].render(report, look) if report.text is None else report.text.encode()


def _form_of(output: str | None, forms: Sequence[str]) -> str:
    """The format that the output file's suffix asks for; without one, the first."""
    asked = suffix(output) if output else ""
    if not asked:
        return forms[0]
    chosen = format_of_suffix(asked) or ""
    if chosen in forms:
        return chosen
    known = " ".join(each for name, form in FORMATS.items() if name in forms for each in form.suffixes)
    raise click.UsageError(f"-o {output}: no format here has the suffix {asked} ({known}, or give -f)")


def _check_shown(chosen: str, without: Mapping[str, Sequence[str]]) -> None:
    """Raise `UsageError` where an option was given that this format would show nothing of."""
    from click.core import ParameterSource

    context = click.get_current_context()
    for option in without.get(chosen, ()):
        if context.get_parameter_source(option) is not ParameterSource.DEFAULT:
            flag = option.replace("_", "-")
            raise click.UsageError(f"--{flag} is not shown in {chosen} (-f table, json, yaml or csv)")


@contextmanager
def _progress(quiet: bool) -> Iterator[None]:
    """A bar for long work on a terminal's standard error, until that is done: then there may be an answer to print."""
    bar = click.get_current_context().meta[BAR] = None if quiet or not sys.stderr.isatty() else Bar()
    if bar is None:
        yield
        return
    with undone_by(bar.wipe):
        try:
            yield
        finally:
            bar.close()


@contextmanager
def _errors_in_one_line(quiet: bool, trouble: int) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "always", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy on overflow and NaN, which the result shows itself
        warnings.showwarning = _warn
        try:
            yield
        except ConvcliError as error:
            raise _failure(str(error), trouble) from None
        except RecursionError:
            raise _failure("too deeply nested", trouble) from None
        except MemoryError as error:
            raise _failure(f"not enough memory: {str(error) or 'a smaller input would do'}", trouble) from None
        except KeyboardInterrupt:
            tell("Interrupted")
            sys.exit(INTERRUPTED)


class Trouble(click.ClickException):
    """A failure of a command in which exit code 1 is an answer."""

    exit_code = 2


def _failure(message: str, exit_code: int) -> click.ClickException:
    kind = Trouble if exit_code == Trouble.exit_code else click.ClickException
    return kind(one_line(message))


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    tell(f"Warning: {message}")


def look() -> TextStyle:
    """Coloured and fitted on a terminal, plain and whole elsewhere.

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


def _encoding() -> str:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def _columns() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _print(content: bytes, form: str) -> None:
    if FORMATS[form].draws_with_symbols:
        print_text(content.decode())
    else:
        write_out(content)


def print_text(text: str) -> None:
    """Write text for people to standard output, in characters that its encoding has."""
    write_out(printable(text).encode(_encoding()))


def printable(text: str) -> str:
    """Return text with plainer characters where the encoding of standard output lacks some."""
    encoding = _encoding()
    return text if "utf" in encoding else text.translate(PLAINER).encode(encoding, "replace").decode(encoding)


def place(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """The value of an option that is a place in space: `3,4`."""
    if text is None:
        return None
    if not all(re.fullmatch("[0-9]{1,18}", part.strip()) for part in text.split(",")):
        raise click.BadParameter(f"{text!r} (a place for each spatial axis from 0, such as 3,4)")
    return tuple(map(int, text.split(",")))


data_format_option = click.option(
    "--data-format",
    type=click.Choice([each.value for each in DataFormat]),
    callback=lambda context, option, value: value and DataFormat(value),
    help="Axis order of arrays and shapes, in and out, and of layers given inline [the model's; channels_last].",
)
layer_option = click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help="A layer in place of MODEL, as 'Conv2D(40, 3)'; repeatable.",
)
