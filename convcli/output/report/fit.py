"""The answer of `fit`: the figures of each epoch, and the filters that were learned, beside a hand-made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record, field
from convcli.core.shapes import Shape, format_extents, known, product, quotient
from convcli.io import nested_lists
from convcli.model.plan import Plan
from convcli.model.steps import Correlate
from convcli.output.report import Report
from convcli.output.report.apply import Kernels, kernel_title, kernels_of
from convcli.output.report.shape import summary

FEW_FILTERS, FEW_CHANNELS, SMALL = 8, 4, 7  # what is shown of a layer's filters: no more, and none that is larger


class FilterComparison(Record):
    """A hand-made filter, and the layer whose filters are of its size and see one channel."""

    name: str
    layer: str
    values: Array

    def errors(self, kernels: Kernels) -> dict[str, float]:
        """For each learned filter, how far the cell that is farthest off is from the hand-made one."""
        away = np.abs(kernels.kernel[..., 0, :] - self.values[..., None])
        largest = away.reshape(-1, away.shape[-1]).max(axis=0)
        return dict(zip(kernels.names, map(float, largest), strict=True))


class FitReport(Report):
    """What training came to. `losses` are by output, `samples` those learned from and those kept for validation.

    `shown` are the learned filters that are small and few, as they meet their input; `output` is the file of weights.
    """

    kind = "fit"

    plan: Plan
    ending: str
    history: Mapping[str, Sequence[float]]
    losses: Mapping[str, str]
    options: Mapping[str, Any]
    samples: tuple[int, int]
    updates: int
    best_epoch: int | None
    shown: tuple[Kernels, ...]
    output: str
    compared: FilterComparison | None = field(default=None)

    @property
    def epochs(self) -> int:
        """How many whole epochs there were."""
        return len(self.history.get("loss", ()))

    def mapping(self) -> dict[str, Any]:
        figures = summary(self.plan, self.plan.model.data_format)
        loss = next(iter(self.losses.values())) if len(self.losses) == 1 else dict(self.losses)
        found = {
            **{name: figures[name] for name in ("name", "data_format", "input_shape", "output_shape", "params")},
            "trainable_params": self.trainable_params,
            "loss": loss,
            **{name: self.options[name] for name in OPTIONS},
            "samples": self.samples[0],
            "validation_samples": self.samples[1],
            "updates": self.updates,
            "ended": self.ending,
            "best_epoch": self.best_epoch,
            "history": {name: nested_lists.spell_nonfinite(list(each)) for name, each in self.history.items()},
            "weights": self.output,
        }
        if self.compared is not None:
            found["compared"] = {
                "filter": self.compared.name,
                "layer": self.compared.layer,
                "largest_error": self.compared.errors(self.kernels(self.compared.layer)),
            }
        return found

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "epoch": place + 1,
                **{name: nested_lists.spell_nonfinite(each[place]) for name, each in self.history.items()},
            }
            for place in range(self.epochs)
        ]

    @property
    def trainable_params(self) -> int:
        """How many parameters were learned."""
        frozen = self.options["freeze"] or ()
        return sum(known(layer.trainable_params) for layer in self.plan.layers if layer.node.owner not in frozen)

    def kernels(self, layer: str) -> Kernels:
        """The learned filters of that layer."""
        return next(each for each in self.shown if each.layer == layer)


OPTIONS = (
    *("optimizer", "learning_rate", "momentum", "epochs", "batch_size", "seed"),
    *("validation_split", "freeze", "patience", "dtype"),
)


def small_kernels(
    plan: Plan, weights: Mapping[str, Mapping[str, Array]], frozen: Sequence[str], also: str | None
) -> tuple[Kernels, ...]:
    """The filters that were learned, of layers where they are few and small, and of the layer in `also`."""
    learned = _learned(plan, frozen)
    return tuple(
        each
        for each in kernels_of(plan, weights)
        if each.layer == also or (each.layer in learned and _is_small(each.kernel.shape))
    )


def _learned(plan: Plan, frozen: Sequence[str]) -> dict[str, Correlate]:
    """The steps whose filters are learned, by what these are called."""
    return {
        kernel_title(layer, step): step
        for layer in plan.layers
        if layer.trainable_params and layer.node.owner not in frozen
        for step in layer.steps
        if isinstance(step, Correlate)
    }


def _is_small(shape: tuple[int, ...]) -> bool:
    *sizes, channels, filters = shape
    return bool(sizes) and max(sizes) <= SMALL and channels <= FEW_CHANNELS and filters <= FEW_FILTERS


def compared(plan: Plan, frozen: Sequence[str], name: str, values: Array) -> FilterComparison:
    """A hand-made filter with the layer to compare it with. Raises `ConvcliError` where none learns any of its size."""
    for title, step in _learned(plan, frozen).items():
        if _sizes(step) == (*values.shape, 1):
            turned = step.flip != step.transposed  # as it meets the input, like the filters that are shown
            return FilterComparison(name, title, np.flip(values) if turned else values)
    raise ConvcliError(
        f"{name} is {format_extents(values.shape)}: no layer learns filters of that size that see one channel"
    )


def _sizes(step: Correlate) -> Shape:
    """The size of each filter and the channels it sees."""
    sizes = tuple(window.size for window in step.windows)
    return (*sizes, quotient(step.kernel.size, product((*sizes, step.filters))))
