"""`convcli filters`: the bank of hand-made filters."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import click

from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.output.render.formats import TABLES

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.output.report import Report

EXAMPLES = """\b
Examples:
  convcli filters
  convcli filters sobel-x gaussian:size=3,sigma=0.8 --normalize
"""


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.filters)
@click.option(
    "--normalize",
    is_flag=True,
    help="Divide each filter by the sum of its values, or by the sum of the positive ones where that is 0.",
)
@reports("table", "json", "yaml", "csv", "npy", "npz", "heatmap", "png")
def filters(output: Output, names: tuple[str, ...], normalize: bool) -> Report:
    """List the bank of hand-made filters, or show the named ones: their values, what they do, where they come from.

    A NAME may have parameters: gaussian:size=5,sigma=1.2. The list shows them in brackets, with their defaults. Where a
    name gives sigma and no size, the size follows from sigma: 4 sigma on either side. gaussian and
    laplacian-of-gaussian take a sigma for each axis too: gaussian:sigma=1,2,2. A filter with a rank has the rank of the
    layer in which it is used.

    Filters are written for correlation, as layers apply them: x is positive where the input rises from left to right, y
    where it rises from top to bottom, z where it rises from front to back. The names sobel, scharr and prewitt alone
    are not filters: --filter sobel is the magnitude of the gradient, √(x² + y²).
    """
    from convcli.core.records import replace
    from convcli.model import filter_bank
    from convcli.output.report.filters import FiltersReport

    if normalize and not names and output.format in (*TABLES, "csv"):
        raise click.UsageError("--normalize changes values, which the list does not show (NAME, or -f json)")
    filters = tuple(map(filter_bank.find, dict.fromkeys(names or filter_bank.names())))
    for filter_ in filters:
        if filter_.warning is not None:
            warnings.warn(filter_.warning, stacklevel=2)
    if normalize:
        filters = tuple(replace(each, values=filter_bank.normalize(each.values)) for each in filters)
    return FiltersReport(filters, listed=not names)
