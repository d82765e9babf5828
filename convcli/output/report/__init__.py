"""The answers of the commands, as data: one module for each command, one more for each part that is large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import Record

Grid = Array | list[list[float]]  # rows of numbers


class Report(Record, kw_only=True):
    """The answer of a command: pure data, which `output.render` turns into bytes.

    `kind` names the module of `output.render.table` that shows it. `exit_code` is the program's once the answer is
    delivered, and `complaints` are lines for standard error. `text`, where there is any, is printed in place of
    everything else.
    """

    kind: ClassVar[str]

    exit_code: int = 0
    complaints: tuple[str, ...] = ()
    text: str | None = None

    def mapping(self) -> dict[str, Any]:
        """Return what JSON and YAML show."""
        raise NotImplementedError

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that NPY and NPZ hold, by name. Raises `ConvcliError` where the answer has none."""
        raise ConvcliError("there is no array in this answer", "-f table, json, yaml or csv")

    def check_alone(self, format_name: str) -> None:
        """Raise `ConvcliError` where the answer is more than the one array that the format holds."""

    def grids(self) -> Iterator[Grid] | None:
        """Return the grids of numbers that CSV shows; None where it shows `rows`."""
        return None

    def rows(self) -> list[dict[str, Any]]:
        """Return what CSV shows, a mapping for each line."""
        rows: list[dict[str, Any]] = self.mapping()["layers"]
        return rows
