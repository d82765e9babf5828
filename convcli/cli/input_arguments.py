"""The arguments of the commands that run a model on arrays: their options, and the model and arrays they name."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli import completion
from convcli.cli.input_notes import check_stacks, note_channels
from convcli.cli.many_inputs import stands_for_several
from convcli.cli.model_arguments import (
    Vocabulary,
    filter_model,
    load_model,
    single_layer,
    single_layer_options,
    vocabulary,
)
from convcli.cli.options import data_format_option, decorate, layer_option, usage_errors, vocabulary_options
from convcli.core.records import Record
from convcli.io.files import STANDARD_STREAM

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.core.shapes import DataFormat
    from convcli.engine.bind_weights import Stored, WeightSource
    from convcli.engine.execution import Execution
    from convcli.engine.run import NamedArrays
    from convcli.io.preprocessing import ScaleFactor
    from convcli.model.graph import Model


def _factor(context: click.Context, option: click.Parameter, value: str | None) -> ScaleFactor | None:
    """Read the value of --scale."""
    if value is None:
        return None
    from convcli.io.preprocessing import parse_scale_factor

    with usage_errors("--scale: "):
        return parse_scale_factor(value)


def _axes(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Read the value of --axes."""
    if value is None:
        return None
    from convcli.io.axes import parse_axes

    with usage_errors("--axes: "):
        return parse_axes(value)


map_option = click.option(
    "--map", "map_name", metavar="NAME|N", help="Only this map, by its name or its number from 0."
)
weights_option = click.option(
    "--weights",
    metavar="FILE",
    shell_complete=completion.files,
    help="Weights by LAYER/VARIABLE: an .npz, .weights.h5, .keras, .safetensors or .pth file.",
)
input_options = decorate(
    click.option(
        "--scale",
        metavar="FACTOR",
        callback=_factor,
        help="Multiply all inputs by a number or quotient, such as 1/255.",
    ),
    click.option("--gray", is_flag=True, help="Convert red, green and blue to one channel, their luma (ITU-R BT.601)."),
    click.option(
        "--axes",
        metavar="LETTERS",
        callback=_axes,
        help="What the axes of INPUT are, a letter for each, such as zyx or bcyx: b batch, z y x space, c channels, t "
        "time, which is space where the model has that many axes of space, else batch [by the number of axes].",
    ),
    single_layer_options,
    data_format_option,
)
run_options = decorate(
    click.argument("arguments", nargs=-1, metavar="INPUT [MODEL]", shell_complete=completion.files),
    layer_option,
    vocabulary_options,
    click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="NAME",
        shell_complete=completion.filters,
        help="A filter of the bank in place of MODEL, applied to each channel by itself: sobel-x, "
        "gaussian:size=5,sigma=1.2; repeatable. sobel, scharr and prewitt are magnitudes of gradients, √(x² + y²). "
        "Filters of different sizes are each padded for their own size with --padding same; else smaller filters are "
        "enlarged with zeros. Filters that exist in several ranks have the rank of the others, else that of --axes, "
        "else 1 for an array with one axis and 2 for any other.",
    ),
    click.option(
        "--normalize",
        is_flag=True,
        help="Divide each --filter by the sum of its values, or by the sum of the positive ones where that is 0.",
    ),
    weights_option,
    click.option(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        help="Draw missing weights as Keras does: Glorot uniform kernels, zero biases.",
    ),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        help="The type to compute in [float32 for float32 and float16 inputs, else float64].",
    ),
    click.option(
        "--layer-output",
        metavar="NAME",
        shell_complete=completion.layer_names,
        help="The maps of this layer instead of the last.",
    ),
    input_options,
)


class RunRequest(Record):
    """A request to run a model: the arrays for its inputs, the source of its weights, and how to run it.

    `data_format` is the axis order of arrays in the answer.
    """

    model: Model
    inputs: NamedArrays
    weights: WeightSource
    execution: Execution
    data_format: DataFormat


def read_request(options: Mapping[str, Any], output: Output) -> RunRequest:
    """Read the model, the arrays and the weights that the options of `apply` or `explain` name."""
    from convcli.engine.bind_weights import WeightSource

    model, inputs = _model_and_inputs(options, output)
    file = options["weights"]
    values = output.once(("weights", file), lambda: load_weights(file))
    weights = WeightSource(values, file or "weights", options["seed"])
    return RunRequest(model, inputs, weights, _execution(options), inputs.data_format)


def load_weights(file: str | None) -> Stored | None:
    """Return the weights in a file by key; None where there is no file."""
    if not file:
        return None
    from convcli.io.weights_file import load

    return load(file)


def _execution(options: Mapping[str, Any]) -> Execution:
    """Return how to run: the options of `explain` are some of those of `apply`."""
    from convcli.engine.execution import Execution

    requested = {name: options.get(name) for name in Execution.__fields__}
    return Execution(**{name: value for name, value in requested.items() if value is not None})


