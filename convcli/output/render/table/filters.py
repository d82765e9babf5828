"""The filters of the bank: a list of all, or grids of some."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from convcli.core.lazy_imports import np
from convcli.model.filter_bank import Filter, value_sum
from convcli.output.render.number_format import format_per_axis, format_value
from convcli.output.render.table.fitted_table import FittedTable
from convcli.output.render.table.number_grids import number_grids
from convcli.output.report.filters import FiltersReport


def renderables(report: FiltersReport) -> Iterator[RenderableType]:
    """Yield the list, or each filter with its values and what is known of it."""
    if report.listed:
        yield FittedTable(_columns(report.filters), optional=("Group", "Size"), prose="What it does")
        return
    for filter_ in report.filters:
        yield from number_grids([(filter_.name, np.array(filter_.values))])
        yield Text(f" Size: {format_per_axis(filter_.shape, '?')}")
        yield Text(f" What it does: {filter_.recipe.does}")
        if filter_.arguments:
            yield Text(f" Parameters: {filter_.parameters}")
        yield Text(f" Sum: {format_value(value_sum(filter_.values))}")
        yield Text(f" Source: {filter_.recipe.source}")


def _columns(filters: tuple[Filter, ...]) -> dict[str, list[str]]:
    groups = [filter_.group for filter_ in filters]
    return {
        # A group is named only where it begins.
        "Group": [group if group != previous else "" for group, previous in zip(groups, ["", *groups], strict=False)],
        "Filter": [filter_.name for filter_ in filters],
        "Size": [format_per_axis(filter_.shape, "?") for filter_ in filters],
        "What it does": [
            filter_.recipe.does + (f" ({filter_.parameters})" if filter_.arguments else "") for filter_ in filters
        ],
    }
