"""What is learned from: inputs that are numbers, and for each output its loss and its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcli.core.errors import ConvcliError, located
from convcli.core.lazy_imports import Array, np
from convcli.core.shapes import DataFormat, known
from convcli.engine.run import NamedArrays
from convcli.io import layout
from convcli.io.npy import as_array
from convcli.learning import losses
from convcli.learning.losses import Loss
from convcli.learning.options import Options
from convcli.model.plan import Plan, PlannedLayer
from convcli.model.steps import Activate, Correlate
from convcli.readers.load import located_in


def check_finite(inputs: Mapping[str, Array], labels: Mapping[str, str]) -> None:
    """Raise `ConvcliError` where an input, which `labels` may call otherwise, holds what is no number."""
    for name, each in inputs.items():
        if not np.isfinite(each).all():
            raise ConvcliError(f"{labels.get(name, name)}: holds NaN or infinity", "finite numbers to learn from")


def losses_and_targets(
    plan: Plan,
    targets: NamedArrays,
    options: Options,
    samples: int,
) -> tuple[dict[str, Loss], dict[str, Array]]:
    """The loss and the target of each output, as they are computed with. Raises `ConvcliError`."""
    data_format, labels = targets.data_format, targets.labels
    _check_names(plan.model.outputs, targets.arrays, labels)
    layers = {layer.name: layer for layer in plan.layers}
    found: dict[str, Loss] = {}
    goals: dict[str, Array] = {}
    for name in plan.model.outputs:
        shape = tuple(map(known, plan.shapes[name]))
        with located(labels.get(name, f"target {name}")):
            target = layout.to_float(as_array(targets.arrays[name]))
            if target.ndim == len(shape) + 1:
                target = np.moveaxis(target, 1, -1) if data_format is DataFormat.CHANNELS_FIRST else target
            loss = losses.LOSSES[options.loss or losses.default_loss(shape, _ending(layers[name]), target)]
            goal = losses.prepare_target(loss, target, shape, samples, data_format, str(options.dtype))
        with located_in(plan.model):
            _check_suited(layers[name], loss)
        found[name] = loss
        goals[name] = goal
    return found, goals


def _check_names(outputs: Sequence[str], targets: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Raise `ConvcliError` where there is not one target for each output."""
    remedy = f"a target for each of {', '.join(outputs)}"
    for name in outputs:
        if name not in targets:
            with located(labels.get(name, f"target {name}")):
                raise ConvcliError("is missing", remedy)
    for name in targets:
        if name not in outputs:
            raise ConvcliError(f"target {name}: the model has no such output", remedy)


def _check_suited(layer: PlannedLayer, loss: Loss) -> None:
    """Raise `ConvcliError` where a loss of probabilities would be taken of plain sums of products."""
    if loss.ends and layer.steps and isinstance(layer.steps[-1], Correlate):
        raise ConvcliError(
            f"{layer.where}: {loss.name} is of probabilities, and its output has no activation",
            f"activation: {loss.ends}",
        )


def _ending(layer: PlannedLayer) -> str | None:
    """The activation that a layer ends in, where that is over its channels or by cell."""
    last = layer.steps[-1] if layer.steps else None
    whole = isinstance(last, Activate) and last.axes in ((), (len(layer.output_shape) - 1,))
    return last.function if isinstance(last, Activate) and whole else None


def loss_includes_activation(plan: Plan, layer: PlannedLayer, wanted: Mapping[str, Loss]) -> bool:
    """Whether a layer is an output whose loss is taken together with the activation that it ends in."""
    used = any(layer.name in other.input_names for other in plan.layers)
    return layer.name in wanted and not used and wanted[layer.name].ends == _ending(layer) is not None
