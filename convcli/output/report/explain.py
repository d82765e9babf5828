"""The answer of `explain`: the working behind values of one map, as data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import singledispatch
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np

from convcli.core.errors import ConvcliError, located
from convcli.core.records import Record
from convcli.core.shapes import known
from convcli.engine.explain.stages import (
    ActivationStage,
    CopyStage,
    DotProductStage,
    MergeStage,
    NormalizeStage,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.io import arrays
from convcli.model.plan import PlannedLayer
from convcli.output.report import Report

if TYPE_CHECKING:
    from convcli.engine.explain import Explainer

# What every explanation has, null where a layer has no such thing.
KEYS = ("patch", "kernel", "products", "inside", "cells", "channels", "channel_sums", "sum", "bias")


class Explanation(Record):
    """The stages that make one value: that of map `map` at a place in space, of a sample."""

    layer: PlannedLayer
    sample: int
    map: int
    map_name: str
    at: tuple[int, ...]
    stages: tuple[Stage, ...]

    @property
    def value(self) -> Any:
        """The value itself."""
        return self.stages[-1].value

    def mapping(self) -> dict[str, Any]:
        """What JSON shows of it."""
        found: dict[str, Any] = {
            "layer": self.layer.name,
            "type": type(self.layer.node.layer).__name__,
            "inputs": list(self.layer.input_names),
            "sample": self.sample,
            "map": self.map,
            "map_name": self.map_name,
            "at": list(self.at),
            **dict.fromkeys(KEYS),
        }
        for stage in self.stages:  # what the first of them has said stands
            found |= {key: value for key, value in parts(stage).items() if found.get(key) is None}
        before = self.stages[-1]
        plain = before.input if isinstance(before, ActivationStage) else before.value
        name = before.function if isinstance(before, ActivationStage) else None
        return {**found, "pre_activation": _plain(plain), "activation": name, "value": _plain(self.value)}


class Explained(Record):
    """A layer whose values can be explained, on one sample; `names` are those of its maps."""

    layer: PlannedLayer
    sample: int
    names: tuple[str, ...]
    explainer: Explainer

    @property
    def space(self) -> tuple[int, ...]:
        """The extents of a map."""
        return tuple(map(known, self.layer.output_shape[:-1]))

    @property
    def span(self) -> str:
        """The first and the last place of a map, `0,0 to 5,5`."""
        return span(self.space)

    def checked(self, at: Sequence[int]) -> tuple[int, ...]:
        """A place of a map. Raises `ConvcliError` where it is none."""
        return checked_place(self.layer, at)

    def at(self, place: tuple[int, ...], map_: int) -> Explanation:
        """The working behind the value at a place of a map."""
        stages = self.explainer.stages((*place, map_))
        return Explanation(self.layer, self.sample, map_, self.names[map_], place, stages)


def span(space: Sequence[int]) -> str:
    """The first and the last place of a map with these extents, `0,0 to 5,5`."""
    return f"{','.join('0' for _ in space)} to {','.join(str(extent - 1) for extent in space)}"


def checked_place(layer: PlannedLayer, at: Sequence[int]) -> tuple[int, ...]:
    """A place in the maps of a layer. Raises `ConvcliError` where it is none."""
    space, shown = tuple(map(known, layer.output_shape[:-1])), ",".join(map(str, at)) or "nothing"
    count = "1 axis" if len(space) == 1 else f"{len(space) or 'no'} axes"
    remedy = span(space) if space else "without --at"
    with located("at"):
        if len(at) != len(space):
            raise ConvcliError(f"{shown}: {layer.name} has {count} in space", remedy)
        if not all(type(each) is int and 0 <= each < extent for each, extent in zip(at, space, strict=True)):
            raise ConvcliError(f"{shown} is outside {layer.name}", remedy)
    return tuple(at)


def check_sample(sample: Any, batch: int) -> None:
    """Raise `ConvcliError` unless the batch has such a sample."""
    if type(sample) is not int or not 0 <= sample < batch:
        with located("sample"):
            raise ConvcliError(f"there is no {sample!r}", f"0 to {batch - 1}" if batch > 1 else "0, the only one")


class ExplainReport(Report):
    """The explanations of the values of one map at `places`: of one, or on a walk of one after the other.

    `shown` is how many of them a table shows, None for all; `watch` is told how far it is with them.
    """

    kind = "explain"

    explained: Explained
    map: int
    places: tuple[tuple[int, ...], ...]
    walk: bool = False
    shown: int | None = None
    watch: Callable[[str, float], object] | None = None

    @property
    def explanations(self) -> Iterator[Explanation]:
        """One after the other, each made when it is its turn."""
        for number, place in enumerate(self.places):
            if self.watch is not None:
                self.watch(self.explained.layer.name, number / len(self.places))
            yield self.explained.at(place, self.map)

    def mapping(self) -> Any:
        found = [each.mapping() for each in self.explanations]
        return found if self.walk else found[0]

    def rows(self) -> list[dict[str, Any]]:
        found = (each.mapping() for each in self.explanations)
        return [{**{key: each[key] for key in COLUMNS}, "at": ",".join(map(str, each["at"]))} for each in found]


COLUMNS = ("layer", "sample", "map", "map_name", "at", "sum", "bias", "pre_activation", "activation", "value")


def walk(
    explained: Explained,
    map_: int,
    limit: int | None,
    shown: int | None,
    watch: Callable[[str, float], object] | None = None,
) -> ExplainReport:
    """From position to position: left to right, then top to bottom."""
    places = tuple(islice(product(*map(range, explained.space)), limit and min(limit, sys.maxsize)))
    return ExplainReport(explained, map_, places, walk=True, shown=shown if limit is None else None, watch=watch)


def _plain(value: Any) -> Any:
    return arrays.plain(np.asarray(value))


@singledispatch
def parts(stage: Stage) -> Mapping[str, Any]:
    """What JSON shows of one stage, besides its value."""
    raise NotImplementedError(type(stage).__name__)


@parts.register
def _(stage: DotProductStage) -> Mapping[str, Any]:
    own = {
        "kernel": _plain(stage.kernel),
        "products": _plain(stage.products),
        "channels": list(stage.channels),
        "channel_sums": _plain(stage.channel_sums),
    }
    if stage.name == "pointwise_kernel":  # beside the depthwise one, as in `shape`
        beside = {f"pointwise_{key}": own[key] for key in ("kernel", "products")}
        return {**beside, **_total(stage)}
    found = {"patch": _plain(stage.patch.values), **own, **_where(stage)}
    return found if stage.per_channel else {**found, **_total(stage)}


def _total(stage: DotProductStage) -> dict[str, Any]:
    return {"sum": _plain(stage.sum), "bias": None if stage.bias is None else _plain(stage.bias)}


def _where(stage: DotProductStage | PoolStage) -> dict[str, Any]:
    """Which cells of a patch are input, and where they are."""
    return {"inside": stage.patch.inside.tolist(), "cells": _places(stage.patch.cells)}


def _places(cells: Any) -> Any:
    """Nested lists of places, null where there is none."""
    if cells is None:
        return None
    if cells.ndim > 1:
        return [_places(each) for each in cells]
    return None if (cells < 0).any() else cells.tolist()


@parts.register
def _(stage: PoolStage) -> Mapping[str, Any]:
    found = {"patch": _plain(stage.patch.values[..., None]), **_where(stage)}
    if stage.winner is None:
        total = stage.patch.values[stage.patch.inside].sum()
        return {**found, "sum": _plain(total), "count": stage.count}
    assert stage.patch.cells is not None
    return {**found, "winner": list(stage.winner), "winner_cell": stage.patch.cells[stage.winner].tolist()}


@parts.register
def _(stage: ScaleStage) -> Mapping[str, Any]:
    return {"input": _plain(stage.input), **{name: _plain(number) for name, number in stage.parameters.items()}}


@parts.register
def _(stage: NormalizeStage) -> Mapping[str, Any]:
    numbers = {name: _plain(getattr(stage, name)) for name in ("mean", "variance", "epsilon")}
    return {"input": _plain(stage.input), **numbers, "count": stage.count}


@parts.register
def _(stage: ActivationStage) -> Mapping[str, Any]:
    among = {} if stage.axis_values is None else {"among": _plain(stage.axis_values)}
    given = {name: value for name, value in stage.parameters.items() if value is not None}
    return {**among, **({"parameters": {name: _plain(value) for name, value in given.items()}} if given else {})}


@parts.register
def _(stage: MergeStage) -> Mapping[str, Any]:
    return {
        "operands": [{"name": name, "value": _plain(value)} for name, value in stage.operands],
        **({"coefficients": list(stage.coefficients)} if stage.coefficients else {}),
    }


@parts.register
def _(stage: CopyStage) -> Mapping[str, Any]:
    return {"operand": stage.operand, "cell": None if stage.cell is None else list(stage.cell)}
