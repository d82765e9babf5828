"""Runs of a model as the commands make them, from plain arrays by input name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.records import replace
from convcli.core.shapes import DataFormat
from convcli.engine.bind_weights import WeightSource
from convcli.engine.execution import Execution
from convcli.engine.explain.explained_layer import ExplainedLayer, explained_layer
from convcli.engine.run import NamedArrays, Run, prepare_run
from convcli.learning.options import Options
from convcli.learning.prepare_training import prepare_training
from convcli.learning.training import Training
from convcli.model.graph import Model


def named(model: Model, arrays: Mapping[str, Any], data_format: DataFormat | None = None) -> NamedArrays:
    """Return arrays for the inputs of a model, in its own data format unless another is given."""
    return NamedArrays(arrays, data_format or model.data_format)


def prepared(
    model: Model,
    arrays: Mapping[str, Any],
    outputs: Sequence[str] | None = None,
    *,
    seed: int | None = None,
    data_format: DataFormat | None = None,
    **execution: Any,
) -> Run:
    """Return a run that is ready, its missing weights drawn by the seed."""
    inputs = named(model, arrays, data_format)
    return prepare_run(model, inputs, WeightSource(seed=seed), Execution(**execution), outputs=outputs)


def explained(
    model: Model,
    arrays: Mapping[str, Any],
    layer: str | None = None,
    *,
    sample: int = 0,
    weights: Mapping[str, Any] | None = None,
    seed: int | None = None,
) -> ExplainedLayer:
    """Return a layer, by default the output, whose values can be explained."""
    source = replace(WeightSource(seed=seed), values=weights)
    return explained_layer(model, named(model, arrays), source, Execution(), layer, sample)


def training(
    model: Model, inputs: Mapping[str, Any], targets: Mapping[str, Any], options: Options, **more: Any
) -> Training:
    """Return a training that is ready."""
    return prepare_training(model, named(model, inputs), named(model, targets), options, WeightSource(), **more)
