"""The one place where the answer of a command, or its error, leaves the program."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.options import about, decorate, memory_option, typed_flag
from convcli.cli.output import Output
from convcli.cli.progress import Bar
from convcli.cli.streams import tell, write_out
from convcli.cli.terminal import look, print_text
from convcli.core import memory
from convcli.core.errors import ConvcliError, Note, one_line
from convcli.core.records import replace
from convcli.core.signals import cleanup_on_signal
from convcli.io.files import STANDARD_STREAM, check_writable, suffix, write_bytes
from convcli.output.render.formats import FORMATS, PLAIN, TABLES, TextStyle, format_of_suffix

if TYPE_CHECKING:
    from convcli.core.progress import ProgressCallback
    from convcli.output.report import Report

Command = Callable[..., "Report | None"]  # called with an `Output` and the command's own options
Split = Callable[[Mapping[str, Any]], tuple[Sequence[str], str | None]]  # arguments -> the inputs, and the model

INTERRUPTED = 130

output_option = click.option(
    "-o",
    "--output",
    "output_file",
    metavar="FILE",
    shell_complete=completion.files,
    help="Write to FILE; its suffix names the format unless -f does.",
)
footer_option = click.option(
    "--no-footer", is_flag=True, help="Leave out the totals and notes below the table of layers."
)
folder_option = click.option(
    "--output-dir",
    metavar="DIR",
    shell_complete=completion.folders,
    help="Answer each of several INPUTs in a file of its own in DIR, as npy unless -f names another format. An INPUT "
    "may then be a folder, for the arrays in it, or a quoted pattern such as 'imgs/*.png'.",
)


def reports(
    *formats: str,
    trouble: Callable[[Mapping[str, Any]], int] = lambda arguments: 1,
    file: bool = True,
    footer: bool = False,
    many: Split | None = None,
    without: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Command], Callable[..., None]]:
    """Give a command its output options, and deliver the report that it returns.

    A command that prints a table prints it in every format of tables. The command is called with an `Output` and its
    own options. It returns None if it has written its answer itself.

    Args:
        formats: The formats that its answer can have, the default first.
        trouble: Returns the exit code of an error, given the command's options.
        file: Whether the command has -o.
        footer: Whether its table has totals and notes, which --no-footer leaves out.
        many: Returns the inputs and the model among the command's arguments, where each input can have an answer of its
            own (--output-dir); None where it cannot.
        without: For a format, the options whose answer it does not show, and which it therefore refuses.
    """

    formats = tuple(dict.fromkeys((*formats, *(TABLES if "table" in formats else ()))))

    def decorator(function: Command) -> Callable[..., None]:
        @click.option(
            "-f", "--format", "format_name", type=click.Choice(formats), help=f"Output format [{formats[0]}]."
        )
        @decorate(*[output_option] * file, *[folder_option] * (many is not None), *[footer_option] * footer)
        @memory_option
        @click.option("-q", "--quiet", is_flag=True, help="Show no warnings and no progress bar.")
        @wraps(function)
        def command(
            format_name: str | None,
            quiet: bool,
            max_memory: int | None,
            output_file: str | None = None,
            output_dir: str | None = None,
            no_footer: bool = False,
            **options: Any,
        ) -> None:
            if output_file is not None and output_dir is not None:
                raise click.UsageError("-o is one file, --output-dir a folder for several")
            name = format_name or ("npy" if output_dir is not None else _format_of(output_file, formats))
            _check_shown(name, without or {})
            if no_footer and name not in TABLES:
                raise click.UsageError(f"--no-footer is for a table, not for {name}")
            printed = output_file in (None, STANDARD_STREAM) and output_dir is None
            style = replace(look() if printed else PLAIN, footer=not no_footer)
            with _errors_in_one_line(quiet, trouble(options)), memory.limited_to(max_memory):
                if many is not None and output_dir is not None:
                    sys.exit(_answer_each(function, options, many(options), output_dir, Output(name, style), quiet))
                with _output(name, style, format_name, output_file, quiet) as output:
                    with _about_file(options):
                        report = function(output, **options)
                        content = None if report is None else _content(report, output)
                    if content is not None and output.file is not None:
                        write_bytes(output.file, content)
                        content = None
                if content is not None:
                    _print(content, output.format)
            for complaint in report.complaints if report else ():
                tell(complaint)
            if report and report.exit_code:
                sys.exit(report.exit_code)

        return command

    return decorator


@contextmanager
def _output(name: str, style: TextStyle, requested: str | None, file: str | None, quiet: bool) -> Iterator[Output]:
    """Check that the answer can be written where it is to go, and show how far the work on it has come."""
    target = None if file == STANDARD_STREAM else file
    if FORMATS[name].binary and target is None and sys.stdout.isatty():
        raise click.UsageError(f"{name} is not written to a terminal (-o FILE, or a pipe)")
    if target is not None:
        check_writable(target)
    with _progress(quiet) as progress:
        named = requested is not None
        yield Output(name, style, target, progress, format_requested=named, requested=named or file is not None)


def _about_file(options: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Let failures name the MODEL that a command has alone; of a command with INPUTs, those of memory the first."""
    arguments = options.get("arguments")
    return about(options.get("source")) if arguments is None else about(next(iter(arguments), None), memory_alone=True)