def _model_and_inputs(options: Mapping[str, Any], output: Output) -> tuple[Model, NamedArrays]:
    from convcli.core.shapes import DataFormat
    from convcli.io.axes import filter_rank, volume_channels
    from convcli.readers.input_shapes import INPUT

    layers, filters, data_format = (options[name] for name in ("layers", "filters", "data_format"))
    files, model_file = inputs_and_model(options)
    check_streams(*files, model_file, options["weights"])
    several = next(filter(stands_for_several, files), None)
    if several is not None:
        raise click.UsageError(f"{several} stands for several inputs (apply --output-dir DIR answers each by itself)")
    if layers and filters:
        raise click.UsageError("-l and --filter both stand in place of MODEL")
    if options["normalize"] and not filters:
        raise click.UsageError("--normalize goes with --filter")
    words = vocabulary(options)
    if filters and words != Vocabulary():
        raise click.UsageError("--dialect and --listed-order are about the layers of a model, not about --filter")
    if filters:  # the rank of some filters depends on the array
        inputs = load_arrays((INPUT,), files, data_format or DataFormat.CHANNELS_LAST, options)
        array = inputs.arrays.get(INPUT)
        rank = filter_rank(None if array is None else len(array.shape), inputs.axes)
        channels = 1
        if array is not None and not options["gray"]:
            channels = volume_channels(array.shape, inputs.axes, inputs.data_format)
        model = filter_model(filters, options["normalize"], rank, single_layer(options), data_format, channels)
    else:
        model = output.once("model", lambda: load_model(model_file, layers, single_layer(options), data_format, words))
        inputs = load_arrays(tuple(model.inputs), files, data_format or model.data_format, options)
    check_stacks(model, inputs)
    note_channels(model, inputs, options)
    return model, inputs


def check_streams(*names: str | None) -> None:
    """Raise `UsageError` where more than one of the files is standard input."""
    streams = [
        name for name in names if name is not None and (name == STANDARD_STREAM or name.endswith(f"={STANDARD_STREAM}"))
    ]
    if len(streams) > 1:
        raise click.UsageError("only one argument can be - (standard input)")


def inputs_and_model(options: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """Return the inputs and the model among the arguments; None for a model that -l or --filter replaces.

    Where no argument is given and none is needed for the model, standard input is the input, unless it is a terminal.
    """
    arguments, has_model = options["arguments"], bool(options["layers"] or options["filters"])
    if not arguments and (not has_model or sys.stdin.isatty()):
        raise click.UsageError("Missing argument 'INPUT [MODEL]'.")
    if has_model:
        return list(arguments) or [STANDARD_STREAM], None
    if len(arguments) < 2:
        raise click.UsageError("MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')")
    return list(arguments[:-1]), arguments[-1]


def named_layer(model: Model, name: str) -> str:
    """Return the layer that --layer-output names. Raises `UsageError` where the model has no such layer."""
    from convcli.core.errors import suggestion

    names = tuple(node.name for node in model.nodes)
    if name not in names:
        raise click.UsageError(f"--layer-output {name}: no such layer ({suggestion(name, names)})")
    return name


def requested_map(names: Sequence[str], text: str) -> int:
    """Return the index of the map that --map names, among maps of these names."""
    from convcli.analysis.map_names import map_index

    with usage_errors("--map "):
        return map_index(names, text)


def load_arrays(
    names: Sequence[str], files: Sequence[str], data_format: DataFormat, options: Mapping[str, Any]
) -> NamedArrays:
    """Load the array of each name: from NAME=FILE for each, or from one file.

    --gray and --scale, if they are among the options, say how the arrays are prepared, --axes what their axes are.
    """
    from convcli.engine.run import NamedArrays
    from convcli.io import arrays
    from convcli.io.preprocessing import Preprocessing

    preparation = Preprocessing(options.get("gray", False), options.get("scale"))
    axes = options.get("axes")
    by_name = _files(files, names)
    if axes is not None and len(names) > 1:
        raise click.UsageError("--axes is for a model of one input")
    if not by_name and len(names) > 1:
        labels = {name: f"{arrays.label(files[0])}: {name}" for name in names}
        return NamedArrays(arrays.load_named(files[0]), data_format, labels, preparation)
    by_name = by_name or {names[0]: files[0]}
    labels = {name: arrays.label(file) for name, file in by_name.items()}
    as_stored = axes is not None
    loaded = {name: arrays.load_input(file, data_format, as_stored=as_stored) for name, file in by_name.items()}
    return NamedArrays(loaded, data_format, labels, preparation, axes)


def _files(arguments: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return the file for each name, where the arguments are NAME=FILE; nothing for one plain file."""
    from convcli.core.errors import suggestion

    pairs = [argument.partition("=")[::2] for argument in arguments]
    if (
        len(arguments) == 1
        and pairs[0][0] not in names
        and not (os.path.exists(pairs[0][1]) > os.path.exists(arguments[0]))
    ):
        return {}
    if len(arguments) > 1 and len(names) == 1:
        remedy = "--output-dir DIR answers each by itself; with -l or --filter there is no MODEL"
        raise click.UsageError(f"{len(arguments)} inputs for a model of one ({remedy})")
    for (name, file), argument in zip(pairs, arguments, strict=True):
        if not file:
            raise click.UsageError(f"{argument}: which input? (NAME=FILE for each of {', '.join(names)})")
        if name not in names:
            raise click.UsageError(f"{argument}: no input {name!r} ({suggestion(name, names)})")
    files = dict(pairs)
    if len(files) < len(pairs):
        raise click.UsageError("one file for each input")
    return files
