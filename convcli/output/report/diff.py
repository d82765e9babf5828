"""The answer of `diff`: two models side by side, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from convcli.core.records import Record
from convcli.output.report import Report
from convcli.output.report.shape import lacks_a_share

TOTALS = ("name", "input_shape", "output_shape", "params", "trainable_params", "macs")
LAYER = (
    *("name", "type", "output_shape", "kernel_shape", "params", "trainable_params", "macs"),
    *("receptive_field", "jump"),
)
IGNORED = ("name",)  # models and layers may differ in their names
INCOMPLETE = ("complete", "known")  # there where a model has layers that are not known
RATIOS = ("params", "trainable_params", "macs")

Summary = Mapping[str, Any]


class LayerPair(Record):
    """Two layers, one of each model, that correspond; None where a layer corresponds to none of the other model."""

    a: dict[str, Any] | None
    b: dict[str, Any] | None

    @property
    def differs(self) -> list[str]:
        """The keys whose values differ: all of them where there is only one layer."""
        if self.a is None or self.b is None:
            return [key for key in LAYER if key not in IGNORED]
        return [key for key in LAYER if key not in IGNORED and self.a[key] != self.b[key]]


class DiffReport(Report):
    """Two models: their totals, and their layers in pairs."""

    kind = "diff"

    a: dict[str, Any]
    b: dict[str, Any]
    pairs: tuple[LayerPair, ...]
    lacking: tuple[str, ...] = ()  # the totals that are only of what is known, in either model

    @property
    def ratio(self) -> dict[str, float | None]:
        """Each total of b divided by that of a; None where either is not known in full, or that of a is 0."""
        known = [key for key in RATIOS if key not in self.lacking and self.b[key] is not None]
        return {key: self.b[key] / self.a[key] if key in known and self.a[key] else None for key in RATIOS}

    def mapping(self) -> Any:
        layers = [{"a": pair.a, "b": pair.b, "differs": pair.differs} for pair in self.pairs]
        return {"a": self.a, "b": self.b, "ratio": self.ratio, "layers": layers}

    def rows(self) -> list[dict[str, Any]]:
        return [
            {f"{key}_{side}": (own or {}).get(key) for key in LAYER for side, own in (("a", pair.a), ("b", pair.b))}
            | {"differs": pair.differs}
            for pair in self.pairs
        ]


def compare(a: Summary, b: Summary) -> DiffReport:
    """Compare two summaries; the exit code is 1 where any value differs."""
    layers_a, layers_b = ([_values(layer, LAYER) for layer in summary["layers"]] for summary in (a, b))
    pairs = tuple(_pairs(layers_a, layers_b))
    totals_a, totals_b = _values(a, TOTALS), _values(b, TOTALS)
    same = all(totals_a[key] == totals_b[key] for key in TOTALS if key not in IGNORED)
    differs = not same or any(pair.differs for pair in pairs)
    lacking = tuple(key for key in RATIOS if lacks_a_share(a, key) or lacks_a_share(b, key))
    unknown = [layer["name"] for summary in (a, b) for layer in summary["layers"] if not layer.get("known", True)]
    note = (f"Not compared, because it is not known: what {', '.join(dict.fromkeys(unknown))} computes",)
    return DiffReport(
        totals_a, totals_b, pairs, lacking, exit_code=1 if differs else 0, complaints=note if unknown else ()
    )


def _values(summary: Summary, keys: Sequence[str]) -> dict[str, Any]:
    return {key: summary[key] for key in (*keys, *INCOMPLETE) if key in summary}


def _pairs(
    a: list[dict[str, Any]], b: list[dict[str, Any]], keys: Sequence[str] = ("type", "name")
) -> Iterator[LayerPair]:
    """Yield the layers of both models in order, those that correspond as pairs.

    Layers of the same type and name correspond; between two such pairs, layers of the same type.
    """
    if not a or not b or not keys:
        yield from (LayerPair(layer, None) for layer in a)
        yield from (LayerPair(None, layer) for layer in b)
        return
    keys_a, keys_b = ([tuple(layer[key] for key in keys) for layer in layers] for layers in (a, b))
    matcher = SequenceMatcher(None, keys_a, keys_b, autojunk=False)
    start_a, start_b = 0, 0
    for block in matcher.get_matching_blocks():  # the last block is empty and ends both
        stop_a, stop_b = block.a + block.size, block.b + block.size
        yield from _pairs(a[start_a : block.a], b[start_b : block.b], keys[:-1])
        yield from map(LayerPair, a[block.a : stop_a], b[block.b : stop_b])
        start_a, start_b = stop_a, stop_b
