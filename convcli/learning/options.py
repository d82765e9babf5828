"""The options of training: what the user set, completed by a checkpoint's settings and by defaults."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from convcli.core.errors import ConvcliError, suggestion
from convcli.core.records import Record
from convcli.io import layout

if TYPE_CHECKING:
    from convcli.learning.checkpoints import Checkpoint

OPTIMIZER, BATCH_SIZE, DTYPE = "adam", 32, "float32"
SMALLEST = {"epochs": 1, "batch_size": 1, "seed": 0, "patience": 1}  # of whole numbers
UPPER_BOUNDS = {"learning_rate": inf, "momentum": 1, "validation_split": 1}  # real numbers from 0 to below this


class Options(Record, kw_only=True):
    """The options of training, as `convcli.fit` describes them.

    None means that the user left the option out: then the data, the model or the optimizer decide.
    """

    loss: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    validation_split: float | None = None
    freeze: tuple[str, ...] | None = None
    patience: int | None = None
    dtype: str | None = None


def resolve_options(options: Options, checkpoint: Checkpoint | None) -> Options:
    """Return the options with those that were left out filled in: from the checkpoint, else with their defaults.

    `loss` and `epochs` may stay None; they depend on the data. Raises `ConvcliError` where a value is not valid, or
    differs from the checkpoint's.
    """
    from convcli.learning.optimizers import OPTIMIZERS

    values = dict(options.__dict__)
    if checkpoint is not None:
        _resume(values, checkpoint)
    _fill(values, optimizer=OPTIMIZER, batch_size=BATCH_SIZE, dtype=DTYPE, seed=0, validation_split=0.0, momentum=0.0)
    _check_names(values)
    optimizer = OPTIMIZERS[values["optimizer"]]
    _fill(values, learning_rate=optimizer.default_learning_rate)
    _check_numbers(values)
    # A NumPy number would change the type that arrays are computed in: float32 times its float64 is float64.
    values |= {name: float(values[name]) for name in UPPER_BOUNDS}
    if values["momentum"] and not optimizer.takes_momentum:
        raise ConvcliError(f"momentum {values['momentum']}: {optimizer.name} has its own", "sgd or rmsprop")
    return Options(**values)


def _resume(values: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Take the checkpoint's settings. Raises `ConvcliError` where the user set another value."""
    settings = dict(checkpoint.settings)
    losses = set(settings.get("losses", {}).values())
    if len(losses) == 1:
        settings["loss"] = losses.pop()
    for name, value in values.items():
        if name not in settings:
            continue
        stored = settings[name]
        if isinstance(stored, list):
            stored = tuple(stored) or None
        if value not in (None, stored):
            raise ConvcliError(f"made with {name} {_text(stored)}, not {_text(value)}", "the same, or leave it out")
        values[name] = stored
    _fill(values, epochs=checkpoint.epochs)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _fill(values: dict[str, Any], **defaults: Any) -> None:
    values |= {name: default for name, default in defaults.items() if values[name] is None}


def _check_names(values: Mapping[str, Any]) -> None:
    from convcli.learning.losses import LOSSES
    from convcli.learning.optimizers import OPTIMIZERS

    layout.check_dtype(values["dtype"])
    for option, known in (("optimizer", OPTIMIZERS), ("loss", LOSSES)):
        name = values[option]
        if name is not None and (not isinstance(name, str) or name not in known):
            raise ConvcliError(f"{option} {name!r}", suggestion(str(name), known))


def _check_numbers(values: Mapping[str, Any]) -> None:
    for option, smallest in SMALLEST.items():
        value = values[option]
        if value is not None and (type(value) is not int or value < smallest):
            raise ConvcliError(f"{option} {value!r}", f"a whole number of at least {smallest}")
    for option, bound in UPPER_BOUNDS.items():
        value = values[option]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)  # NumPy's float64 is a float too
        if not is_number or not 0 <= value < bound or (option == "learning_rate" and not value):
            valid = "a number above 0" if option == "learning_rate" else "at least 0, and below 1"
            raise ConvcliError(f"{option} {value!r}", valid)
