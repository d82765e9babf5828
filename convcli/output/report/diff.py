"""The answer of `diff`: two models side by side, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from convcli.core.records import Record
from convcli.output.report import Report

TOTALS = ("name", "input_shape", "output_shape", "params", "trainable_params", "macs")
LAYER = (
    *("name", "type", "output_shape", "kernel_shape", "params", "trainable_params", "macs"),
    *("receptive_field", "jump"),
)
UNCOUNTED = ("name",)  # models and layers of other names may be the same
RATIOS = ("params", "trainable_params", "macs")

Row = Mapping[str, Any]


class Pair(Record):
    """A layer of either model beside the one of the other that it stands for, None where there is no such."""

    a: dict[str, Any] | None
    b: dict[str, Any] | None

    @property
    def differs(self) -> list[str]:
        """The figures that are not the same; all, for a layer that the other model has not."""
        if self.a is None or self.b is None:
            return [key for key in LAYER if key not in UNCOUNTED]
        return [key for key in LAYER if key not in UNCOUNTED and self.a[key] != self.b[key]]


class DiffReport(Report):
    """Two models: their totals, and their layers in pairs."""

    kind = "diff"

    a: dict[str, Any]
    b: dict[str, Any]
    pairs: tuple[Pair, ...]

    @property
    def ratio(self) -> dict[str, float | None]:
        """The totals of b, as multiples of those of a; None where either is unknown or that of a is 0."""
        return {key: self.b[key] / self.a[key] if self.a[key] and self.b[key] is not None else None for key in RATIOS}

    def mapping(self) -> Any:
        layers = [{"a": pair.a, "b": pair.b, "differs": pair.differs} for pair in self.pairs]
        return {"a": self.a, "b": self.b, "ratio": self.ratio, "layers": layers}

    def rows(self) -> list[dict[str, Any]]:
        return [
            {f"{key}_{side}": (row or {}).get(key) for key in LAYER for side, row in (("a", pair.a), ("b", pair.b))}
            | {"differs": pair.differs}
            for pair in self.pairs
        ]


def compare(a: Row, b: Row) -> DiffReport:
    """Two summaries side by side; exit code 1 where any figure differs."""
    pairs = tuple(_pairs([_part(row, LAYER) for row in a["layers"]], [_part(row, LAYER) for row in b["layers"]]))
    one, other = _part(a, TOTALS), _part(b, TOTALS)
    same = all(one[key] == other[key] for key in TOTALS if key not in UNCOUNTED)
    differs = not same or any(pair.differs for pair in pairs)
    return DiffReport(one, other, pairs, exit_code=1 if differs else 0)


def _part(values: Row, keys: Sequence[str]) -> dict[str, Any]:
    return {key: values[key] for key in keys}


def _pairs(a: list[dict[str, Any]], b: list[dict[str, Any]], keys: Sequence[str] = ("type", "name")) -> Iterator[Pair]:
    """Layers of the same type and name are pairs; between them layers of the same type; the rest stand alone."""
    if not a or not b or not keys:
        yield from (Pair(row, None) for row in a)
        yield from (Pair(None, row) for row in b)
        return
    one, other = ([tuple(row[key] for key in keys) for row in rows] for rows in (a, b))
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    here, there = 0, 0
    for block in matcher.get_matching_blocks():  # the last is empty, at the end of both
        yield from _pairs(a[here : block.a], b[there : block.b], keys[:-1])
        yield from map(Pair, a[block.a : block.a + block.size], b[block.b : block.b + block.size])
        here, there = block.a + block.size, block.b + block.size
