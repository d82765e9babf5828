"""`convcli shape`: layer arithmetic without data."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.model_arguments import Vocabulary, load_model, vocabulary
from convcli.cli.options import (
    cell,
    data_format_option,
    layer_option,
    typed_flag,
    usage_errors,
    usage_of,
    vocabulary_options,
)
from convcli.core.dtypes import BYTES_PER_VALUE
from convcli.core.option_choices import COUNTS
from convcli.readers.foreign_files import NoLayersError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convcli.cli.output import Output
    from convcli.core.shapes import DataFormat, Shape
    from convcli.model.graph import Model
    from convcli.output.report import Report

EXAMPLES = """\b
Examples:
  convcli shape samples/mnist.yaml --explain
  convcli shape -i 224x224x3 -l 'Conv2D(64, 7, strides=2, padding="same")' --get output_shape
"""

ABOUT_LAYERS = ("inputs", "explain", "at", "count", "batch", "dtype", "data_format")
DRAWINGS = ("tree", "dot", "mermaid")  # of the graph

input_option = click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="The shape of one sample: 28x28x1 (or 28,28,1); ? for an unknown extent; NAME=28x28x1 for each of several "
    "inputs.",
)


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("source", required=False, metavar="[MODEL]", shell_complete=completion.files)
@layer_option
@input_option
@click.option("--explain", is_flag=True, help="Also show the working: each layer's formulas with its numbers.")
@click.option("--at", callback=cell, metavar="3,4", help="Also show the input cells that this cell of each layer sees.")
@click.option(
    "--count",
    type=click.Choice(COUNTS),
    default=COUNTS[0],
    help="Also count FLOPs (2 for each multiply-accumulate), or in every way that other tools count [macs].",
)
@click.option("--batch", type=click.IntRange(1), metavar="N", help="Show memory for N samples, layer by layer [1].")
@click.option(
    "--dtype",
    type=click.Choice([*BYTES_PER_VALUE]),
    help="Show memory in numbers of this type, layer by layer [float32].",
)
@click.option(
    "--get",
    "keys",
    multiple=True,
    metavar="KEY",
    shell_complete=completion.keys,
    help="Print only this value of the JSON answer; repeatable.",
)
@click.option(
    "--expect",
    "claims",
    multiple=True,
    metavar="CLAIM",
    shell_complete=completion.keys,
    help="Print nothing, and exit 1 unless the claim holds: 'params <= 60000', any KEY of the JSON with == != < <= > "
    ">=; repeatable.",
)
@vocabulary_options
@data_format_option
@reports(
    "table",
    "json",
    "yaml",
    "csv",
    *DRAWINGS,
    trouble=lambda arguments: 2 if arguments["claims"] else 1,
    footer=True,
    without=dict.fromkeys(DRAWINGS, ("explain", "at", "count", "dtype")),
)
def shape(
    output: Output,
    source: str | None,
    layers: tuple[str, ...],
    inputs: tuple[str, ...],
    explain: bool,
    at: tuple[int, ...] | None,
    count: str,
    batch: int | None,
    dtype: str | None,
    keys: tuple[str, ...],
    claims: tuple[str, ...],
    data_format: DataFormat | None,
    **words: Any,
) -> Report:
    """Print each layer's output shape, parameters, multiply-accumulates and receptive field, without any data.

    MODEL is a YAML or JSON file of layers, a Keras model (model.to_json(), .keras or .h5), a kernel, or - for standard
    input. The input's shape is the model's own unless -i gives it. Of a file of weights alone (.pth) the tensors are
    listed.

    Multiply-accumulates (macs) are multiplications by kernel weights for one sample. The receptive field is the extent
    of the input that one output cell sees. The jump is the distance between the windows of neighbouring output cells.

    tree, dot (Graphviz) and mermaid draw the graph: each layer with its parameters, and the shapes between layers.
    --batch puts N into these shapes. Options that a drawing does not show (--explain, --at, --count, --dtype) are
    refused.

    A KEY is one of the JSON answer: params, output_shape, layers.NAME.output_shape.
    """
    from convcli.output.report.shape import SummaryOptions, model_summary, shape_report, with_counts

    if keys and output.format_requested:
        raise click.UsageError("--get prints bare values (without -f)")
    try:
        model, shapes = model_and_shapes(source, layers, inputs, data_format, vocabulary(words))
    except NoLayersError as weights:
        return _tensors(weights, source, output, keys, claims)
    # Keys and claims may be about every way of counting.
    judged = bool(keys or claims)
    counted = COUNTS[-1] if judged else count
    options = SummaryOptions(batch, dtype or next(iter(BYTES_PER_VALUE)), counted, explain, at, memory=True)
    summary = model_summary(model, shapes or None, data_format, options)
    shown = with_counts(summary, count) if judged else summary
    report = shape_report(model, shown, batch, memory=batch is not None or dtype is not None)
    if not judged:
        return report
    silent = bool(claims) and not (output.requested or explain or at)
    return _judged(report, summary, keys, claims, model.source, silent)


def _judged(
    report: Report,
    summary: Mapping[str, Any],
    keys: Sequence[str],
    claims: Sequence[str],
    source: str | None,
    silent: bool,
) -> Report:
    """Return the report with what the claims about the summary come to; with keys, their values are its whole text."""
    from convcli.core.errors import located
    from convcli.core.records import replace
    from convcli.output.report.expectations import bare, failure, value
    from convcli.output.report.shape import lacks_a_share

    with located(source) if source else nullcontext():
        for key in keys:
            if lacks_a_share(summary, key):
                where = "" if source is None else f"{source}: "
                warnings.warn(f"{where}{key} is at least this, because layers are not known", stacklevel=2)
        values = "".join(f"{bare(value(summary, key))}\n" for key in keys)
        failures = [complaint for claim in claims if (complaint := failure(summary, claim))]
    complaints = tuple(f"Error: {source}: {complaint}" if source else f"Error: {complaint}" for complaint in failures)
    text = values if keys or silent else None
    return replace(report, text=text, complaints=complaints, exit_code=1 if failures else 0)


def _tensors(
    weights: NoLayersError, source: str | None, output: Output, keys: Sequence[str], claims: Sequence[str]
) -> Report:
    """Return the list of a file's tensors. Raises `UsageError` for options that are about layers."""
    from convcli.io.files import display_name
    from convcli.output.report.tensors import TensorRow, TensorsReport

    flag = typed_flag(ABOUT_LAYERS)
    if flag is not None:
        raise click.UsageError(f"{flag} is about layers, and {source} holds weights alone")
    if output.format in DRAWINGS:
        raise weights
    rows = tuple(TensorRow(name, tensor.shape, tensor.dtype) for name, tensor in weights.tensors.items())
    report = TensorsReport(display_name(source or ""), rows)
    silent = bool(claims) and not output.requested
    return _judged(report, report.mapping(), keys, claims, source, silent) if keys or claims else report


