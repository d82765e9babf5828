"""The answer of `explain`: the working behind values of one map, as data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from convcli.engine.explain.explained_layer import ExplainedLayer, Explanation
from convcli.engine.explain.stages import (
    ActivationStage,
    CopyStage,
    DotProductStage,
    LocalNormalizeStage,
    MergeStage,
    NormalizeStage,
    PoolStage,
    ScaleStage,
    Stage,
)
from convcli.io import nested_lists
from convcli.output.report import Report

# Keys that every explanation has; a value is null where the layer has no such thing.
KEYS = ("patch", "kernel", "products", "inside", "cells", "channels", "channel_sums", "sum", "bias")
COLUMNS = ("layer", "sample", "map", "map_name", "at", "sum", "bias", "pre_activation", "activation", "value")


class ExplainReport(Report):
    """The working of values of one map of a layer: one value, or on a walk one after the other.

    `positions` is how many cells the walk visits; `explanations` may be of the first of them alone.
    """

    kind = "explain"

    layer: ExplainedLayer
    map: int
    explanations: tuple[Explanation, ...]
    positions: int = 1
    walk: bool = False

    def mapping(self) -> Any:
        mappings = [explanation_mapping(explanation) for explanation in self.explanations]
        return mappings if self.walk else mappings[0]

    def rows(self) -> list[dict[str, Any]]:
        mappings = map(explanation_mapping, self.explanations)
        return [{**{key: layer[key] for key in COLUMNS}, "at": ",".join(map(str, layer["at"]))} for layer in mappings]


def explanation_mapping(explanation: Explanation) -> dict[str, Any]:
    """Return what JSON shows of an explanation."""
    mapping: dict[str, Any] = {
        "layer": explanation.layer.name,
        "type": explanation.layer.node.type_name,
        "inputs": list(explanation.layer.input_names),
        "sample": explanation.sample,
        "map": explanation.map,
        "map_name": explanation.map_name,
        "at": list(explanation.at),
        **dict.fromkeys(KEYS),
    }
    for stage in explanation.stages:  # a key keeps what the first stage says of it
        mapping |= {key: value for key, value in stage_mapping(stage).items() if mapping.get(key) is None}
    last = explanation.stages[-1]
    function, before = (last.function, last.input) if isinstance(last, ActivationStage) else (None, last.value)
    return {
        **mapping,
        "pre_activation": _plain(before),
        "activation": function,
        "value": _plain(explanation.value),
    }


def _plain(value: Any) -> Any:
    return nested_lists.from_array(np.asarray(value))


@singledispatch
def stage_mapping(stage: Stage) -> Mapping[str, Any]:
    """Return what JSON shows of one stage, besides its value."""
    raise NotImplementedError(type(stage).__name__)


@stage_mapping.register
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
    mapping = {"patch": _plain(stage.patch.values), **own, **_where(stage)}
    return mapping if stage.per_channel else {**mapping, **_total(stage)}


def _total(stage: DotProductStage) -> dict[str, Any]:
    return {"sum": _plain(stage.sum), "bias": None if stage.bias is None else _plain(stage.bias)}


def _where(stage: DotProductStage | PoolStage) -> dict[str, Any]:
    """Return which cells of a patch are input, and their positions."""
    return {"inside": stage.patch.inside.tolist(), "cells": _positions(stage.patch.cells)}


def _positions(cells: Any) -> Any:
    """Return positions as nested lists, None for a cell that is not input."""
    if cells is None:
        return None
    if cells.ndim > 1:
        return [_positions(inner) for inner in cells]
    return None if (cells < 0).any() else cells.tolist()


@stage_mapping.register
def _(stage: PoolStage) -> Mapping[str, Any]:
    mapping = {"patch": _plain(stage.patch.values[..., None]), **_where(stage)}
    if stage.winner is None:
        total = stage.patch.values[stage.patch.inside].sum()
        return {**mapping, "sum": _plain(total), "count": stage.count}
    assert stage.patch.cells is not None
    return {**mapping, "winner": list(stage.winner), "winner_cell": stage.patch.cells[stage.winner].tolist()}


@stage_mapping.register
def _(stage: ScaleStage) -> Mapping[str, Any]:
    return {"input": _plain(stage.input), **{name: _plain(number) for name, number in stage.parameters.items()}}


@stage_mapping.register
def _(stage: NormalizeStage) -> Mapping[str, Any]:
    mean = None if stage.mean is None else _plain(stage.mean)
    numbers = {name: _plain(getattr(stage, name)) for name in ("variance", "epsilon")}
    return {"input": _plain(stage.input), "mean": mean, **numbers, "count": stage.count}


@stage_mapping.register
def _(stage: LocalNormalizeStage) -> Mapping[str, Any]:
    return {"input": _plain(stage.input), "among": _plain(stage.among), "parameters": dict(stage.parameters)}


@stage_mapping.register
def _(stage: ActivationStage) -> Mapping[str, Any]:
    mapping = {} if stage.axis_values is None else {"among": _plain(stage.axis_values)}
    parameters = {name: _plain(value) for name, value in stage.parameters.items() if value is not None}
    return mapping | ({"parameters": parameters} if parameters else {})


@stage_mapping.register
def _(stage: MergeStage) -> Mapping[str, Any]:
    return {
        "operands": [{"name": name, "value": _plain(value)} for name, value in stage.operands],
        **({"coefficients": list(stage.coefficients)} if stage.coefficients else {}),
    }


@stage_mapping.register
def _(stage: CopyStage) -> Mapping[str, Any]:
    return {"operand": stage.operand, "cell": None if stage.cell is None else list(stage.cell)}
