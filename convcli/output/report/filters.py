"""The answer of `filters`: the bank, or some of its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.model.filter_bank import Filter
from convcli.output.report import Grid, Report


class FiltersReport(Report):
    """Filters of the bank: all of them as a list, or those that were asked for with their values."""

    kind = "filters"

    filters: tuple[Filter, ...]
    listed: bool

    def mapping(self) -> dict[str, Any]:
        return {each.name: each.values for each in self.filters}

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "name": each.name,
                "group": each.group,
                "size": list(each.shape),
                "parameters": each.parameters,
                "does": each.recipe.does,
                "source": each.recipe.source,
            }
            for each in self.filters
        ]

    def arrays(self) -> dict[str, Array]:
        return {each.name: np.array(each.values, float) for each in self.filters}

    def grids(self) -> Iterator[Grid] | None:
        return None if self.listed else (grid for each in self.filters for grid in _grids(each))

    def check_alone(self, form: str) -> None:
        if form == "npy" and len(self.filters) != 1:
            raise ConvcliError(f"{form} holds one filter", "one NAME, or -o X.npz for all")


def _grids(filter_: Filter) -> list[Grid]:
    """The rows of a filter; of each slice, in 3-D."""
    return {1: [[filter_.values]], 2: [filter_.values], 3: filter_.values}[len(filter_.shape)]
