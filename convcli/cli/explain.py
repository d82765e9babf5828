"""`convcli explain`: the working behind single values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcli.cli.deliver import chosen_form, place, progress_bar, reports
from convcli.cli.input_arguments import asked, asked_map, map_option, named_layer, run_options
from convcli.core.records import replace

if TYPE_CHECKING:
    from convcli.output.report import Report
    from convcli.output.report.page_data import Scene

EXAMPLES = """\b
Examples:
  convcli explain samples/lines.yaml samples/line-detectors.yaml --at 0,2
  convcli explain samples/bump.yaml samples/bump-detector.yaml --walk
"""
SHOWN = 100  # positions of a walk in a table


@click.command(epilog=EXAMPLES)
@run_options
@click.option("--at", callback=place, metavar="2,3", help="The place of the value along the spatial axes, from 0.")
@map_option
@click.option("--sample", type=click.IntRange(0), default=0, metavar="N", help="Which sample, from 0 [0].")
@click.option("--walk", is_flag=True, help="Position after position: left to right, top to bottom.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help=f"At most N positions of a walk [table: {SHOWN}; else all]."
)
@reports("table", "json", "yaml", "csv", "gif", "html", without={"html": ("limit",)})
def explain(
    layer_output: str | None,
    at: tuple[int, ...] | None,
    map_name: str | None,
    sample: int,
    walk: bool,
    limit: int | None,
    **options: Any,
) -> Report:
    """Show the dot product behind one value of a feature map, step by step.

    The cells under the window, the filter as it meets them, their products and the sum; then bias, activation, result.
    Of pooling, which cell won; of any other layer, the formula with its numbers. Cells that are no input (padding) are
    in parentheses. INPUT and MODEL are as in apply; it is the last layer's value unless --layer-output names another.
    """
    from convcli import api
    from convcli.output.report.explain import ExplainReport
    from convcli.output.report.explain import walk as walked

    if walk and at is not None:
        raise click.UsageError("--at is one position, --walk goes through all of them")
    if limit is not None and not walk:
        raise click.UsageError("--limit is for --walk")
    given = asked(options)
    layer = None if layer_output is None else named_layer(given.model, layer_output)
    if chosen_form() == "html":
        return _page(api.scene(given.model, given.inputs, layer, **given.settings), map_name, at, sample)
    explained = api.explained(given.model, given.inputs, layer, sample=sample, **given.settings)
    number = 0 if map_name is None else asked_map(explained.names, map_name)
    if walk:
        return walked(explained, number, limit, SHOWN, progress_bar())
    if at is None and explained.space:
        raise click.UsageError(f"which value? (--at {explained.span}, or --walk)")
    return ExplainReport(explained, number, (explained.checked(at or ()),))


def _page(scene: Scene, map_name: str | None, at: tuple[int, ...] | None, sample: int) -> Scene:
    """The scene, which opens at the value that is asked for."""
    from convcli.output.report.explain import check_sample, checked_place
    from convcli.output.report.page_data import Start

    last = scene.parts[-1]
    check_sample(sample, scene.batch)
    place = None if at is None else checked_place(last.layer, at)
    return replace(scene, start=Start(last.name, asked_map(last.names, map_name or "0"), place, sample))
