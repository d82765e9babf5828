"""What was learned from, how the losses went, and the filters that came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from convcli.core.errors import one_line
from convcli.core.lazy_imports import Array, np
from convcli.output.render.number_format import format_value
from convcli.output.render.slices import slices_2d
from convcli.output.render.table.layer_table import column_table, model_title
from convcli.output.render.table.number_grids import NumberGrid, SideBySide, number_grids
from convcli.output.report.apply import Kernels
from convcli.output.report.fit import FitReport
from convcli.output.report.shape import summary

MOST_EPOCHS = 12
DIGITS = 4
LEAST = 10.0**-DIGITS


def renderables(report: FitReport) -> Iterator[RenderableType]:
    figures = summary(report.plan, report.plan.model.data_format)
    yield model_title(figures)
    yield from map(Text, _setting(report))
    if report.epochs:
        yield column_table(_losses(report), numbers=True)
    if report.epochs > MOST_EPOCHS:
        yield Text(f" {MOST_EPOCHS} of {report.epochs:,} epochs; -f csv or json gives all", "dim")
    yield Text(f" Trained: {report.trainable_params:,} of {figures['params']:,} params, in {one_line(report.output)}")
    for kernels in report.shown:
        yield from _filters(report, kernels)


def _setting(report: FitReport) -> Iterator[str]:
    options = report.options
    named = [name if len(report.losses) == 1 else f"{output} {name}" for output, name in report.losses.items()]
    momentum = f", momentum {options['momentum']:g}" if options["momentum"] else ""
    yield f" Loss: {', '.join(named)}"
    yield f" Optimizer: {options['optimizer']}, learning rate {options['learning_rate']:g}{momentum}"
    learned, kept = report.samples
    validated = f", {kept:,} more for validation" if kept else ""
    yield f" Samples: {learned:,} in batches of {options['batch_size']:,}{validated}"
    best = f"; the weights are those of epoch {report.best_epoch}" if report.best_epoch and options["patience"] else ""
    yield f" Epochs: {report.epochs:,}, {report.updates:,} updates{best}"


def _losses(report: FitReport) -> dict[str, list[str]]:
    """Some epochs, evenly apart, the first and the last among them."""
    last = report.epochs - 1
    count = min(MOST_EPOCHS, report.epochs)
    places = [round(last * place / max(count - 1, 1)) for place in range(count)]
    columns = {"Epoch": [f"{place + 1:,}" for place in places]}
    for name, each in report.history.items():
        columns[name] = [_figure(each[place], name) for place in places]
    return columns


def _figure(value: float, name: str) -> str:
    if name.endswith("accuracy"):
        return f"{value:.1%}"
    return f"< {LEAST:.4f}" if 0 < value < LEAST else f"{value:,.{DIGITS}f}"


def _filters(report: FitReport, kernels: Kernels) -> Iterator[RenderableType]:
    yield Text(f"\n{kernels.layer}: learned filters, to {DIGITS} decimals", "bold")
    compared = report.compared
    if compared is None or compared.layer != kernels.layer:
        yield from number_grids(_named(kernels))
        return
    errors = compared.errors(kernels)
    for place, (text, values) in enumerate(_named(kernels)):
        for left, right in zip(slices_2d(text, values), slices_2d(compared.name, compared.values), strict=True):
            yield SideBySide((NumberGrid(*left), NumberGrid(*right)), ("≈",))
        yield Text(f" Largest error: {_figure(errors[kernels.names[place]], 'error')}")


def _named(kernels: Kernels) -> Sequence[tuple[str, Array]]:
    """Each filter with its bias; one that sees several channels as a grid for each."""
    named = []
    for place, name in enumerate(kernels.names):
        bias = "" if kernels.bias is None else f", bias {format_value(_rounded(kernels.bias[place]))}"
        for channel in range(kernels.kernel.shape[-2]):
            several = f", input channel {channel}" if kernels.kernel.shape[-2] > 1 else ""
            named.append((f"{name}{bias}{several}", _rounded(kernels.kernel[..., channel, place])))
    return named


def _rounded(values: Array | float) -> Array:
    return np.round(np.asarray(values, np.float64), DIGITS) + 0.0  # no negative zeros
