"""The command line: one module for each command, and modules that they share."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import streams
from convcli.core.blas_threads import limit_blas_to_one_thread
from convcli.core.errors import ConvcliError, one_line, suggestion
from convcli.core.option_names import spelled_as_flags
from convcli.io.files import os_error_text

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EPILOG = "COMMAND --help says more and gives examples. The manual begins with: convcli help first-steps"
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

# Failures of standard output, which Click itself writes to for --help and --version.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
# The commands in the order of `--help`, with their summaries. `NAME` is `convcli.cli.NAME:NAME`, imported when needed.
COMMANDS = {
    "apply": "Run a model on arrays: feature maps, shapes and parameters.",
    "explain": "The dot product behind one value, step by step.",
    "shape": "Shapes, parameters, work and receptive fields without data.",
    "filters": "The bank of hand-made filters: list it, or show some.",
    "layers": "Every layer with its arguments: list them, or show one.",
    "solve": "Which settings of a layer, or which inputs of a model, give a size.",
    "fit": "Learn a model's weights from inputs and targets.",
    "diff": "Two models side by side: shapes, parameters, work.",
    "help": "The manual, page by page.",
}


class Commands(click.Group):
    """The group of commands. The module of a command is imported when it is needed."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(context, incomplete)
        return [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"convcli.cli.{name}"), name)
        command.short_help = COMMANDS[name]
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in COMMANDS and not name.startswith("-") and not context.resilient_parsing:
            context.fail(f"No such command {name!r} ({suggestion(name, COMMANDS, 'convcli --help lists them')})")
        return super().resolve_command(context, arguments)

    def invoke(self, context: click.Context) -> Any:
        try:
            with spelled_as_flags():
                return super().invoke(context)
        except click.UsageError as error:  # its text may quote arguments, which may hold control characters
            raise click.UsageError(one_line(error.format_message()), error.ctx) from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings=HELP,
    epilog=EPILOG,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, requested: _show_version(context) if requested else None,
    help="Show the version and the core in use, and exit.",
)
def main() -> None:
    """A convolution calculator: what a filter does to an array, what shape comes out, and what it costs.

    Names and meanings are those of Keras 3. "Convolution" is cross-correlation, as in all of deep learning, unless
    flip_kernel says otherwise.
    """


def _show_version(context: click.Context) -> None:
    """Show the version and the core, and end the command."""
    from convcli import __version__
    from convcli.engine.native.core import describe_core

    try:
        core = describe_core(os.environ)
    except ConvcliError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"convcli {__version__}\ncore: {core}")
    context.exit()


def run() -> None:
    """Run the command, and leave with its exit code."""
    streams.open_closed()
    limit_blas_to_one_thread(os.environ)
    try:
        code = main(prog_name="convcli", standalone_mode=False)
    except click.ClickException as error:
        streams.show(_shown(error))
        code = error.exit_code
    except OSError as error:
        streams.tell(f"Error: {streams.failure(error) if error.errno in UNWRITABLE else os_error_text(error)}")
        code = 1
    sys.exit(code)


def _shown(error: click.ClickException) -> str:
    """Return what Click shows of an error, without control characters."""
    import io

    text = io.StringIO()
    error.show(text)
    return "".join(f"{one_line(line)}\n" for line in text.getvalue().splitlines())
