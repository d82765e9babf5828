"""How to learn: the options of `fit`, settled before it begins."""

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
BELOW = {"learning_rate": inf, "momentum": 1, "validation_split": 1}  # what is a real number, and smaller than this


class Options(Record, kw_only=True):
    """How to learn. What is None is left to the model, the data or the optimizer; see `fit`."""

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


def resolve_options(options: Options, resume: Checkpoint | None) -> Options:
    """The options with what is left open: as the checkpoint has it, else the default. Raises `ConvcliError`."""
    from convcli.learning.losses import LOSSES
    from convcli.learning.optimizers import OPTIMIZERS

    kept = dict(resume.settings) if resume else {}
    asked = set(kept.get("losses", {}).values())
    kept |= {"loss": asked.pop()} if len(asked) == 1 else {}
    found: dict[str, Any] = {}
    for name, given in options.__dict__.items():
        before = (tuple(kept[name]) or None) if isinstance(kept.get(name), list) else kept.get(name)
        if resume and name in kept and given not in (None, before):
            raise ConvcliError(f"made with {name} {before}, not {given}", "the same, or leave it out")
        found[name] = before if given is None else given
    if resume and found["epochs"] is None:
        found["epochs"] = resume.epochs
    _fill(found, optimizer=OPTIMIZER, batch_size=BATCH_SIZE, dtype=DTYPE, seed=0, validation_split=0.0, momentum=0.0)
    layout.check_dtype(found["dtype"])
    for name, known in (("optimizer", OPTIMIZERS), ("loss", LOSSES)):
        if found[name] is not None and (not isinstance(found[name], str) or found[name] not in known):
            raise ConvcliError(f"{name} {found[name]!r}", suggestion(str(found[name]), known))
    kind = OPTIMIZERS[found["optimizer"]]
    _fill(found, learning_rate=kind.rate)
    _check_numbers(found)
    found |= {name: float(found[name]) for name in BELOW}  # float32 times NumPy's float64 is another number
    if found["momentum"] and not kind.takes_momentum:
        raise ConvcliError(f"momentum {found['momentum']}: {kind.name} has its own", "sgd or rmsprop")
    return Options(**found)


def _fill(found: dict[str, Any], **defaults: Any) -> None:
    found |= {name: value for name, value in defaults.items() if found[name] is None}


def _check_numbers(found: Mapping[str, Any]) -> None:
    for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0), ("patience", 1)):
        value = found[name]
        if value is not None and (type(value) is not int or value < least):
            raise ConvcliError(f"{name} {value!r}", f"a whole number of at least {least}")
    for name, high in BELOW.items():
        value = found[name]
        real = isinstance(value, int | float) and not isinstance(value, bool)  # NumPy's float64 is a float too
        if not real or not 0 <= value < high or (name == "learning_rate" and not value):
            span = "a number above 0" if name == "learning_rate" else "at least 0, and below 1"
            raise ConvcliError(f"{name} {value!r}", span)
