"""A run of training <-> arrays by key, from which it goes on as if it had not stopped.

Weights have the keys of a weights file. Beside them are the optimizer's arrays, the weights of the best epoch where
they count, and a record as JSON: where the run is, its history, and the settings that it must go on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from convcli.core.errors import ConvcliError
from convcli.core.lazy_imports import Array
from convcli.core.records import Record
from convcli.learning.gradient_descent import GradientDescent

# No variable of a layer has such a name, so a layer may well be called `training`.
RECORD, BEST, OPTIMIZER = "training/record", "training/best", "training/optimizer"
PARTS = ("settings", "epochs", "epoch", "batch", "updates", "history", "sums", "best")
MOST_DIGITS = 15
Settings = Mapping[str, Any]
FAULTS = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


class Checkpoint(Record):
    """What a checkpoint file holds."""

    settings: Settings
    epochs: int
    weights: dict[str, Any]
    record: dict[str, Any]
    arrays: dict[str, Any]


def pack(training: GradientDescent, weights: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
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
    if RECORD not in stored:
        raise ConvcliError("is no checkpoint", "what fit --checkpoint writes")
    own = {key for key in stored if key in (RECORD, BEST) or key.startswith(OPTIMIZER)}
    try:
        record = json.loads(bytes(np.asarray(stored[RECORD], np.uint8)).decode(), parse_int=_whole)
        _check(record)
        settings = dict(record["settings"].items())
        weights = {key: value for key, value in stored.items() if key not in own}
        return Checkpoint(settings, int(record["epochs"]), weights, record, {key: stored[key] for key in own})
    except FAULTS as error:
        raise _broken(error) from None


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _check(record: Mapping[str, Any]) -> None:
    """Raise an error of Python's where a part is not there, or counts and names are none."""
    missing = [part for part in PARTS if part not in record]
    if missing:
        raise ValueError(f"no {missing[0]}")
    settings, counts = record["settings"], [record[name] for name in ("epochs", "epoch", "batch", "updates")]
    counts += [record["sums"]["samples"], record["best"][1]]
    if not all(type(each) is int and each >= 0 for each in counts):
        raise ValueError("a count that is none")
    names = [settings["optimizer"], *settings["freeze"], *settings["losses"].values()]
    if not all(isinstance(each, str) for each in names):
        raise ValueError("a name that is none")


def restore(training: GradientDescent, checkpoint: Checkpoint) -> None:
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
        _check_whole(training)
        for place, into in enumerate(training.optimizer.state):
            into[...] = _same(checkpoint.arrays[f"{OPTIMIZER}_{place}"], into)
        if training.best is not None:
            training.best[...] = _same(checkpoint.arrays[BEST], training.best)
    except FAULTS as error:
        raise _broken(error) from None


def _check_whole(training: GradientDescent) -> None:
    """Raise `ValueError` where the numbers of a record contradict each other."""
    epoch, batch, batches = training.epoch, training.batch, training.batches
    right = (
        epoch >= 0
        and 0 <= batch <= batches
        and 0 <= training.best_epoch <= epoch
        and training.optimizer.updates == epoch * batches + batch
        and training.sums.samples == min(batch * training.course.batch_size, training.learned)
        and ("loss" in training.history) == (epoch > 0)
        and all(len(each) == epoch for each in training.history.values())
    )
    if not right:
        raise ValueError(f"it cannot be at epoch {epoch}, batch {batch}")


def _same(array: Any, into: Array) -> Array:
    if np.shape(array) != into.shape:
        raise ValueError(f"an array of shape {np.shape(array)} in place of {into.shape}")
    return np.asarray(array)


def _broken(error: Exception) -> ConvcliError:
    return ConvcliError(f"broken checkpoint: {' '.join(str(error).split())}", "what fit --checkpoint writes")