def model_and_shapes(
    source: str | None,
    layers: tuple[str, ...],
    inputs: tuple[str, ...],
    data_format: DataFormat | None,
    words: Vocabulary,
) -> tuple[Model, dict[str, Shape]]:
    """Return a model and the input shapes that -i gives. Raises `UsageError` where an input's shape is unknown."""
    if (source is None) == (not layers):
        what = "MODEL is missing" if source is None else "MODEL and -l both name the layers"
        raise click.UsageError(f"{what} (a file, or layers with -l 'Conv2D(40, 3)')")
    model = load_model(source, layers, data_format=data_format, words=words)
    with usage_of(model.source if source is not None else None):
        shapes = input_shapes(model, inputs)
        for name, own in model.inputs.items():
            if own is None and name not in shapes:
                which = "" if len(model.inputs) == 1 else f"{name}="
                raise click.UsageError(f"the input's shape is missing (-i {which}28x28x1, or input: in the model)")
    return model, shapes


def _without_batch(model: Model, name: str, text: str, shape: Shape) -> Shape:
    """Return a shape without the batch axis that Keras prints in front: `(None, 28, 28, 1)`, in parentheses."""
    rank = model.spatial_rank(name)
    is_batch = text.strip().startswith("(") and shape[0] is None and rank is not None and len(shape) == rank + 2
    return shape[1:] if is_batch else shape


def input_shapes(model: Model, inputs: tuple[str, ...]) -> dict[str, Shape]:
    """Return the shapes that -i gives, by the names of the inputs."""
    from convcli.readers.input_shapes import parse_shape

    shapes = {}
    for text in inputs:
        name, equals, rest = text.rpartition("=")
        key = name if equals else next(iter(model.inputs))
        if key not in model.inputs or (not equals and len(model.inputs) > 1):
            raise click.UsageError(f"-i {text}: for which input? (NAME=SHAPE, of {', '.join(model.inputs)})")
        if key in shapes:
            raise click.UsageError(f"-i {text}: {key} has a shape already")
        with usage_errors(f"-i {text}: "):
            shapes[key] = _without_batch(model, key, rest, parse_shape(rest))
    return shapes
