"""A run of training <-> arrays by key, from which it goes on as if it had not stopped.

Weights have the keys of a weights file. Beside them are the optimizer's arrays, the weights of the best epoch where
they count, and a record as JSON: where the run is, its history, and the settings that it must go on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from convcli._lazy import Array
from convcli.errors import ConvcliError
from convcli.learning.training import Training
from convcli.records import Record

PREFIX = "training/"
RECORD, BEST, OPTIMIZER = f"{PREFIX}record", f"{PREFIX}best", f"{PREFIX}optimizer"
Settings = Mapping[str, Any]
PARTS = ("settings", "epochs", "epoch", "batch", "updates", "history", "sums", "best")


class Checkpoint(Record):
    """What a checkpoint file holds."""

    settings: Settings
    epochs: int
    weights: dict[str, Any]
    record: dict[str, Any]
    arrays: dict[str, Any]


def pack(training: Training, weights: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
    """All of a run between two batches; `weights` by key."""
    record = {
        "settings": settings,
        "epochs": training.course.epochs,
        "epoch": training.epoch,
        "batch": training.batch,
        "updates": training.optimizer.updates,
        "history": training.history,
        "sums": training.sums.__dict__,
        "best": [training.best_loss, training.best_epoch],
    }
    found = {**weights, RECORD: np.frombuffer(json.dumps(record).encode(), np.uint8)}
    found |= {f"{OPTIMIZER}_{place}": each for place, each in enumerate(training.optimizer.state)}
    return found if training.best is None else {**found, BEST: training.best}


def unpack(stored: Mapping[str, Any]) -> Checkpoint:
    """What the arrays of a file hold. Raises `ConvcliError` where they are no checkpoint."""
    own = {key: value for key, value in stored.items() if key.startswith(PREFIX)}
    if RECORD not in own:
        raise ConvcliError("is no checkpoint", "what fit --checkpoint writes")
    try:
        record = json.loads(bytes(np.asarray(own.pop(RECORD), np.uint8)).decode())
        missing = [part for part in PARTS if part not in record]
        if missing:
            raise ValueError(f"no {missing[0]}")
        return Checkpoint(
            record["settings"],
            int(record["epochs"]),
            {key: value for key, value in stored.items() if not key.startswith(PREFIX)},
            record,
            own,
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _broken(error) from None


def restore(training: Training, checkpoint: Checkpoint) -> None:
    """Put a run, whose weights are the checkpoint's already, where that stopped. Raises `ConvcliError`."""
    record = checkpoint.record
    try:
        training.epoch, training.batch = int(record["epoch"]), int(record["batch"])
        training.optimizer.updates = int(record["updates"])
        training.history.update({str(name): list(map(float, each)) for name, each in record["history"].items()})
        sums = record["sums"]
        training.sums.samples, training.sums.loss = int(sums["samples"]), float(sums["loss"])
        training.sums.right.update({name: (int(right), int(count)) for name, (right, count) in sums["right"].items()})
        training.best_loss, training.best_epoch = float(record["best"][0]), int(record["best"][1])
        for place, into in enumerate(training.optimizer.state):
            into[...] = _same(checkpoint.arrays[f"{OPTIMIZER}_{place}"], into)
        if training.best is not None:
            training.best[...] = _same(checkpoint.arrays[BEST], training.best)
    except (KeyError, ValueError, TypeError, OverflowError, AttributeError, IndexError) as error:
        raise _broken(error) from None


def _same(array: Any, into: Array) -> Array:
    if np.shape(array) != into.shape:
        raise ValueError(f"an array of shape {np.shape(array)} in place of {into.shape}")
    return np.asarray(array)


def _broken(error: Exception) -> ConvcliError:
    return ConvcliError(f"broken checkpoint: {' '.join(str(error).split())}", "what fit --checkpoint writes")
