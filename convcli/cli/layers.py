"""`convcli layers`: every layer with its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.output.report import Report

EXAMPLES = """\b
Examples:
  convcli layers
  convcli layers Conv2D
"""


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=completion.layers)
@reports("table", "json", "yaml", "csv")
def layers(output: Output, name: str | None) -> Report:
    """List every layer with its arguments and their defaults, or show one layer: its arguments, what it does.

    NAME is a layer as models spell it, whatever its case and underscores, or the name of an activation. Arguments after
    * are given by name only. Those without a default are required.
    """
    from convcli.model.layers import LAYERS
    from convcli.output.report.layers import LayersReport
    from convcli.readers.call_form import layer_class, parse_call

    if name is None:
        return LayersReport(tuple(dict.fromkeys(LAYERS.values())), listed=True)
    return LayersReport((layer_class(parse_call(name).type),), listed=False)
