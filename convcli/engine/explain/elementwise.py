"""Explain steps that change a value without moving it: scales, normalisations and activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.core.shapes import Shape, known
from convcli.engine.epilogue import scale_function, scale_parameters
from convcli.engine.explain.correlation import values_of_all_filters
from convcli.engine.explain.explainer import Explainer, explain_step
from convcli.engine.explain.stages import ActivationStage, Cell, LocalNormalizeStage, NormalizeStage, ScaleStage, Stage
from convcli.engine.run_step import broadcast_weight, centre_groups, epsilon_of, run_step
from convcli.model.steps import Activate, Correlate, Normalize, NormalizeLocally, Scale, Weight


@explain_step.register
def _(step: Scale, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    stages, x = explainer.stages_before(index, cell)
    shape = explainer.layer.step_shapes[index]
    parameters = [
        None if array is None else _weight_at(array, sorted(step.axes), shape, cell)
        for array in scale_parameters(step, explainer.weights, x.dtype.name)
    ]
    value = np.array([x])
    scale_function(step, parameters)(value, slice(None))
    return [*stages, ScaleStage(step.kind, x, _named_parameters(step, parameters), value=value[0])]


def _named_parameters(step: Scale, parameters: Sequence[Any]) -> Mapping[str, Any]:
    """Return the parameters that a scale has, by the names of its variables, and epsilon where it is used."""
    numbers = {"gamma": step.gamma, "beta": step.beta, "mean": step.mean, "variance": step.variance}
    names = (own.name if isinstance(own, Weight) else name for name, own in numbers.items())
    named = {name: value for name, value in zip(names, parameters, strict=True) if value is not None}
    return named if step.variance is None else {**named, "epsilon": step.epsilon}


def _weight_at(weight: Array, axes: Sequence[int], shape: Shape, cell: Cell) -> Any:
    """Return the number of a weight that meets a cell of a sample of this shape; the weight spans the given axes."""
    return np.broadcast_to(broadcast_weight(weight, axes, len(shape) + 1), (1, *map(known, shape)))[0][cell]


@explain_step.register
def _(step: Normalize, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    stages, x = explainer.stages_before(index, cell)
    sample = explainer.step_input(index)
    centred, variances = centre_groups(step, sample)
    deviation = centred.reshape(sample.shape)[0][cell]
    variance = np.broadcast_to(variances, centred.shape).reshape(sample.shape)[0][cell]
    epsilon = step.epsilon if step.epsilon is not None else float(epsilon_of(step, sample))
    count = int(np.prod([sample.shape[axis + 1] for axis in step.axes])) // known(step.groups)
    value = deviation / np.sqrt(variance + epsilon_of(step, sample))
    mean = x - deviation if step.centered else None
    return [*stages, NormalizeStage(x, mean, variance, epsilon, count, value=value)]


@explain_step.register
def _(step: NormalizeLocally, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    stages, x = explainer.stages_before(index, cell)
    *position, channel = cell
    first, stop = channel - step.window.before, channel - step.window.before + step.window.size
    among = explainer.step_input(index)[0][(*position, slice(max(0, first), max(0, stop)))]
    value = run_step(step, [explainer.step_input(index)[0][tuple(position)][None]], {})[0][channel]
    parameters = {"alpha": step.alpha, "beta": step.beta, "k": step.k, "size": step.window.size}
    return [*stages, LocalNormalizeStage(x, among, parameters, value=value)]


@explain_step.register
def _(step: Activate, explainer: Explainer, index: int, cell: Cell) -> list[Stage]:
    stages, x = explainer.stages_before(index, cell)
    if step.slope is not None:
        weight = explainer.weights[step.slope.name]
        slope = _weight_at(weight, step.slope_axes, explainer.layer.step_shapes[index], cell)
        value = np.maximum(x, 0) + slope * np.minimum(x, 0)
        return [*stages, ActivationStage(step.function, {step.slope.name: slope}, x, value=value)]
    parameters = dict(step.parameters)
    if not step.axes:
        value = run_step(step, [np.array([x])], {})[0]
        return [*stages, ActivationStage(step.function, parameters, x, value=value)]
    axis_values, value = _along_axes(step, explainer, index, cell)
    return [*stages, ActivationStage(step.function, parameters, x, axis_values, value=value)]


def _along_axes(step: Activate, explainer: Explainer, index: int, cell: Cell) -> tuple[Array, Any]:
    """Return the values that an activation mixes to make a cell, and the value of the cell.

    After a correlation the activation goes along its channels, of which one position is enough.
    """
    if index == 0 or not isinstance(explainer.layer.steps[index - 1], Correlate):
        sample = explainer.step_input(index)
        mixed = sample[0][tuple(slice(None) if axis in step.axes else at for axis, at in enumerate(cell))]
        return mixed, run_step(step, [sample], {})[0][cell]
    *position, channel = cell
    channels = values_of_all_filters(explainer, index - 1, tuple(position))
    ones = (1,) * len(position)
    one_position = channels.reshape(1, *ones, -1)
    return channels, run_step(step, [one_position], {})[0][(*(0 for _ in position), channel)]
