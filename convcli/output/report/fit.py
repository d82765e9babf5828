"""The answer of `fit`: the metrics of each epoch, and the filters that were learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcli.core.records import field
from convcli.core.shapes import known
from convcli.io.nested_lists import spell_nonfinite
from convcli.output.report import Report
from convcli.output.report.apply import Kernels
from convcli.output.report.filter_comparison import FilterComparison, kernels_to_show
from convcli.output.report.shape import summary

if TYPE_CHECKING:
    from convcli.learning.training import TrainingResult

# The options that JSON shows, in this order.
OPTIONS = (
    *("optimizer", "learning_rate", "momentum", "epochs", "batch_size", "seed"),
    *("validation_split", "freeze", "patience", "dtype"),
)


class FitReport(Report):
    """The answer of `fit`: the result of a training, and the file that holds its weights.

    `kernels` are the learned filters that a table shows, those that are `compared` with a hand-made filter among them.
    """

    kind = "fit"

    result: TrainingResult
    weights_file: str
    kernels: tuple[Kernels, ...]
    comparison: FilterComparison | None = field(default=None)

    @property
    def epochs(self) -> int:
        """The number of complete epochs."""
        return len(self.result.history.get("loss", ()))

    @property
    def trainable_params(self) -> int:
        """The number of parameters that were learned."""
        frozen = self.result.options.freeze or ()
        return sum(known(layer.trainable_params) for layer in self.result.plan.layers if layer.node.owner not in frozen)

    def mapping(self) -> dict[str, Any]:
        result = self.result
        figures = summary(result.plan, result.plan.model.data_format)
        mapping = {
            **{name: figures[name] for name in ("name", "data_format", "input_shape", "output_shape", "params")},
            "trainable_params": self.trainable_params,
            "loss": next(iter(result.losses.values())) if len(result.losses) == 1 else dict(result.losses),
            **{name: result.options.__dict__[name] for name in OPTIONS},
            "samples": result.training_samples,
            "validation_samples": result.validation_samples,
            "updates": result.updates,
            "ended": result.stop_reason,
            "best_epoch": result.best_epoch,
            "history": {name: spell_nonfinite(list(values)) for name, values in result.history.items()},
            "weights": self.weights_file,
        }
        return mapping if self.comparison is None else {**mapping, "compared": self._compared(self.comparison)}

    def _compared(self, comparison: FilterComparison) -> dict[str, Any]:
        learned = next(kernels for kernels in self.kernels if kernels.layer == comparison.layer)
        errors = comparison.largest_errors(learned)
        return {"filter": comparison.name, "layer": comparison.layer, "largest_error": errors}

    def rows(self) -> list[dict[str, Any]]:
        history = self.result.history
        return [
            {"epoch": index + 1, **{name: spell_nonfinite(values[index]) for name, values in history.items()}}
            for index in range(self.epochs)
        ]


def fit_report(
    result: TrainingResult,
    weights_file: str,
    comparison: FilterComparison | None = None,
    exit_code: int = 0,
    complaints: tuple[str, ...] = (),
) -> FitReport:
    """Return the report of a training whose weights are in a file."""
    frozen, compared = result.options.freeze or (), comparison.layer if comparison else None
    return FitReport(
        result=result,
        weights_file=weights_file,
        kernels=kernels_to_show(result.plan, result.weights, frozen, compared),
        comparison=comparison,
        exit_code=exit_code,
        complaints=complaints,
    )
