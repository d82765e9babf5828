"""The bank as a list, or filters as grids."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from convcli.core.lazy_imports import np
from convcli.model.filter_bank import Filter, value_sum
from convcli.output.render.number_text import number_text, per_axis_text
from convcli.output.render.table.layer_table import column_table
from convcli.output.render.table.number_grids import number_grids
from convcli.output.report.filters import FiltersReport


def renderables(report: FiltersReport) -> Iterator[RenderableType]:
    if report.listed:
        yield _list(report.filters)
        return
    for each in report.filters:
        yield from number_grids([(each.name, np.array(each.values))])
        yield Text(f" Size: {per_axis_text(each.shape, '?')}")
        yield Text(f" What it does: {each.recipe.does}")
        if each.arguments:
            yield Text(f" Parameters: {each.parameters}")
        yield Text(f" Sum: {number_text(value_sum(each.values))}")
        yield Text(f" Source: {each.recipe.source}")


def _list(filters: tuple[Filter, ...]) -> Table:
    """A line a filter; a group is named where it begins. Names are never folded."""
    groups = [each.group for each in filters]
    made = column_table(_columns(filters, groups))
    for column in made.columns[:-1]:
        column.no_wrap = True
    made.columns[1].min_width = max(len(each.name) for each in filters)
    return made


def _columns(filters: tuple[Filter, ...], groups: list[str]) -> dict[str, list[str]]:
    return {
        "Group": [group if group != before else "" for group, before in zip(groups, ["", *groups], strict=False)],
        "Filter": [each.name for each in filters],
        "Size": [per_axis_text(each.shape, "?") for each in filters],
        "What it does": [each.recipe.does + (f" ({each.parameters})" if each.arguments else "") for each in filters],
    }
