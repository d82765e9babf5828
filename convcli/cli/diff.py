"""`convcli diff`: two models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.model_arguments import vocabulary
from convcli.cli.options import data_format_option, vocabulary_options
from convcli.cli.shape import input_option, model_and_shapes

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.core.shapes import DataFormat
    from convcli.output.report import Report

EXAMPLES = """\b
Examples:
  convcli diff samples/mnist.yaml samples/mnist-separable.yaml
  convcli diff samples/vgg16.yaml samples/vgg16.yaml -f json
"""


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("a", shell_complete=completion.files)
@click.argument("b", shell_complete=completion.files)
@input_option
@vocabulary_options
@data_format_option
@reports("table", "json", "yaml", "csv", trouble=lambda arguments: 2, footer=True)
def diff(
    output: Output, a: str, b: str, inputs: tuple[str, ...], data_format: DataFormat | None, **options: Any
) -> Report:
    """Compare two models layer by layer: shapes, parameters, multiply-accumulates, and the ratio of the totals.

    Layers of the same type and name are compared, then layers of the same type in order. The comparison covers type,
    output and kernel shape, parameters, multiply-accumulates, receptive field and jump, but not names.

    Exit code: 0 if everything is the same, 1 if anything differs, 2 if something goes wrong.
    """
    from convcli.output.report.diff import compare
    from convcli.output.report.shape import SummaryOptions, model_summary

    if a == b == "-":
        raise click.UsageError("only one argument can be - (standard input)")
    summaries = []
    for source in (a, b):
        model, shapes = model_and_shapes(source, (), inputs, data_format, vocabulary(options))
        summaries.append(model_summary(model, shapes or None, data_format, SummaryOptions()))
    return compare(*summaries)
