"""The answer of `fit` as text: what was learned from, how the loss fell, and the filters that were learned."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.core.errors import one_line
from convcli.core.lazy_imports import Array, np
from convcli.output.render.number_format import format_value
from convcli.output.render.slices import slices_2d
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.render.table.layer_table import model_title
from convcli.output.render.table.number_grids import NumberGrid, SideBySide, number_grids
from convcli.output.report.apply import Kernels
from convcli.output.report.filter_comparison import FilterComparison
from convcli.output.report.fit import FitReport
from convcli.output.report.shape import summary

MAX_EPOCHS = 12  # that are shown
DECIMALS = 4
SMALLEST = 10.0**-DECIMALS


def renderables(report: FitReport) -> Iterator[RenderableType]:
    """Yield the parts of the text, from top to bottom."""
    plan = report.result.plan
    figures = summary(plan, plan.model.data_format)
    yield model_title(figures)
    yield from map(Text, _settings(report))
    if report.epochs:
        yield FittedTable(_metrics(report), numbers=True)
    if report.epochs > MAX_EPOCHS:
        yield Text(f" {MAX_EPOCHS} of {report.epochs:,} epochs; -f csv or json gives all", "dim")
    file = one_line(report.weights_file)
    yield Text(f" Trained: {report.trainable_params:,} of {figures['params']:,} params, in {file}")
    for kernels in report.kernels:
        yield Text(f"\n{kernels.layer}: learned filters, to {DECIMALS} decimals", "bold")
        if report.comparison is not None and report.comparison.layer == kernels.layer:
            yield from _compared_filters(report.comparison, kernels)
        else:
            yield from number_grids(_filters(kernels))


def _settings(report: FitReport) -> Iterator[str]:
    result, options = report.result, report.result.options
    losses = [loss if len(result.losses) == 1 else f"{output} {loss}" for output, loss in result.losses.items()]
    momentum = f", momentum {options.momentum:g}" if options.momentum else ""
    validation = f", {result.validation_samples:,} more for validation" if result.validation_samples else ""
    best = f"; the weights are those of epoch {result.best_epoch}" if result.best_epoch and options.patience else ""
    yield f" Loss: {', '.join(losses)}"
    yield f" Optimizer: {options.optimizer}, learning rate {options.learning_rate:g}{momentum}"
    yield f" Samples: {result.training_samples:,} in batches of {options.batch_size:,}{validation}"
    yield f" Epochs: {report.epochs:,}, {result.updates:,} updates{best}"


def _metrics(report: FitReport) -> dict[str, list[str]]:
    """Return the columns of the table: some epochs at equal distances, the first and the last among them."""
    count = min(MAX_EPOCHS, report.epochs)
    indices = [round((report.epochs - 1) * number / max(count - 1, 1)) for number in range(count)]
    columns = {"Epoch": [f"{index + 1:,}" for index in indices]}
    for name, values in report.result.history.items():
        columns[name] = [_metric_text(values[index], name) for index in indices]
    return columns


def _metric_text(value: float, name: str) -> str:
    if name.endswith("accuracy"):
        return f"{value:.1%}"
    return f"< {SMALLEST:.{DECIMALS}f}" if 0 < value < SMALLEST else f"{value:,.{DECIMALS}f}"


def _compared_filters(comparison: FilterComparison, kernels: Kernels) -> Iterator[RenderableType]:
    """Yield each filter beside the hand-made one, with the largest error of its cells."""
    errors = comparison.largest_errors(kernels)
    for name, (title, values) in zip(kernels.names, _filters(kernels), strict=True):
        hand_made = slices_2d(comparison.name, comparison.values)
        for left, right in zip(slices_2d(title, values), hand_made, strict=True):
            yield SideBySide((NumberGrid(*left), NumberGrid(*right)), ("≈",))
        yield Text(f" Largest error: {_metric_text(errors[name], 'error')}")


def _filters(kernels: Kernels) -> list[tuple[str, Array]]:
    """Return each filter with a title, in which its bias stands; one that sees several channels once for each."""
    channels = kernels.kernel.shape[-2]
    filters = []
    for index, name in enumerate(kernels.names):
        bias = "" if kernels.bias is None else f", bias {format_value(_rounded(kernels.bias[index]))}"
        for channel in range(channels):
            channel_text = f", input channel {channel}" if channels > 1 else ""
            filters.append((f"{name}{bias}{channel_text}", _rounded(kernels.kernel[..., channel, index])))
    return filters


def _rounded(values: Array | float) -> Array:
    return np.round(np.asarray(values, np.float64), DECIMALS) + 0.0  # adding 0 turns -0 into 0