def _print(content: bytes, format_name: str) -> None:
    if FORMATS[format_name].draws_with_symbols:
        print_text(content.decode())
    else:
        write_out(content)


def _answer_each(
    function: Command,
    options: Mapping[str, Any],
    arguments: tuple[Sequence[str], str | None],
    folder: str,
    output: Output,
    quiet: bool,
) -> int:
    """Run a command on each input by itself. Returns the exit code."""
    from convcli.cli.many_inputs import answer_each, expand
    from convcli.core.progress import progress_of_part

    inputs, model = expand(arguments[0]), arguments[1]
    with _progress(quiet) as progress:

        def answer(index: int, name: str, file: str) -> None:
            own = output.beside(file, progress_of_part(progress, index, len(inputs), prefix=f"{name}: "))
            alone = (name,) if model is None else (name, model)
            with about(name):
                report = function(own, **{**options, "arguments": alone})
                content = None if report is None else _content(report, own)
            if content is not None:
                write_bytes(file, content)

        return 0 if answer_each(inputs, folder, next(iter(FORMATS[output.format].suffixes), ".txt"), answer) else 1


def _content(report: Report, output: Output) -> bytes:
    if report.text is None:
        return FORMATS[output.format].render(report, output.style)
    if not output.style.footer:
        raise click.UsageError("--no-footer is for a table")
    return report.text.encode()


def _format_of(file: str | None, formats: Sequence[str]) -> str:
    """Return the format that the output file's suffix names; without a suffix, the first."""
    ending = suffix(file) if file else ""
    if not ending:
        return formats[0]
    name = format_of_suffix(ending) or ""
    if name in formats:
        return name
    known = " ".join(ending for name, format_ in FORMATS.items() if name in formats for ending in format_.suffixes)
    raise click.UsageError(f"-o {file}: no format here has the suffix {ending} ({known}, or give -f)")


def _check_shown(format_name: str, without: Mapping[str, Sequence[str]]) -> None:
    """Raise `UsageError` where an option was given whose answer this format does not show."""
    flag = typed_flag(without.get(format_name, ()))
    if flag is not None:
        raise click.UsageError(f"{flag} is not shown in {format_name} (-f table, json, yaml or csv)")


@contextmanager
def _progress(quiet: bool) -> Iterator[ProgressCallback | None]:
    """Show a bar for long work where standard error is a terminal. It is gone before the answer is printed."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar = Bar()
    with cleanup_on_signal(bar.wipe):
        try:
            yield bar
        finally:
            bar.close()


@contextmanager
def _errors_in_one_line(quiet: bool, trouble: int) -> Iterator[None]:
    """Turn every failure into one line on standard error and an exit code, and so every warning, unless quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "always", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, about overflow and NaN: the result shows them
        warnings.showwarning = _warn
        try:
            with about(None):
                yield
        except ConvcliError as error:
            raise _failure(str(error), trouble) from None
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
    tell(f"{'Note' if isinstance(message, Note) else 'Warning'}: {message}")
