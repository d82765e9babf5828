"""The settings that a resumed run shares with the run that wrote its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array, np
from convcli.core.records import MISSING, Record
from convcli.learning.losses import Loss
from convcli.learning.options import Options
from convcli.learning.samples import Samples
from convcli.model.plan import Plan
from convcli.model.planned_layer import PlannedLayer

OPEN_OPTIONS = ("epochs", "loss")  # a resumed run may train longer; its losses are under `losses`


def run_settings(options: Options, plan: Plan, losses: Mapping[str, Loss], samples: Samples) -> dict[str, Any]:
    """Return what a run must have in common with the one that it resumes, as JSON can hold it.

    Model and arrays are there as CRC-32 checksums.
    """
    return {
        **{name: value for name, value in options.__dict__.items() if name not in OPEN_OPTIONS},
        "freeze": list(options.freeze or ()),
        "losses": {name: loss.name for name, loss in losses.items()},
        "model": _model_checksum(plan),
        "inputs and targets": _checksum([*samples.inputs.values(), *samples.targets.values()]),
    }


def _model_checksum(plan: Plan) -> int:
    return crc32(_text(tuple(_identity(layer) for layer in plan.layers)).encode())


def _text(value: Any) -> str:
    """Return a value as text. Fields that have their defaults are left out: later versions may have more of them."""
    if isinstance(value, Record):
        changed = {name: item for name, item in value.__dict__.items() if item != value.__defaults__.get(name, MISSING)}
        return f"{type(value).__name__}({', '.join(f'{name}={_text(item)}' for name, item in changed.items())})"
    return f"({', '.join(map(_text, value))})" if isinstance(value, tuple) else repr(value)


def _identity(layer: PlannedLayer) -> tuple[Any, ...]:
    """Return everything about a layer that training depends on, except its weights."""
    return layer.name, layer.node.owner, layer.node.layer, layer.node.trainable, layer.steps, layer.input_names


def _checksum(arrays: Iterable[Array]) -> int:
    checksum = 0
    for array in arrays:
        checksum = crc32(np.ascontiguousarray(array).data.cast("B"), checksum)
    return checksum


def check_settings(stored: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Raise `ConvcliError` where a checkpoint's settings show another model, other data or other losses."""
    for name, other in (("model", "another model"), ("inputs and targets", "other data"), ("losses", "other losses")):
        if stored.get(name) != settings[name]:
            raise ConvcliError(f"made with {other}", "the same as before")
