"""`convcli fit`: learn a model's weights from inputs and targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.command_help import HelpfulCommand
from convcli.cli.deliver import reports
from convcli.cli.fit_options import fit_options
from convcli.cli.input_arguments import check_streams, load_arrays, load_weights
from convcli.cli.input_notes import note_channels
from convcli.cli.model_arguments import load_model, single_layer, vocabulary
from convcli.cli.stopping import Stop, stoppable
from convcli.cli.training_files import TrainingFiles
from convcli.core.errors import located, one_line
from convcli.io.files import display_name
from convcli.learning.optimizers import OPTIMIZERS
from convcli.learning.options import OPTIMIZER

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.engine.run import NamedArrays
    from convcli.learning.checkpoints import Checkpoint
    from convcli.learning.options import Options
    from convcli.learning.training import TrainingResult
    from convcli.model.graph import Model
    from convcli.model.plan import Plan
    from convcli.output.report.filter_comparison import FilterComparison
    from convcli.output.report.fit import FitReport

EXAMPLES = """\b
Examples:
  convcli fit samples/bumps.npy samples/bump-maps.npy -l 'Conv1D(1, 3)' -o /tmp/bump.npz
  convcli fit samples/digits.npz:images samples/digits.npz:classes samples/digits.yaml -o /tmp/digits.npz --epochs 3
"""


@click.command(cls=HelpfulCommand, epilog=EXAMPLES)
@fit_options
@reports("table", "json", "yaml", "csv", file=False)
def fit(
    output: Output,
    arguments: tuple[str, ...],
    weights_file: str,
    checkpoint: str | None,
    resume: str | None,
    compare_with: str | None,
    plot: str | None,
    threads: int | None,
    **options: Any,
) -> FitReport:
    """Learn the weights of MODEL by mini-batch gradient descent, so that it computes TARGET from INPUT.

    INPUT and MODEL are as in apply. TARGET has the shape of the output, batch first, or holds a whole number for each
    sample, its class. Learning begins with the weights that the model holds; others are drawn. The learned weights go
    to FILE.npz, which apply --weights takes. Ctrl-C keeps what has been learned.
    """
    from convcli.engine.bind_weights import WeightSource
    from convcli.learning.prepare_training import prepare_training

    files = TrainingFiles(weights_file, checkpoint or resume, plot)
    _check_usage(options, resume)
    files.check_usage(arguments)
    model, inputs, targets = _read_data(arguments, options)
    files.check_writable()
    weights = WeightSource(load_weights(options["weights"]), options["weights"] or "weights")
    settings, resumed = _training_options(options), None if resume is None else _read_checkpoint(resume)
    with prepare_training(model, inputs, targets, settings, weights, threads=threads, checkpoint=resumed) as training:
        comparison = _comparison(training.plan, training.options.freeze or (), compare_with)
        with stoppable() as stop:
            result = training.run(output.progress, stop, files.write_checkpoint if files.checkpoint else None)
    files.write_weights(result)
    files.write_plot(result)
    return _report(result, files, comparison, stop)


def _check_usage(options: Mapping[str, Any], resume: str | None) -> None:
    """Raise `UsageError` where options exclude each other."""
    optimizer = OPTIMIZERS[options["optimizer"] or OPTIMIZER]
    if options["momentum"] and not optimizer.takes_momentum and not resume:
        raise click.UsageError(f"--momentum is for sgd and rmsprop; {optimizer.name} has its own")
    if resume and options["weights"]:
        raise click.UsageError("--resume goes on with the checkpoint's weights (without --weights)")


def _read_data(arguments: Sequence[str], options: Mapping[str, Any]) -> tuple[Model, NamedArrays, NamedArrays]:
    """Return the model, its inputs and its targets."""
    inline = bool(options["layers"])
    check_streams(*arguments, options["weights"])
    if len(arguments) < (2 if inline else 3):
        missing = "MODEL is missing (a file, or layers with -l 'Conv2D(1, 3)')" if len(arguments) == 2 else None
        raise click.UsageError(missing or "INPUT TARGET [MODEL] are needed")
    model_file, names = (None, arguments) if inline else (arguments[-1], arguments[:-1])
    words = vocabulary(options)
    model = load_model(model_file, options["layers"], single_layer(options), options["data_format"], words)
    data_format = options["data_format"] or model.data_format
    inputs = load_arrays(tuple(model.inputs), names[:-1], data_format, options)
    note_channels(model, inputs, options)
    return model, inputs, load_arrays(model.outputs, names[-1:], data_format, {})


def _read_checkpoint(file: str) -> Checkpoint:
    from convcli.io import weights_file
    from convcli.learning.checkpoints import unpack

    stored = weights_file.load(file)
    with located(file):
        return unpack(stored, file)


def _training_options(options: Mapping[str, Any]) -> Options:
    from convcli.learning.options import Options

    values = {name: value for name, value in options.items() if name in Options.__fields__}
    return Options(**{**values, "freeze": tuple(dict.fromkeys(options["freeze"])) or None})


def _comparison(plan: Plan, frozen: Sequence[str], name: str | None) -> FilterComparison | None:
    """Return the comparison with the filter of this name. A filter that has any rank takes the first layer's."""
    if name is None:
        return None
    from convcli.output.report.filter_comparison import compare_filter
    from convcli.readers.weight_values import weight_value

    with located("--compare-with"):
        ranks = (len(layer.correlation.windows) for layer in plan.layers if layer.correlation is not None)
        values = weight_value(name, "", next((rank for rank in ranks if rank), None)).array()
        return compare_filter(plan, frozen, one_line(display_name(name)), values)


def _report(result: TrainingResult, files: TrainingFiles, comparison: FilterComparison | None, stop: Stop) -> FitReport:
    from convcli.output.report.fit import fit_report

    complaints = list(_complaints(result, files, stop))
    exit_code = max((code for code, _ in complaints), default=0)
    texts = tuple(text for _, text in complaints)
    return fit_report(result, display_name(files.weights), comparison, exit_code, texts)


def _complaints(result: TrainingResult, files: TrainingFiles, stop: Stop) -> Iterator[tuple[int, str]]:
    """Yield what the user should know of a run that did not go as planned, each with its exit code."""
    saved = f"{files.weights} holds what was learned"
    if result.stop_reason == "interrupted":
        epochs = len(result.history.get("loss", ()))
        text = f"Interrupted after {epochs} of {result.options.epochs} epochs: {saved}"
        resumable = files.checkpoint is not None and files.checkpoint_error is None
        yield stop.exit_code, f"{text}; --resume {files.checkpoint} goes on" if resumable else text
    if files.checkpoint_error is not None:
        yield 1, f"Error: {files.checkpoint_error} ({saved}; the last checkpoint could not be written)"
