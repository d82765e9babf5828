"""The answer of `filters`: the bank, or some of its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcli.bank import Filter
from convcli.bank.values import Values
from convcli.errors import ConvcliError
from convcli.report import Report


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

    def grids(self) -> Iterator[Values]:
        """The rows of each filter; of each slice, in 3-D."""
        for each in self.filters:
            if len(each.shape) == 1:
                yield [each.values]
            elif len(each.shape) == 2:
                yield each.values
            else:
                yield from each.values

    def output_alone(self, form: str) -> None:
        """Raise `ConvcliError` where the answer is more than the one array that such a format holds."""
        if len(self.filters) != 1:
            raise ConvcliError(f"{form} holds one filter", "one NAME, or -o X.npz for all")
