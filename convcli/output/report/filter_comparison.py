"""Learned filters: which of them are shown, and how far they are from a hand-made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import Record
from convcli.core.shapes import Shape, format_extents, product, quotient
from convcli.model.plan import Plan
from convcli.model.steps import Correlate
from convcli.output.report.apply import Kernels, kernel_title, kernels_of

MAX_FILTERS, MAX_CHANNELS, MAX_SIZE = 8, 4, 7  # of the filters that a table shows


class FilterComparison(Record):
    """A hand-made filter, and the layer whose filters it is compared with: they have its size and see one channel.

    `values`, `(*k)`, are the filter as it meets the input, like the learned filters that are shown.
    """

    name: str
    layer: str
    values: Array

    def largest_errors(self, kernels: Kernels) -> dict[str, float]:
        """Return, for each learned filter by name, the largest difference of a cell from the hand-made filter's."""
        differences = np.abs(kernels.kernel[..., 0, :] - self.values[..., None])
        largest = differences.reshape(-1, differences.shape[-1]).max(axis=0)
        return dict(zip(kernels.names, map(float, largest), strict=True))


def compare_filter(plan: Plan, frozen: Sequence[str], name: str, values: Array) -> FilterComparison:
    """Return the comparison of a hand-made filter with the first layer that learns filters of its size.

    Raises `ConvcliError` where no layer does.
    """
    for title, step in _learned_filters(plan, frozen).items():
        if _filter_shape(step) == (*values.shape, 1):
            reversed_ = step.flip != step.transposed
            return FilterComparison(name, title, np.flip(values) if reversed_ else values)
    raise ConvcliError(
        f"{name} is {format_extents(values.shape)}: no layer learns filters of that size that see one channel"
    )


def kernels_to_show(
    plan: Plan, weights: Mapping[str, Mapping[str, Array]], frozen: Sequence[str], compared: str | None
) -> tuple[Kernels, ...]:
    """Return the learned filters of the layers where they are few and small, and those of the layer `compared`."""
    learned = _learned_filters(plan, frozen)
    return tuple(
        kernels
        for kernels in kernels_of(plan, weights)
        if kernels.layer == compared or (kernels.layer in learned and _is_small(kernels.kernel.shape))
    )


def _learned_filters(plan: Plan, frozen: Sequence[str]) -> dict[str, Correlate]:
    """Return the steps whose filters are learned, by the filters' title."""
    return {
        kernel_title(layer, step): step
        for layer in plan.layers
        if layer.trainable_params and layer.node.owner not in frozen
        for step in layer.steps
        if isinstance(step, Correlate)
    }


def _is_small(kernel_shape: tuple[int, ...]) -> bool:
    *sizes, channels, filters = kernel_shape
    return bool(sizes) and max(sizes) <= MAX_SIZE and channels <= MAX_CHANNELS and filters <= MAX_FILTERS


def _filter_shape(step: Correlate) -> Shape:
    """Return the size of each filter, and the number of channels that it sees."""
    sizes = tuple(window.size for window in step.windows)
    return (*sizes, quotient(step.kernel.size, product((*sizes, step.filters))))
