"""The answer of `filters`: the bank, or some of its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.model.filter_bank import Filter
from convcli.output.report import Grid, Report


class FiltersReport(Report):
    """Filters of the bank: a list of all of them, or the requested ones with their values."""

    kind = "filters"

    filters: tuple[Filter, ...]
    listed: bool

    def mapping(self) -> dict[str, Any]:
        return {filter_.name: filter_.values for filter_ in self.filters}

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "name": filter_.name,
                "group": filter_.group,
                "size": list(filter_.shape),
                "parameters": filter_.parameters,
                "does": filter_.recipe.does,
                "source": filter_.recipe.source,
            }
            for filter_ in self.filters
        ]

    def arrays(self) -> dict[str, Array]:
        return {filter_.name: np.array(filter_.values, float) for filter_ in self.filters}

    def grids(self) -> Iterator[Grid] | None:
        return None if self.listed else (grid for filter_ in self.filters for grid in _grids(filter_))

    def check_alone(self, format_name: str) -> None:
        if format_name == "npy" and len(self.filters) != 1:
            raise ConvcliError(f"{format_name} holds one filter", "one NAME, or -o X.npz for all")


def _grids(filter_: Filter) -> list[Grid]:
    """Return the rows of a filter, or of each slice of a 3-D one."""
    return {1: [[filter_.values]], 2: [filter_.values], 3: filter_.values}[len(filter_.shape)]
