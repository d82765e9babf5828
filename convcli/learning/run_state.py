"""The state of a run of training: saved as a checkpoint, and restored, so that it resumes as if it had not stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from convcli.core.lazy_imports import Array
from convcli.learning.checkpoints import BEST, FORM_ERRORS, OPTIMIZER, RECORD, Checkpoint, Settings, broken
from convcli.learning.gradient_descent import GradientDescent


def save(descent: GradientDescent, weights: Mapping[str, Array], settings: Settings) -> dict[str, Array]:
    """Return the state of a run between two batches as arrays by key; `weights` are its weights by key."""
    metrics, stopping = descent.metrics, descent.early_stopping
    record = {
        "settings": settings,
        "epochs": descent.schedule.epochs,
        "epoch": descent.epoch,
        "batch": descent.batch,
        "updates": descent.optimizer.updates,
        "history": descent.history,
        "sums": {"samples": metrics.samples, "loss": metrics.loss_sum, "right": metrics.correct},
        "best": [stopping.best_loss, stopping.best_epoch],
    }
    arrays = {**weights, RECORD: np.frombuffer(json.dumps(record).encode(), np.uint8)}
    arrays |= {f"{OPTIMIZER}_{index}": array for index, array in enumerate(descent.optimizer.state)}
    return arrays if stopping.best_weights is None else {**arrays, BEST: stopping.best_weights}


def restore(descent: GradientDescent, checkpoint: Checkpoint) -> None:
    """Set a run, which has the checkpoint's weights already, to where the checkpoint's stopped.

    Raises `ConvcliError` where the checkpoint contradicts itself or the run.
    """
    record = checkpoint.record
    try:
        _restore_progress(descent, record)
        _check_progress(descent)
        for index, state in enumerate(descent.optimizer.state):
            state[...] = _checked_array(checkpoint.arrays[f"{OPTIMIZER}_{index}"], state)
        best_weights = descent.early_stopping.best_weights
        if best_weights is not None:
            best_weights[...] = _checked_array(checkpoint.arrays[BEST], best_weights)
    except FORM_ERRORS as error:
        raise broken(error) from None


def _restore_progress(descent: GradientDescent, record: Mapping[str, Any]) -> None:
    metrics, stopping, sums = descent.metrics, descent.early_stopping, record["sums"]
    descent.epoch, descent.batch = int(record["epoch"]), int(record["batch"])
    descent.optimizer.updates = int(record["updates"])
    descent.history.update({str(name): list(map(float, values)) for name, values in record["history"].items()})
    metrics.samples, metrics.loss_sum = int(sums["samples"]), float(sums["loss"])
    metrics.correct.update({name: (int(right), int(count)) for name, (right, count) in sums["right"].items()})
    stopping.best_loss, stopping.best_epoch = float(record["best"][0]), int(record["best"][1])


def _check_progress(descent: GradientDescent) -> None:
    """Raise `ValueError` where the numbers of a record contradict each other."""
    epoch, batch, batches = descent.epoch, descent.batch, descent.batches
    consistent = (
        epoch >= 0
        and 0 <= batch <= batches
        and 0 <= descent.early_stopping.best_epoch <= epoch
        and descent.optimizer.updates == epoch * batches + batch
        and descent.metrics.samples == min(batch * descent.schedule.batch_size, descent.training_count)
        and ("loss" in descent.history) == (epoch > 0)
        and all(len(values) == epoch for values in descent.history.values())
    )
    if not consistent:
        raise ValueError(f"its numbers contradict epoch {epoch}, batch {batch}")


def _checked_array(array: Any, like: Array) -> Array:
    if np.shape(array) != like.shape:
        raise ValueError(f"an array has shape {np.shape(array)}, not {like.shape}")
    return np.asarray(array)
