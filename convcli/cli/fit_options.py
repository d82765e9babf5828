"""The options of `convcli fit`."""

from __future__ import annotations

import click

from convcli.cli import completion
from convcli.cli.input_arguments import input_options, weights_option
from convcli.cli.options import decorate, layer_option, vocabulary_options
from convcli.io.files import suffix
from convcli.learning.losses import LOSSES
from convcli.learning.optimizers import OPTIMIZERS


def _npz_file(context: click.Context, option: click.Parameter, name: str) -> str:
    if suffix(name) != ".npz":
        raise click.BadParameter(f"{name!r} (weights are written to a file that ends in .npz)")
    return name


LEARNING_RATES = ", ".join(f"{name} {kind.default_learning_rate:g}" for name, kind in OPTIMIZERS.items())

fit_options = decorate(
    click.argument(
        "arguments", nargs=-1, required=True, metavar="INPUT TARGET [MODEL]", shell_complete=completion.files
    ),
    layer_option,
    vocabulary_options,
    click.option(
        "-o",
        "--output",
        "weights_file",
        required=True,
        metavar="FILE.npz",
        shell_complete=completion.files,
        callback=_npz_file,
        help="The file for the learned weights.",
    ),
    click.option(
        "--loss",
        type=click.Choice(list(LOSSES)),
        help="The number to minimize [sparse_categorical_crossentropy for classes, categorical_crossentropy after "
        "softmax, binary_crossentropy after sigmoid, else mse].",
    ),
    click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), help="How gradients change the weights [adam]."),
    click.option(
        "--learning-rate",
        type=click.FloatRange(0, min_open=True),
        metavar="RATE",
        help=f"The size of the optimizer's steps [{LEARNING_RATES}].",
    ),
    click.option(
        "--momentum",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="M",
        help="For sgd and rmsprop: the share of each step that goes into the next [0].",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(1),
        metavar="N",
        help="How often all samples are seen [as often as 5,000 updates need, at least 10].",
    ),
    click.option("--batch-size", type=click.IntRange(1), metavar="N", help="Samples for each update [32]."),
    click.option(
        "--seed",
        type=click.IntRange(0),
        metavar="N",
        help="The seed of all random choices: drawn weights, the order of samples, dropout [0].",
    ),
    click.option(
        "--validation-split",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Keep this share of the samples, the last ones, for validation [0].",
    ),
    weights_option,
    click.option(
        "--freeze",
        multiple=True,
        metavar="LAYER",
        shell_complete=completion.layer_names,
        help="A layer that keeps its weights; repeatable.",
    ),
    click.option(
        "--patience",
        type=click.IntRange(1),
        metavar="N",
        help="Stop after N epochs without a better loss (of the validation, if any); keep the best epoch's weights.",
    ),
    click.option(
        "--checkpoint",
        metavar="FILE",
        shell_complete=completion.files,
        help="After epochs, write the state of the run to this .npz file, for --resume.",
    ),
    click.option(
        "--resume",
        metavar="FILE",
        shell_complete=completion.files,
        help="Continue the run of a checkpoint. Later checkpoints go to the same file unless --checkpoint is given.",
    ),
    click.option(
        "--compare-with",
        metavar="FILTER",
        shell_complete=completion.filters,
        help="Show a filter of the bank, or of a file, beside the learned ones.",
    ),
    click.option(
        "--plot", metavar="FILE.png|html", shell_complete=completion.files, help="Draw the curves of loss and accuracy."
    ),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), help="The type to compute in [float32]."),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="How many threads work. The result does not depend on it [all cores].",
    ),
    input_options,
)
