"""What the commands answer, as data: a module for each kind of answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import Record

Grid = list[list[float]]


class Report(Record, kw_only=True):
    """What a command answers: the mapping that JSON shows, and how it ends.

    `exit_code` is that of a whole answer; `complaints` are said on standard error. `text`, if there is any, is printed
    in place of all else.
    """

    kind: ClassVar[str]  # which of the tables shows it

    exit_code: int = 0
    complaints: tuple[str, ...] = ()
    text: str | None = None

    def mapping(self) -> dict[str, Any]:
        """What JSON and YAML show."""
        raise NotImplementedError

    def arrays(self) -> dict[str, Array]:
        """What NPY and NPZ hold, by name. Raises `ConvcliError` where there is none."""
        raise ConvcliError("there is no array in this answer", "-f table, json, yaml or csv")

    def check_alone(self, form: str) -> None:
        """Raise `ConvcliError` where the answer is more than the one array that such a format holds."""

    def grids(self) -> Iterator[Grid] | None:
        """What CSV shows where that is numbers, grid by grid; None where it is `rows`."""
        return None

    def rows(self) -> list[dict[str, Any]]:
        """What CSV shows, a line each."""
        rows: list[dict[str, Any]] = self.mapping()["layers"]
        return rows
