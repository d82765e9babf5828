"""`convcli solve`: the layer settings, or the input sizes, that give a requested output size."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.model_arguments import Vocabulary, load_model, value_of, vocabulary
from convcli.cli.options import data_format_option, usage_errors, usage_of, vocabulary_options
from convcli.cli.shape import input_shapes
from convcli.core.errors import Note
from convcli.core.shapes import known

if TYPE_CHECKING:
    from convcli.analysis.layer_search import SearchRequest
    from convcli.cli.output import Output
    from convcli.core.shapes import DataFormat, Shape
    from convcli.model.graph import Model
    from convcli.output.report import Report

EXAMPLES = """\b
Examples:
  convcli solve --input 224 --output 112 --kernel-size 7 --strides 2
  convcli solve samples/unet.yaml
"""
MOST_AXES = 3  # of space that a layer has
FEW_CHANNELS = 4  # a last extent of at most so many looks like channels: grey, with alpha, RGB, RGBA
SETTINGS = {
    "--kernel-size": "cells of the kernel",
    "--strides": "the step of the window",
    "--padding": "valid, same, …, cells (1), or [[before, after]]",
    "--dilation-rate": "the distance between cells of the kernel",
    "--output-padding": "with --transpose, cells added at the end of the output",
}


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@click.argument("source", required=False, metavar="[MODEL]", shell_complete=completion.files)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="SIZE",
    help="The input size, 224 or 224x224, without channels. With MODEL: its input's shape, ?x?x3, where extents in "
    "space matter only if one axis depends on another; NAME=?x?x3 for each of several inputs.",
)
@click.option("--output", "output_size", metavar="SIZE", help="The requested output size.")
@click.option("--kernel-size", metavar="N", help=f"Fixed: {SETTINGS['--kernel-size']} [1 to 11 are tried].")
@click.option("--strides", metavar="N", help=f"Fixed: {SETTINGS['--strides']} [1 to 4].")
@click.option(
    "--padding",
    metavar="P",
    shell_complete=completion.paddings,
    help=f"Fixed: {SETTINGS['--padding']} [all up to a window].",
)
@click.option("--dilation-rate", metavar="N", help=f"Fixed: {SETTINGS['--dilation-rate']} [1 to 3].")
@click.option("--transpose", is_flag=True, help="Search for a transposed convolution.")
@click.option("--output-padding", metavar="N", help=f"Fixed: {SETTINGS['--output-padding']} [all].")
@vocabulary_options
@data_format_option
@reports("table", "json", "yaml", "csv", trouble=lambda arguments: 2, file=False)
def solve(
    output: Output,
    source: str | None,
    inputs: tuple[str, ...],
    output_size: str | None,
    transpose: bool,
    data_format: DataFormat | None,
    **fixed: Any,
) -> Report:
    """List the settings of one layer that turn an input of one size into an output of another, most usual first.

    Every setting that no option fixes is searched: kernels of 1 to 11 cells, strides of 1 to 4, dilations of 1 to 3,
    padding of 0 to d·(F - 1) cells on either side. Sizes are of axes of space only, without channels. On several axes
    (224x224), searched settings are the same on all.

    With MODEL, list the input sizes that it accepts, or with --output those that give that size.

    Exit code 1 means that there is no answer; standard error then names the closest.
    """
    words = vocabulary(fixed)
    del fixed["dialect"], fixed["listed_order"]
    if source is not None:
        _refuse_layer_options(fixed, transpose)
        return _input_sizes(load_model(source, data_format=data_format, words=words), inputs, output_size, data_format)
    if len(inputs) != 1 or output_size is None:
        raise click.UsageError("one --input and one --output, or MODEL")
    if data_format is not None:
        raise click.UsageError("--data-format is for MODEL")
    if words != Vocabulary():
        raise click.UsageError("--dialect and --listed-order are for MODEL")
    from convcli.analysis.layer_search import closest_setting, find_settings
    from convcli.output.report.solve import settings_report

    request = _search_request(_size(inputs[0], "--input"), _size(output_size, "--output"), transpose, fixed)
    settings = find_settings(request)
    return settings_report(request, settings, None if settings else closest_setting(request))


def _refuse_layer_options(fixed: dict[str, str | None], transpose: bool) -> None:
    """Raise `UsageError` where options of a single layer are given beside a model."""
    named = [flag for flag in SETTINGS if fixed[flag.removeprefix("--").replace("-", "_")] is not None]
    if named or transpose:
        raise click.UsageError(f"{(*named, '--transpose')[0]} is for one layer, not for MODEL")


def _input_sizes(
    model: Model, inputs: tuple[str, ...], output_size: str | None, data_format: DataFormat | None
) -> Report:
    """Return the input sizes that a model accepts, or that give the output size."""
    from convcli.analysis.planning import find_input_sizes
    from convcli.analysis.size_probe import NoSizeFitsError
    from convcli.output.report.solve import SizesReport, sizes_report

    output = () if output_size is None else _size(output_size, "--output")
    if None in output:
        raise click.UsageError(f"--output {output_size}: a known size along each axis, such as 7x7")
    with usage_of(model.source):
        shapes = input_shapes(model, inputs) or None
    try:
        sizes = find_input_sizes(model, shapes, output=output or None, data_format=data_format)
    except NoSizeFitsError as error:
        return SizesReport(model.name, (), None, exit_code=1, complaints=(f"{model.source}: {error}.",))
    return sizes_report(model.name, sizes, output)


def _size(text: str, option: str) -> Shape:
    """Read the size that an option names."""
    from convcli.readers.input_shapes import parse_shape

    with usage_errors(f"{option} {text}: "):
        return parse_shape(text)


def _note_channels(input_size: Shape, output_size: Shape) -> None:
    """Say how sizes of three axes are read, where the last looks like a number of channels."""
    height, width, last = (*map(known, output_size), 0, 0)[:3]
    if len(input_size) == 3 and (known(input_size[-1]) <= FEW_CHANNELS or last <= FEW_CHANNELS < min(height, width)):
        space = "x".join(map(str, input_size[:2]))
        warnings.warn(f"read as three axes of space; leave the channels out: {space}", Note, stacklevel=2)


def _search_request(
    input_size: Shape, output_size: Shape, transpose: bool, fixed: dict[str, str | None]
) -> SearchRequest:
    """Return what is to be searched; each option is read as the argument of a layer."""
    from convcli.analysis.layer_search import CAUSAL, TRANSPOSED_WORDS, WORDS, SearchRequest
    from convcli.model.layers.arguments import per_axis, word_or_pairs

    rank = len(input_size)
    if len(output_size) != rank or None in (*input_size, *output_size):
        channels = "; channels are not part of a size" if abs(len(output_size) - rank) == 1 else ""
        raise click.UsageError(f"--input and --output: as many known extents each, 224 or 224x224{channels}")
    if rank > MOST_AXES:
        raise click.UsageError(f"--input and --output: {rank} axes (one to three axes of space, 224x224)")
    _note_channels(input_size, output_size)
    if fixed["output_padding"] is not None and not transpose:
        raise click.UsageError("--output-padding goes with --transpose")
    words = TRANSPOSED_WORDS if transpose else (*WORDS, CAUSAL)
    read = {
        "kernel_size": per_axis(),
        "strides": per_axis(),
        "padding": word_or_pairs(*words),
        "dilation_rate": per_axis(),
        "output_padding": per_axis(0),
    }
    values: dict[str, Any] = {}
    for name, text in fixed.items():
        flag = f"--{name.replace('_', '-')}"
        with usage_errors(f"{flag} {text}: "):
            values[name] = None if text is None else read[name](value_of(text), rank)
    return SearchRequest(tuple(map(known, input_size)), tuple(map(known, output_size)), transpose=transpose, **values)
