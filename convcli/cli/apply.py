"""`convcli apply`: run arrays through a model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.input_arguments import (
    inputs_and_model,
    map_option,
    named_layer,
    read_request,
    requested_map,
    run_options,
)
from convcli.cli.picture_options import picture_of, picture_options, requested_picture
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.records import replace
from convcli.engine.algorithms.table import ALGORITHMS, AUTO
from convcli.io.files import is_replaceable
from convcli.output.render.formats import FORMATS

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.core.shapes import DataFormat
    from convcli.engine.run import Run, RunResult
    from convcli.model.graph import Model
    from convcli.output.report import Report
    from convcli.output.report.apply import ApplyReport
    from convcli.output.report.page_data import PageData
    from convcli.output.report.picture import PictureStyle

DRAWN = ("png", "heatmap")  # formats that show either maps or filters
EXAMPLES = """\b
Examples:
  convcli apply samples/lines.yaml samples/line-detectors.yaml
  convcli apply samples/bump.yaml -l 'Conv1D(4, 3)' --seed 1 -f json
"""


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@run_options
@map_option
@click.option("--all-layers", is_flag=True, help="The maps of every layer; with -o X.npz one array for each.")
@click.option(
    "--show-weights",
    is_flag=True,
    help="Also show each filter as a grid with its bias; in JSON and YAML all weights; in png and heatmap the filters "
    "in place of the maps, with --layer-output those of that layer.",
)
@click.option(
    "--algorithm", type=click.Choice([AUTO, *ALGORITHMS]), default=AUTO, help="How to correlate, in all layers [auto]."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    metavar="T",
    help="How far results of fast algorithms may be off in float32, relative to the largest sum of products [1e-5].",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="How many threads work. The result does not depend on it [all cores].",
)
@click.option(
    "--profile",
    is_flag=True,
    help="In place of the maps, how long each layer takes: milliseconds, GFLOP/s, bytes read and written, and the "
    "share of what this machine can do, measured by matrix products and copies.",
)
@picture_options
@reports(
    *("table", "json", "yaml", "csv", "npy", "npz", "heatmap", "png", "tif", "jpg", "html"),
    footer=True,
    many=inputs_and_model,
    without={
        **dict.fromkeys(("npy", "npz", "heatmap", "png"), ("profile",)),
        **dict.fromkeys(("tif", "jpg", "html"), ("show_weights", "profile")),
    },
)
def apply(
    output: Output,
    layer_output: str | None,
    map_name: str | None,
    all_layers: bool,
    show_weights: bool,
    profile: bool,
    **options: Any,
) -> Report | None:
    """Run MODEL on the array INPUT and print feature maps, shapes and parameter counts.

    INPUT is an .npy, .npz, .yaml, .json, .csv or .tsv file, a picture (extra images), FILE.npz:KEY, the array itself,
    '[0,0,1,1]', or - for standard input, which is also read where -l or --filter stands without INPUT. An array of the
    model's spatial rank is one sample of one channel; with one more axis it has channels, with two more a batch too. A
    model of several inputs takes one .npz keyed by their names, or NAME=FILE for each.

    MODEL is a YAML or JSON file of layers, a bare kernel (also .npy), or -. Where frameworks differ, layers mean what
    they mean in Keras 3 with TensorFlow: "same" puts the odd cell after, averages leave padding out.
    """
    from convcli.analysis.map_names import map_names
    from convcli.engine.run import ENOUGH, prepare_run

    picture = requested_picture(options, output)
    request = read_request(options, output)
    layers = _layers(request.model, layer_output, all_layers)
    for flag, requested in (("--map", map_name), ("--as picture", picture)):
        if requested is not None and (all_layers or len(layers) > 1):
            raise click.UsageError(f"{flag} is of one layer's maps (--layer-output NAME)")
    if picture is not None and show_weights:
        raise click.UsageError("--show-weights draws a sheet of filters, --as picture maps")
    if profile and (show_weights or all_layers or map_name is not None):
        raise click.UsageError("--profile shows times in place of maps and weights")
    page, array = output.format == "html", output.format == "npy" and len(layers) == 1 and not show_weights
    with prepare_run(
        request.model, request.inputs, request.weights, request.execution, outputs=layers, keep_all=page
    ) as run:
        if profile:
            return _profile(run, request.data_format)
        if page:
            return _page(run, output, layers, layer_output, map_name)
        index = None if map_name is None else requested_map(map_names(run.plan)[layers[0]], map_name)
        number = FORMATS[output.format].bytes_needed(BYTES_PER_VALUE[run.batch.dtype])
        if array and output.file and is_replaceable(output.file) and run.bytes_needed(number) > ENOUGH:
            _write_tiled(run, output, request.data_format, index)
            return None
        draws = output.format in DRAWN
        report_of = partial(
            _report,
            index,
            layers=layers,
            data_format=request.data_format,
            single=not all_layers,
            show_weights=show_weights,
            weights_of=layer_output if draws else None,
        )
        if draws or picture is not None:
            outline = report_of(run.outline())
            if show_weights:  # the filters are drawn, and no map
                return outline
            _check_drawable(outline, picture, output.format)
        result = run.result(output.progress, answer=number, remedy="-o FILE.npy works in parts")
    report = report_of(result)
    return report if picture is None else picture_of(report.maps[0], picture, request.inputs, output)


def _profile(run: Run, data_format: DataFormat) -> Report:
    """Return how long the layers of a run take."""
    from convcli.output.report.profile import profile_report

    return profile_report(run, run.profile(), data_format)


def _report(index: int | None, result: RunResult, **choices: Any) -> ApplyReport:
    """Return the report of a result, of one map alone where `index` is not None."""
    from convcli.output.report.apply import apply_report

    report = apply_report(result, **choices)
    return report if index is None else report.one_map_of(index)


def _check_drawable(outline: ApplyReport, picture: PictureStyle | None, form: str) -> None:
    """Raise `ConvcliError` where maps of these shapes cannot be drawn, before the work on them."""
    if picture is not None:
        from convcli.output.report.picture import check_picture

        maps = outline.maps[0]
        check_picture((maps.layer, maps.names), maps.array.shape, form, picture.bits)
    elif form == "png":
        from convcli.output.render.png import check_drawable

        check_drawable(outline)


def _layers(model: Model, layer_output: str | None, all_layers: bool) -> tuple[str, ...]:
    """Return the names of the layers whose maps are requested."""
    if layer_output and all_layers:
        raise click.UsageError("--layer-output names one layer, --all-layers is for every one")
    if all_layers:
        return tuple(node.name for node in model.nodes)
    return model.outputs if layer_output is None else (named_layer(model, layer_output),)


def _write_tiled(run: Run, output: Output, data_format: DataFormat, index: int | None) -> None:
    """Compute the maps, or one of them, tile by tile, straight into the file."""
    from convcli.engine.run_tiled import TiledRun

    with output.stream() as stream:
        TiledRun(run, data_format, index).write(stream, output.progress)


def _page(
    run: Run, output: Output, layers: tuple[str, ...], layer_output: str | None, map_name: str | None
) -> PageData:
    """Return the page, opened at its first part unless a layer or a map is requested."""
    from convcli.output.report.page_data import Start, run_page

    page = run_page(run, layers, output.progress)
    last = page.parts[-1]
    if map_name is None:
        return replace(page, start=Start(layer_output))
    return replace(page, start=Start(last.name, requested_map(last.names, map_name)))
