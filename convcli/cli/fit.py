"""`convcli fit`: learn a model's weights from inputs and targets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.checkpointing import Checkpoints, stoppable, write_weights
from convcli.cli.deliver import reports
from convcli.cli.input_arguments import check_streams, input_options, load_arrays, load_weights, weights_option
from convcli.cli.model_arguments import load_model, single_layer
from convcli.cli.options import layer_option
from convcli.core.errors import located, one_line
from convcli.io.files import STANDARD_STREAM, check_writable, display_name, suffix, write_bytes
from convcli.learning.losses import LOSSES
from convcli.learning.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.engine.bind_weights import WeightSource
    from convcli.engine.run import NamedArrays
    from convcli.learning.checkpoints import Checkpoint
    from convcli.learning.options import Options
    from convcli.learning.training import Training, TrainingResult
    from convcli.model.graph import Model
    from convcli.output.report import Report
    from convcli.output.report.fit import FilterComparison, FitReport

EXAMPLES = """\b
Examples:
  convcli fit samples/bumps.npy samples/bump-maps.npy -l 'Conv1D(1, 3)' -o /tmp/bump.npz
  convcli fit samples/digits.npz:images samples/digits.npz:classes samples/digits.yaml -o /tmp/digits.npz --epochs 3
"""
PLOTS = (".png", ".html", ".htm")


def _weights_file(context: click.Context, option: click.Parameter, name: str) -> str:
    if suffix(name) != ".npz":
        raise click.BadParameter(f"{name!r} (weights are written to a file that ends in .npz)")
    return name


@click.command(epilog=EXAMPLES)
@click.argument("arguments", nargs=-1, required=True, metavar="INPUT TARGET [MODEL]")
@layer_option
@click.option(
    "-o",
    "--output",
    "learned_file",
    required=True,
    metavar="FILE.npz",
    callback=_weights_file,
    help="Where the weights go: required.",
)
@click.option(
    "--loss",
    type=click.Choice(list(LOSSES)),
    help="What is made small [sparse_categorical_crossentropy for classes, categorical_crossentropy after softmax, "
    "binary_crossentropy after sigmoid, else mse].",
)
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), help="How weights follow gradients [adam].")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help=f"How fast [{', '.join(f'{name} {kind.default_learning_rate:g}' for name, kind in OPTIMIZERS.items())}].",
)
@click.option(
    "--momentum",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="M",
    help="Of sgd and rmsprop: how much stays [0].",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="N",
    help="How often all samples are seen [as often as makes 5,000 updates, at least 10].",
)
@click.option("--batch-size", type=click.IntRange(1), metavar="N", help="Samples for each update [32].")
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="What all chance follows from: weights that are not given, the order of samples, dropout [0].",
)
@click.option(
    "--validation-split",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Keep this share of the samples, the last ones, for validation [0].",
)
@weights_option
@click.option("--freeze", multiple=True, metavar="LAYER", help="A layer that keeps its weights; repeatable.")
@click.option(
    "--patience",
    type=click.IntRange(1),
    metavar="N",
    help="End after N epochs without a better loss (of the validation, if any), with the best epoch's weights.",
)
@click.option("--checkpoint", metavar="FILE", help="After epochs, write what --resume needs, an .npz file.")
@click.option(
    "--resume",
    metavar="FILE",
    help="Go on from a checkpoint, which is also written again unless --checkpoint is given.",
)
@click.option(
    "--compare-with", metavar="FILTER", help="Show a filter of the bank, or of a file, beside the learned ones."
)
@click.option("--plot", metavar="FILE.png|html", help="Draw the curves of loss and accuracy.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Compute in this type [float32].")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="How many threads work [all cores].")
@input_options
@reports("table", "json", "yaml", "csv", file=False)
def fit(
    output: Output,
    arguments: tuple[str, ...],
    learned_file: str,
    checkpoint: str | None,
    resume: str | None,
    compare_with: str | None,
    plot: str | None,
    threads: int | None,
    **options: Any,
) -> Report:
    """Learn the weights of MODEL by mini-batch gradient descent, so that it makes TARGET of INPUT.

    INPUT and MODEL are as in apply. TARGET is whole, batch first: the maps that are wanted, or for classes a whole
    number a sample. Weights that the model holds are where learning begins; others are drawn. They end in FILE.npz,
    which apply --weights takes. Ctrl-C keeps what has been learned.
    """
    from convcli.learning.training import prepare_training

    checkpoint = checkpoint or resume
    _check_usage(options, resume, plot)
    _check_files(learned_file, checkpoint, arguments)
    model, inputs, targets = _loaded(arguments, options)
    for name in (learned_file, checkpoint, plot):
        if name is not None:
            check_writable(name)
    before = None if resume is None else _checkpoint(resume)
    with prepare_training(
        model,
        inputs,
        targets,
        _options(options),
        _weights(options["weights"]),
        threads=threads,
        checkpoint=before,
    ) as training:
        compared = _compared(training, compare_with)
        save = None if checkpoint is None else Checkpoints(checkpoint)
        with stoppable() as stop:
            learned = training.run(output.progress, stop, save)
    return _answer(learned, learned_file, save, plot, compared, stop.exit_code)


def _check_usage(options: dict[str, Any], resume: str | None, plot: str | None) -> None:
    """Raise `UsageError` where options do not go together."""
    kind = OPTIMIZERS[options["optimizer"] or next(iter(OPTIMIZERS))]
    if options["momentum"] and not kind.takes_momentum and not resume:
        raise click.UsageError(f"--momentum is of sgd and rmsprop; {kind.name} has its own")
    if resume and options["weights"]:
        raise click.UsageError("--resume goes on with the checkpoint's weights (without --weights)")
    if plot is not None:
        if suffix(plot) not in PLOTS:
            raise click.UsageError(f"--plot {plot}: a name that ends in {', '.join(PLOTS)}")
        if suffix(plot) == ".png":
            from convcli.io.images import import_pillow

            with located("--plot"):
                import_pillow()  # so that its absence is told before anything is learned


def _check_files(learned_file: str, checkpoint: str | None, read: Sequence[str]) -> None:
    """Raise `UsageError` where the checkpoint is no file of its own, or what is learned from would be replaced."""
    named = (path for each in read for path in (each, each.partition("=")[2]))
    used = {os.path.realpath(path) for each in named for path in (each, each.rpartition(":")[0]) if path}
    for name in (learned_file, checkpoint):
        if name is not None and os.path.realpath(name) in used:
            raise click.UsageError(f"{name} would replace what is learned from (another file)")
    if checkpoint == STANDARD_STREAM:
        raise click.UsageError("a checkpoint is read and written again: a file, not -")
    if checkpoint is not None and os.path.realpath(checkpoint) == os.path.realpath(learned_file):
        raise click.UsageError(f"-o {learned_file} would replace the checkpoint (another file)")


def _loaded(arguments: Sequence[str], options: dict[str, Any]) -> tuple[Model, NamedArrays, NamedArrays]:
    """Load the model, its inputs and its targets."""
    inline = bool(options["layers"])
    check_streams(*arguments, options["weights"])
    if len(arguments) < (2 if inline else 3):
        missing = "MODEL is missing (a file, or layers with -l 'Conv2D(1, 3)')" if len(arguments) == 2 else None
        raise click.UsageError(missing or "INPUT TARGET [MODEL] are needed")
    names, model_name = list(arguments), None if inline else arguments[-1]
    names = names if inline else names[:-1]
    model = load_model(model_name, options["layers"], single_layer(options), options["data_format"])
    layout = options["data_format"] or model.data_format
    inputs = load_arrays(tuple(model.inputs), names[:-1], layout, options)
    return model, inputs, load_arrays(model.outputs, names[-1:], layout, {})


def _weights(file: str | None) -> WeightSource:
    """Return where learning begins; the seed is among the options of learning."""
    from convcli.engine.bind_weights import WeightSource

    return WeightSource(load_weights(file), file or "weights")


def _checkpoint(file: str) -> Checkpoint:
    """Return the checkpoint in a file, to go on from it."""
    from convcli.io import weights_file
    from convcli.learning.checkpoints import unpack

    values = weights_file.load(file)
    with located(file):
        return unpack(values, file)


def _options(options: dict[str, Any]) -> Options:
    from convcli.learning.options import Options

    names = Options.__fields__
    given = {name: value for name, value in options.items() if name in names}
    return Options(**{**given, "freeze": tuple(dict.fromkeys(options["freeze"])) or None})


def _compared(training: Training, name: str | None) -> FilterComparison | None:
    """The hand-made filter that the learned ones are to be compared with."""
    if name is None:
        return None
    from convcli.output.report.fit import compared
    from convcli.readers.weight_values import weight_value

    with located("--compare-with"):
        ranks = (len(layer.correlation.windows) for layer in training.plan.layers if layer.correlation is not None)
        values = weight_value(name, "", next((rank for rank in ranks if rank), None)).array()
        return compared(training.plan, training.options.freeze or (), one_line(display_name(name)), values)


def _answer(
    learned: TrainingResult,
    output: str,
    checkpoints: Checkpoints | None,
    plot: str | None,
    compared: FilterComparison | None,
    stopped: int,
) -> FitReport:
    """Write what was learned, and say so; `stopped` is the exit code where a signal ended it.

    Raises `ConvcliError` where the loss was no number.
    """
    from convcli.output.report.fit import FitReport, small_kernels

    if learned.error is None or learned.updates:
        write_weights(output, learned.weights_by_key, checkpoints)
    if learned.error is not None:
        kept = f"{output} holds the weights from before" if learned.updates else "nothing was learned"
        learned.error.remedy = f"{learned.error.remedy}; {kept}"
        raise learned.error
    troubles = list(_troubles(learned, output, checkpoints, stopped))
    report = FitReport(
        plan=learned.plan,
        ending=learned.stop_reason,
        history=learned.history,
        losses=learned.losses,
        options=learned.options.__dict__,
        samples=(learned.training_samples, learned.validation_samples),
        updates=learned.updates,
        best_epoch=learned.best_epoch,
        shown=small_kernels(
            learned.plan, learned.weights, learned.options.freeze or (), compared.layer if compared else None
        ),
        output=display_name(output),
        compared=compared,
        exit_code=max((code for code, _ in troubles), default=0),
        complaints=tuple(text for _, text in troubles),
    )
    if plot is not None:
        from convcli.output.render import loss_curves

        write_bytes(plot, loss_curves.png(report) if suffix(plot) == ".png" else loss_curves.html(report))
    return report


def _troubles(
    learned: TrainingResult, output: str, checkpoints: Checkpoints | None, stopped: int
) -> Iterator[tuple[int, str]]:
    """What to say of a run that did not go as it should, each with its exit code."""
    held = f"{output} holds what was learned"
    error = checkpoints and checkpoints.error
    if learned.stop_reason == "interrupted":
        done = len(learned.history.get("loss", ()))
        text = f"Interrupted after {done} of {learned.options.epochs} epochs: {held}"
        yield stopped, f"{text}; --resume {checkpoints.name} goes on" if checkpoints and not error else text
    if error:
        yield 1, f"Error: {error} ({held}; the last checkpoint could not be written)"
