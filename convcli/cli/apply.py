"""`convcli apply`: run arrays through a model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from convcli.cli.deliver import chosen_form, chosen_output, reports
from convcli.cli.input_arguments import asked, asked_map, inputs_and_model, map_option, named_layer, run_options
from convcli.core.option_words import BYTES
from convcli.core.records import replace
from convcli.engine.algorithms.table import ALGORITHMS, AUTO
from convcli.io.files import is_replaceable
from convcli.output.render.formats import FORMATS

if TYPE_CHECKING:
    from convcli.core.shapes import DataFormat
    from convcli.engine.run import Run, Task
    from convcli.model.graph import Model
    from convcli.output.report import Report
    from convcli.output.report.apply import ApplyReport
    from convcli.output.report.page_data import Scene

EXAMPLES = """\b
Examples:
  convcli apply samples/lines.yaml samples/line-detectors.yaml
  convcli apply samples/bump.yaml -l 'Conv1D(4, 3)' --seed 1 -f json
"""


@click.command(epilog=EXAMPLES)
@run_options
@map_option
@click.option("--all-layers", is_flag=True, help="Every layer's maps; with -o X.npz an array a layer.")
@click.option(
    "--show-weights", is_flag=True, help="Also each filter as a grid with its bias; in JSON and YAML, all weights."
)
@click.option(
    "--algorithm", type=click.Choice([AUTO, *ALGORITHMS]), default=AUTO, help="How to correlate, in all layers [auto]."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    metavar="T",
    help="How far faster algorithms than sums of products may be off in float32, relative to the largest sum [1e-5].",
)
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="How many threads work; the result is the same [all cores]."
)
@click.option(
    "--compiled/--no-compiled", default=None, help="Use compiled code (extra fast) [where it repays its start-up]."
)
@reports(
    *("table", "json", "yaml", "csv", "npy", "npz", "heatmap", "png", "html"),
    many=inputs_and_model,
    without=dict.fromkeys(("heatmap", "png", "html"), ("show_weights",)),
)
def apply(
    layer_output: str | None,
    map_name: str | None,
    all_layers: bool,
    show_weights: bool,
    algorithm: str,
    tolerance: float | None,
    threads: int | None,
    compiled: bool | None,
    **options: Any,
) -> Report:
    """Run the array INPUT through MODEL and print feature maps, shapes and parameter counts.

    INPUT is an .npy, .npz, .yaml, .json, .csv or .tsv file, a picture (extra images), FILE.npz:KEY, or - for standard
    input. An array of the model's spatial rank is one sample of one channel; one more axis is its channels, two more a
    batch too. A model of several inputs takes one .npz keyed by their names, or NAME=FILE for each.

    MODEL is a YAML or JSON file of layers, a bare kernel (also .npy), or -. Layers mean what they mean in Keras 3 with
    TensorFlow, where frameworks differ: "same" puts the odd cell after, averages leave padding out.
    """
    from convcli import api
    from convcli.engine.run import ENOUGH, TOLERANCE, Task

    if algorithm == "compiled" and compiled is False:
        raise click.UsageError("--algorithm compiled cannot be with --no-compiled")
    given = asked(options)
    keep = _kept(given.model, layer_output, all_layers)
    if map_name is not None and (all_layers or len(keep) > 1):
        raise click.UsageError("--map is of one layer's maps (--layer-output NAME)")
    settings = {
        **given.settings,
        "algorithm": algorithm,
        "tolerance": TOLERANCE if tolerance is None else tolerance,
        "threads": threads,
        "compiled": compiled,
    }
    if chosen_form() == "html":
        return _page(api.scene(given.model, given.inputs, keep, **settings), layer_output, map_name)
    with ExitStack() as stack:
        task = stack.enter_context(Task(given.model, given.inputs, keep=keep, **settings))
        beside, output = FORMATS[chosen_form()].bytes_needed(BYTES[task.dtype]), chosen_output()
        alone = chosen_form() == "npy" and len(keep) == 1 and not show_weights
        if alone and output is not None and is_replaceable(output) and task.footprint(beside) > ENOUGH:
            return _in_parts(task, map_name, stack.pop_all())
        done = task.run(beside, "-o FILE.npy works in parts; or more with --max-memory")
    return _report(done, keep, given.data_format, show_weights, not all_layers, map_name)


def _in_parts(task: Task, map_name: str | None, opened: ExitStack) -> Report:
    """A report that writes itself part by part."""
    from convcli.engine.run_tiled import Parts
    from convcli.output.report import Report
    from convcli.output.report.apply import map_names

    names = map_names(task.plan)[task.kept[0]]

    def write(stream: BinaryIO) -> None:
        with opened:
            Parts(task, None if map_name is None else asked_map(names, map_name)).write(stream)

    return Report(writer=write)


def _page(scene: Scene, layer_output: str | None, map_name: str | None) -> Scene:
    """The scene, which opens at its first part unless a layer or a map is asked for."""
    from convcli.output.report.page_data import Start

    last = scene.parts[-1]
    if map_name is not None:
        return replace(scene, start=Start(last.name, asked_map(last.names, map_name)))
    return replace(scene, start=Start(layer_output))


def _kept(model: Model, layer_output: str | None, all_layers: bool) -> tuple[str, ...]:
    """The names of the layers whose maps are asked for."""
    if layer_output and all_layers:
        raise click.UsageError("--layer-output names one layer, --all-layers is for every one")
    if all_layers:
        return tuple(node.name for node in model.nodes)
    return model.outputs if layer_output is None else (named_layer(model, layer_output),)


def _report(
    done: Run,
    keep: Sequence[str],
    data_format: DataFormat,
    show_weights: bool,
    single: bool,
    map_name: str | None,
) -> ApplyReport:
    from convcli.output.report import apply as report
    from convcli.output.report.shape import Asked, summary

    names = report.map_names(done.plan)
    maps = tuple(report.Maps(name, done.values[name], names[name]) for name in keep)
    if map_name is not None:
        maps = (maps[0].one(asked_map(maps[0].names, map_name)),)
    return report.ApplyReport(
        summary=summary(done.plan, data_format, Asked(done.batch)),
        maps=maps,
        data_format=data_format,
        single=single and len(keep) == 1,
        one_map=map_name is not None,
        kernels=report.kernels_of(done.plan, done.weights) if show_weights else (),
        weights=done.weights if show_weights else {},
        notes=report.operations(done.plan),
        algorithms=done.algorithms,
    )
