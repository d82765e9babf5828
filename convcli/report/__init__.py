"""What the commands answer, as data: a module for each kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from convcli.records import Record

if TYPE_CHECKING:
    from convcli.report.scene import Scene


class Report(Record, kw_only=True):
    """What a command answers: the mapping that JSON shows, and how it ends.

    `exit_code` is that of a whole answer; `complaints` are said on standard error. `text`, if there is any, is printed
    in place of all else. `scene` makes what a page shows, where the answer has feature maps.
    """

    kind: ClassVar[str]  # which of the tables shows it

    exit_code: int = 0
    complaints: tuple[str, ...] = ()
    text: str | None = None
    scene: Callable[[], Scene] | None = None

    def mapping(self) -> dict[str, Any]:
        """What JSON and YAML show."""
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]]:
        """What CSV shows, a line each."""
        rows: list[dict[str, Any]] = self.mapping()["layers"]
        return rows
