"""What the commands that run arrays through a model share: their options, and the model and arrays they name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.deliver import data_format_option, decorate, layer_option, once, progress_bar
from convcli.cli.model_arguments import filter_model, load_model, single_layer, single_layer_options
from convcli.core.records import Record
from convcli.io.files import STREAM, display_name

if TYPE_CHECKING:
    from convcli.core.shapes import DataFormat
    from convcli.engine.bind_weights import Stored
    from convcli.io.preprocessing import Preparation, Quotient
    from convcli.model.graph import Model


def _factor(context: click.Context, option: click.Parameter, value: str | None) -> Quotient | None:
    if value is None:
        return None
    from convcli.core.errors import ConvcliError
    from convcli.io.preprocessing import quotient

    try:
        return quotient(value)
    except ConvcliError as error:
        raise click.UsageError(f"--scale: {error}") from None


map_option = click.option("--map", "map_name", metavar="NAME|N", help="One map, by its name or its number from 0.")
weights_option = click.option(
    "--weights",
    metavar="FILE",
    help="Weights by LAYER/VARIABLE: an .npz, .weights.h5, .keras or .safetensors file.",
)
input_options = decorate(
    click.option(
        "--scale", metavar="FACTOR", callback=_factor, help="Multiply all inputs: a number or quotient, such as 1/255."
    ),
    click.option("--gray", is_flag=True, help="Make one channel of red, green and blue: their luma (ITU-R BT.601)."),
    single_layer_options,
    data_format_option,
)
run_options = decorate(
    click.argument("arguments", nargs=-1, required=True, metavar="INPUT [MODEL]"),
    layer_option,
    click.option(
        "--filter",
        "filters",
        multiple=True,
        metavar="NAME",
        help="A filter of the bank in place of MODEL, on each channel by itself: sobel-x, gaussian:size=5,sigma=1.2; "
        "repeatable. Smaller ones are padded with zeros to the largest; gaussian, box and identity have the rank of "
        "the others, else 1 for an array of one axis and 2 for all else.",
    ),
    click.option(
        "--normalize",
        is_flag=True,
        help="Divide each --filter by the sum of its values, or where that is 0 by the sum of the positive ones.",
    ),
    weights_option,
    click.option(
        "--seed", type=click.IntRange(0), metavar="N", help="Draw missing weights: Glorot uniform kernels, zero biases."
    ),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        help="Compute in this type [float32 for float32 and float16, else float64].",
    ),
    click.option("--layer-output", metavar="NAME", help="This layer's maps in place of the last's."),
    input_options,
)


class Asked(Record):
    """What is to be run: a model and the arrays for its inputs by name, with what messages call them.

    `settings` are the keyword arguments of `api.run` that both commands have.
    """

    model: Model
    inputs: Mapping[str, Any]
    settings: Mapping[str, Any]
    data_format: DataFormat


def asked(options: Mapping[str, Any]) -> Asked:
    """What the shared options ask for."""
    from convcli.io.weights_file import load

    model, inputs, labels = _model_and_inputs(options)
    weights = options["weights"]
    held: Stored | None = once(("weights", weights), lambda: load(weights)) if weights else None
    settings = {
        "weights": held,
        "weights_name": weights or "weights",
        **{name: options[name] for name in ("seed", "dtype", "data_format")},
        "labels": labels,
        "preparation": preparation(options),
        "watch": progress_bar(),
    }
    return Asked(model, inputs, settings, options["data_format"] or model.data_format)


def _model_and_inputs(options: Mapping[str, Any]) -> tuple[Model, dict[str, Any], dict[str, str]]:
    """The model, the array for each of its inputs, and what messages call each."""
    from convcli.core.shapes import DataFormat
    from convcli.readers.input_shapes import INPUT

    layers, filters, data_format = (options[name] for name in ("layers", "filters", "data_format"))
    check_streams(*options["arguments"], options["weights"])
    names, model_name = inputs_and_model(options)
    if layers and filters:
        raise click.UsageError("-l and --filter both stand in place of MODEL")
    if options["normalize"] and not filters:
        raise click.UsageError("--normalize goes with --filter")
    if filters:  # some are made for as many axes as the array has
        inputs, labels = load_inputs((INPUT,), names, data_format or DataFormat.CHANNELS_LAST)
        rank = len(inputs[INPUT].shape) if INPUT in inputs else None
        model = filter_model(filters, options["normalize"], rank, single_layer(options), data_format)
    else:
        model = once("model", lambda: load_model(model_name, layers, single_layer(options), data_format))
        inputs, labels = load_inputs(tuple(model.inputs), names, data_format or model.data_format)
    return model, inputs, labels


def preparation(options: Mapping[str, Any]) -> Preparation:
    """What --gray and --scale ask for."""
    from convcli.io.preprocessing import Preparation

    return Preparation(options["gray"], options["scale"])


def check_streams(*names: str | None) -> None:
    """Raise `UsageError` where more than one of the files is standard input."""
    streams = [each for each in names if each is not None and (each == STREAM or each.endswith(f"={STREAM}"))]
    if len(streams) > 1:
        raise click.UsageError("only one argument can be - (standard input)")


def inputs_and_model(options: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """The inputs and the model among the arguments of a command with these options."""
    arguments = options["arguments"]
    if options["layers"] or options["filters"]:
        return list(arguments), None
    if len(arguments) < 2:
        raise click.UsageError("MODEL is missing (a file, or layers with -l 'Conv2D(40, 3)')")
    return list(arguments[:-1]), arguments[-1]


def named_layer(model: Model, name: str) -> str:
    """The layer that --layer-output names."""
    from convcli.core.errors import nearest

    names = tuple(node.name for node in model.nodes)
    if name not in names:
        raise click.UsageError(f"--layer-output {name}: no such layer ({nearest(name, names)})")
    return name


def asked_map(names: Sequence[str], text: str) -> int:
    """Which of the maps with these names --map asks for."""
    from convcli.core.errors import ConvcliError
    from convcli.output.report.apply import map_place

    try:
        return map_place(names, text)
    except ConvcliError as error:
        raise click.UsageError(f"--map {error}") from None


def load_inputs(
    wanted: Sequence[str], names: Sequence[str], layout: DataFormat
) -> tuple[dict[str, Any], dict[str, str]]:
    """The array for each input that is wanted, and what messages call it."""
    from convcli.io import arrays

    files = _files(names, wanted)
    if files:
        labels = {name: display_name(file) for name, file in files.items()}
        return {name: arrays.load_input(file, layout) for name, file in files.items()}, labels
    if len(wanted) > 1:
        return arrays.load_all(names[0]), {name: f"{display_name(names[0])}: {name}" for name in wanted}
    return {wanted[0]: arrays.load_input(names[0], layout)}, {wanted[0]: display_name(names[0])}


def _files(names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """The file for each input by name, where the arguments are NAME=FILE; nothing where it is one plain file."""
    from convcli.core.errors import nearest

    pairs = [each.partition("=")[::2] for each in names]
    if len(names) == 1 and pairs[0][0] not in wanted and not (os.path.exists(pairs[0][1]) > os.path.exists(names[0])):
        return {}
    if len(names) > 1 and len(wanted) == 1:
        remedy = "--output-dir DIR answers each by itself; with -l or --filter there is no MODEL"
        raise click.UsageError(f"{len(names)} inputs for a model of one ({remedy})")
    for (name, file), argument in zip(pairs, names, strict=True):
        if not file:
            raise click.UsageError(f"{argument}: which input? (NAME=FILE for each of {', '.join(wanted)})")
        if name not in wanted:
            raise click.UsageError(f"{argument}: no input {name!r} ({nearest(name, wanted)})")
    files = dict(pairs)
    if len(files) < len(pairs):
        raise click.UsageError("one file for each input")
    return files
