"""`convcli apply`: run arrays through a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.algorithms import AUTO, WAYS
from convcli.cli.common import data_format_option, layer_option, reports
from convcli.cli.models import load_model, single_layer, single_layer_options
from convcli.files import STREAM, display_name

if TYPE_CHECKING:
    from convcli.api import Run
    from convcli.geometry import DataFormat
    from convcli.model import Model
    from convcli.report.apply import ApplyReport

EXAMPLES = """\b
Examples:
  convcli apply samples/lines.yaml samples/line-detectors.yaml
  convcli apply samples/bump.yaml -l 'Conv1D(4, 3)' --seed 1 -f json
"""


@click.command(epilog=EXAMPLES)
@click.argument("arguments", nargs=-1, required=True, metavar="INPUT [MODEL]")
@layer_option
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME",
    help="A filter of the bank in place of MODEL, on each channel by itself; repeatable.",
)
@click.option(
    "--weights", metavar="FILE", help="Weights by LAYER/VARIABLE: an .npz, .weights.h5, .keras or .safetensors file."
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", help="Draw missing weights: Glorot uniform kernels, zero biases."
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="Compute in this type [float32 for float32 and float16, else float64].",
)
@click.option("--layer-output", metavar="NAME", help="This layer's maps in place of the last's.")
@click.option("--all-layers", is_flag=True, help="Every layer's maps; with -o X.npz an array a layer.")
@click.option(
    "--show-weights", is_flag=True, help="Also each filter as a grid with its bias; in JSON and YAML, all weights."
)
@click.option(
    "--algorithm", type=click.Choice([AUTO, *WAYS]), default=AUTO, help="How to correlate, in all layers [auto]."
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
@single_layer_options
@data_format_option
@reports("table", "json", "yaml", "csv", "npy", "npz")
def apply(
    arguments: tuple[str, ...],
    layers: tuple[str, ...],
    filters: tuple[str, ...],
    weights: str | None,
    seed: int | None,
    dtype: str | None,
    layer_output: str | None,
    all_layers: bool,
    show_weights: bool,
    algorithm: str,
    tolerance: float | None,
    threads: int | None,
    compiled: bool | None,
    data_format: DataFormat | None,
    **options: Any,
) -> ApplyReport:
    """Run the array INPUT through MODEL and print feature maps, shapes and parameter counts.

    INPUT is an .npy, .npz, .yaml, .json, .csv or .tsv file, FILE.npz:KEY, or - for standard input. An array of the
    model's spatial rank is one sample of one channel; one more axis is its channels, two more a batch too. A model of
    several inputs takes one .npz keyed by their names, or NAME=FILE for each.

    MODEL is a YAML or JSON file of layers, a bare kernel (also .npy), or -. Layers mean what they mean in Keras 3 with
    TensorFlow, where frameworks differ: "same" puts the odd cell after, averages leave padding out.
    """
    from convcli import api
    from convcli.stored import load

    names, model_name = _split(arguments, bool(layers or filters), weights)
    if algorithm == "compiled" and compiled is False:
        raise click.UsageError("--algorithm compiled cannot be with --no-compiled")
    if layers and filters:
        raise click.UsageError("-l and --filter both stand in place of MODEL")
    model = load_model(model_name, layers, filters, single_layer(options), data_format)
    keep = _kept(model, layer_output, all_layers)
    inputs, labels = _inputs(model, names)
    done = api.run(
        model,
        inputs,
        weights=load(weights) if weights else None,
        weights_name=weights or "weights",
        seed=seed,
        dtype=dtype,
        algorithm=algorithm,
        tolerance=api.TOLERANCE if tolerance is None else tolerance,
        threads=threads,
        compiled=compiled,
        keep=keep,
        data_format=data_format,
        labels=labels,
    )
    return _report(done, keep, data_format or model.data_format, show_weights, not all_layers)


def _split(arguments: Sequence[str], inline: bool, weights: str | None) -> tuple[list[str], str | None]:
    """The inputs and the model among the arguments."""
    streams = [each for each in (*arguments, weights or "") if each == STREAM or each.endswith(f"={STREAM}")]
    if len(streams) > 1:
        raise click.UsageError("only one argument can be - (standard input)")
    if inline:
        return list(arguments), None
    if len(arguments) < 2:
        raise click.UsageError("MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')")
    return list(arguments[:-1]), arguments[-1]


def _kept(model: Model, layer_output: str | None, all_layers: bool) -> tuple[str, ...]:
    """The names of the layers whose maps are asked for."""
    from convcli.errors import nearest

    names = tuple(node.name for node in model.nodes)
    if layer_output and all_layers:
        raise click.UsageError("--layer-output names one layer, --all-layers is for every one")
    if all_layers:
        return names
    if layer_output is None:
        return model.outputs
    if layer_output not in names:
        raise click.UsageError(f"--layer-output {layer_output}: no such layer ({nearest(layer_output, names)})")
    return (layer_output,)


def _inputs(model: Model, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The array for each input of the model, and what messages call it."""
    from convcli import arrays

    wanted = tuple(model.inputs)
    files = _files(names, wanted)
    if files:
        labels = {name: display_name(file) for name, file in files.items()}
        return {name: arrays.load(file) for name, file in files.items()}, labels
    if len(wanted) > 1:
        return arrays.load_all(names[0]), {name: f"{display_name(names[0])}: {name}" for name in wanted}
    return {wanted[0]: arrays.load(names[0])}, {wanted[0]: display_name(names[0])}


def _files(names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """The file for each input by name, where the arguments are NAME=FILE; nothing where it is one plain file."""
    from convcli.errors import nearest

    pairs = [each.partition("=")[::2] for each in names]
    if len(names) == 1 and pairs[0][0] not in wanted and not (os.path.exists(pairs[0][1]) > os.path.exists(names[0])):
        return {}
    if len(names) > 1 and len(wanted) == 1:
        raise click.UsageError(f"{len(names)} inputs for a model of one (with -l or --filter there is no MODEL)")
    for (name, file), argument in zip(pairs, names, strict=True):
        if not file:
            raise click.UsageError(f"{argument}: which input? (NAME=FILE for each of {', '.join(wanted)})")
        if name not in wanted:
            raise click.UsageError(f"{argument}: no input {name!r} ({nearest(name, wanted)})")
    files = dict(pairs)
    if len(files) < len(pairs):
        raise click.UsageError("one file for each input")
    return files


def _report(done: Run, keep: Sequence[str], data_format: DataFormat, show_weights: bool, single: bool) -> ApplyReport:
    from convcli.report import apply as report
    from convcli.report.shape import Asked, summary

    names = report.map_names(done.plan)
    return report.ApplyReport(
        summary=summary(done.plan, data_format, Asked(done.batch)),
        maps=tuple(report.Maps(name, done.values[name], names[name]) for name in keep),
        data_format=data_format,
        single=single and len(keep) == 1,
        kernels=report.kernels_of(done.plan, done.weights) if show_weights else (),
        weights=done.weights if show_weights else {},
        notes=report.operations(done.plan),
        algorithms=done.algorithms,
    )
