"""`convcli help`: the manual, page by page."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from convcli import manual
from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.terminal import look, print_text, printable
from convcli.core.errors import ConvcliError, suggestion
from convcli.core.signals import leave_signals_to_child

if TYPE_CHECKING:
    from convcli.output.render.formats import TextStyle

EXAMPLES = """\b
Examples:
  convcli help
  convcli help first-steps
"""
PAGER_OPTIONS = "-FRX"  # for less: end at once after a short page, show colours, leave the page on the screen


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("topic", required=False, shell_complete=completion.topics)
@click.pass_context
def help(context: click.Context, topic: str | None) -> None:  # noqa: A001
    """List the topics of the manual, or show the page of one.

    With the name of a command as TOPIC, show what COMMAND --help shows.

    On a terminal a page is formatted and goes through a pager: the one that PAGER names, else less. In a pipe it is
    plain Markdown.
    """
    commands = context.find_root().command
    assert isinstance(commands, click.Group)
    command = commands.get_command(context, topic or "")
    if topic is None:
        _print(_topics())
    elif command is not None:
        click.echo(command.get_help(click.Context(command, info_name=topic, parent=context.parent)))
    elif topic not in manual.TOPICS:
        known = (*manual.TOPICS, *commands.list_commands(context))
        raise click.UsageError(f"no topic {topic!r} ({suggestion(topic, known, 'convcli help lists them')})")
    elif sys.stdout.isatty():
        os.environ.setdefault("LESS", PAGER_OPTIONS)
        with leave_signals_to_child():
            click.echo_via_pager(printable(_formatted(topic, look())), color=look().colour)
    else:
        _print(manual.page(topic))


def _print(text: str) -> None:
    try:
        print_text(text)
    except ConvcliError as error:
        raise click.ClickException(str(error)) from None


def _topics() -> str:
    """Return the list of all topics, each with its summary."""
    width = max(map(len, manual.TOPICS))
    lines = (f"  {topic.ljust(width)}  {manual.summary(topic)}\n" for topic in manual.TOPICS)
    return f"Topics, in the order in which people learn; convcli help TOPIC shows one:\n\n{''.join(lines)}"


def _formatted(topic: str, look: TextStyle) -> str:
    """Return a page as text that fits a terminal of this look."""
    from rich.markdown import Markdown

    from convcli.output.render.table import print_to_bytes

    return print_to_bytes([Markdown(manual.page(topic), code_theme="ansi_dark", hyperlinks=False)], look).decode()
