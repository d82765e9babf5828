"""`convcli explain`: how single values are computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, product
from math import prod
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.input_arguments import map_option, named_layer, read_request, requested_map, run_options
from convcli.cli.options import cell
from convcli.core.records import replace
from convcli.output.render.formats import TABLES

if TYPE_CHECKING:
    from convcli.cli.input_arguments import RunRequest
    from convcli.cli.output import Output
    from convcli.engine.explain.explained_layer import ExplainedLayer
    from convcli.output.report import Report
    from convcli.output.report.explain import ExplainReport
    from convcli.output.report.page_data import PageData

EXAMPLES = """\b
Examples:
  convcli explain samples/lines.yaml samples/line-detectors.yaml --at 0,2
  convcli explain samples/bump.yaml samples/bump-detector.yaml --walk
"""
SHOWN = 100  # positions of a walk in a table


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@run_options
@click.option(
    "--at", callback=cell, metavar="2,3", help="The cell of the value, an index for each axis in space, from 0."
)
@map_option
@click.option("--sample", type=click.IntRange(0), default=0, metavar="N", help="Which sample of the batch, from 0 [0].")
@click.option("--walk", is_flag=True, help="Explain one cell after the other: left to right, top to bottom.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help=f"Walk over at most N cells [table: {SHOWN}; else all]."
)
@reports("table", "json", "yaml", "csv", "gif", "html", without={"html": ("limit",)})
def explain(
    output: Output,
    layer_output: str | None,
    at: tuple[int, ...] | None,
    map_name: str | None,
    sample: int,
    walk: bool,
    limit: int | None,
    **options: Any,
) -> Report:
    """Show the dot product behind one value of a feature map, step by step.

    For a convolution: the cells under the window, the filter as it meets them, their products and the sum, then bias,
    activation and result. For pooling: the cell that won. For any other layer: the formula with its numbers. Cells
    outside the input (padding) are in parentheses. INPUT and MODEL are as in apply. The value is one of the last
    layer's unless --layer-output names another.
    """
    from convcli.engine.explain.explained_layer import explained_layer
    from convcli.output.report.explain import ExplainReport

    if walk and at is not None:
        raise click.UsageError("--at is one position, --walk goes through all of them")
    if limit is not None and not walk:
        raise click.UsageError("--limit is for --walk")
    request = read_request(options, output)
    name = None if layer_output is None else named_layer(request.model, layer_output)
    if output.format == "html":
        return _page(request, output, name, map_name, at, sample)
    layer = explained_layer(request.model, request.inputs, request.weights, request.execution, name, sample)
    index = 0 if map_name is None else requested_map(layer.map_names, map_name)
    if walk:
        return walk_report(layer, index, limit, output)
    if at is None and layer.space:
        raise click.UsageError(f"which value? (--at {layer.cells}, or --walk)")
    return ExplainReport(layer, index, (layer.explain(at or (), index),))


def walk_report(layer: ExplainedLayer, index: int, limit: int | None, output: Output) -> ExplainReport:
    """Explain one cell of a map after the other, left to right and then top to bottom."""
    from convcli.output.report.explain import ExplainReport

    positions = prod(layer.space) if limit is None else min(limit, prod(layer.space))
    if output.format == "gif":
        from convcli.output.render.gif import check_length

        check_length(positions)
    shown = min(positions, SHOWN) if output.format in TABLES and limit is None else positions
    cells = islice(product(*map(range, layer.space)), shown)
    explanations = tuple(layer.explain(at, index) for at in _reported(cells, shown, layer.layer.name, output))
    return ExplainReport(layer, index, explanations, positions, walk=True)


def _reported(cells: Iterable[tuple[int, ...]], count: int, name: str, output: Output) -> Iterator[tuple[int, ...]]:
    """Yield the cells, and tell the progress bar how many have been done."""
    for number, at in enumerate(cells):
        if output.progress is not None:
            output.progress(name, number / count)
        yield at


def _page(
    request: RunRequest,
    output: Output,
    name: str | None,
    map_name: str | None,
    at: tuple[int, ...] | None,
    sample: int,
) -> PageData:
    """Return the page, opened at the requested value."""
    from convcli.engine.explain.explained_layer import check_cell, check_sample, find_layer
    from convcli.engine.run import prepare_run
    from convcli.output.report.page_data import Start, run_page

    layers = [find_layer(request.model, name).name]
    with prepare_run(
        request.model, request.inputs, request.weights, request.execution, outputs=layers, keep_all=True
    ) as run:
        page = run_page(run, layers, output.progress)
    last = page.parts[-1]
    check_sample(sample, page.batch)
    cell = None if at is None else check_cell(last.layer, at)
    index = None if map_name is None and at is None else requested_map(last.names, map_name or "0")
    return replace(page, start=Start(last.name, index, cell, sample))
