"""What the commands answer, as data: a module for each kind of answer."""

from __future__ import annotations

from typing import Any, ClassVar

from convcli.records import Record


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

    def rows(self) -> list[dict[str, Any]]:
        """What CSV shows, a line each."""
        rows: list[dict[str, Any]] = self.mapping()["layers"]
        return rows
