"""Targets: the loss that suits one, and a user's array as the array that the loss takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.option_names import option
from convcli.core.shapes import DataFormat, Shape, format_shape, known
from convcli.engine.run import NamedArrays
from convcli.io import layout
from convcli.io.npy import as_array
from convcli.learning.losses import LOSSES, Loss
from convcli.learning.options import Options
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer
from convcli.model.steps import Activate, Correlate
from convcli.readers.load import located_in


def losses_and_targets(
    plan: Plan, targets: NamedArrays, options: Options, samples: int
) -> tuple[dict[str, Loss], dict[str, Array]]:
    """Return the loss of each output, and its target as that loss takes it.

    Raises `ConvcliError` where a target is missing or does not fit its output.
    """
    data_format, labels = targets.data_format, targets.labels
    _check_names(plan.model.outputs, targets.arrays, labels)
    layers = {layer.name: layer for layer in plan.layers}
    losses: dict[str, Loss] = {}
    prepared: dict[str, Array] = {}
    for name in plan.model.outputs:
        shape = tuple(map(known, plan.shapes[name]))
        with located(labels.get(name, f"target {name}")):
            target = layout.to_float(as_array(targets.arrays[name]))
            if target.ndim == len(shape) + 1 and data_format is DataFormat.CHANNELS_FIRST:
                target = np.moveaxis(target, 1, -1)
            loss = LOSSES[options.loss or default_loss(shape, last_activation(layers[name]), target)]
            prepared[name] = prepare_target(loss, target, shape, samples, data_format, str(options.dtype))
        with located_in(plan.model):
            _check_activation(layers[name], loss)
        losses[name] = loss
    return losses, prepared


def _check_names(outputs: Sequence[str], targets: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Raise `ConvcliError` where an output has no target, or a target no output."""
    remedy = f"a target for each of {', '.join(outputs)}"
    for name in outputs:
        if name not in targets:
            with located(labels.get(name, f"target {name}")):
                raise ConvcliError("is missing", remedy)
    for name in targets:
        if name not in outputs:
            raise ConvcliError(f"target {name}: the model has no such output", remedy)


def _check_activation(layer: PlannedLayer, loss: Loss) -> None:
    """Raise `ConvcliError` where a loss takes probabilities and the output is a correlation without activation."""
    if loss.activation and layer.steps and isinstance(layer.steps[-1], Correlate):
        raise ConvcliError(
            f"{layer.where}: {loss.name} takes probabilities, and this output has no activation",
            f"activation: {loss.activation}",
        )


def last_activation(layer: PlannedLayer) -> str | None:
    """Return the activation that a layer ends in, if it acts cell by cell or over the channels."""
    last = layer.steps[-1] if layer.steps else None
    if isinstance(last, Activate) and last.axes in ((), (len(layer.output_shape) - 1,)):
        return last.function
    return None


def default_loss(shape: Shape, activation: str | None, target: Array) -> str:
    """Return the name of the loss for outputs of this shape `(*spatial, channels)` that end in this activation.

    A target of whole numbers that lacks the channels, or has one in place of several, holds class indices and takes
    `sparse_categorical_crossentropy`.
    """
    without_channels = target.shape[1:] in (shape[:-1], (*shape[:-1], 1))
    if shape[-1] != 1 and without_channels and np.array_equal(np.rint(target), target):
        return "sparse_categorical_crossentropy"
    return {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}.get(str(activation), "mse")


def prepare_target(
    loss: Loss, target: Array, shape: tuple[int, ...], samples: int, data_format: DataFormat, dtype: str
) -> Array:
    """Return a target as the loss takes it, for outputs of this shape `(*spatial, channels)`.

    Class indices become integers `(samples, *spatial)`, all else `(samples, *shape)` in `dtype`; an axis for a single
    channel may be missing. `target` has its channels last; messages show shapes in the user's `data_format`. Raises
    `ConvcliError` where the target has another shape, or values that the loss does not take.
    """
    full = (samples, *shape)
    if not loss.sparse and target.shape == full[:-1] and full[-1] == 1:
        target = target[..., None]
    if loss.sparse and target.shape == (*full[:-1], 1):
        target = target[..., 0]
    expected = full[:-1] if loss.sparse else full
    if target.shape != expected:
        actual, right = ((*each[:1], *data_format.from_channels_last(each[1:])) for each in (target.shape, expected))
        remedy = f"classes {format_shape(right)}" if loss.sparse else format_shape(right)
        raise ConvcliError(f"shape {format_shape(actual)}", f"{remedy} for {loss.name} here")
    if not np.isfinite(target).all():
        raise ConvcliError("holds NaN or infinity", "finite numbers")
    return _class_indices(target, shape[-1]) if loss.sparse else _values(loss, target, dtype)


def _class_indices(target: Array, count: int) -> Array:
    rounded = np.rint(target)
    wrong = (rounded != target) | (rounded < 0) | (rounded >= count)
    if wrong.any():
        raise ConvcliError(f"holds {target[wrong][0]:g}", f"classes are whole numbers from 0 to {count - 1}")
    return rounded.astype(np.intp)


def _values(loss: Loss, target: Array, dtype: str) -> Array:
    if loss.activation is not None and not ((target >= 0) & (target <= 1)).all():
        raise ConvcliError(
            f"holds values from {float(target.min()):g} to {float(target.max()):g}", f"0 to 1 for {loss.name}"
        )
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(target, dtype)
    if not np.isfinite(values).all():
        raise ConvcliError(f"holds {float(np.abs(target).max()):g}, too large for {dtype}", option("dtype", "float64"))
    return values
