"""Checkpoint files: the state of a run of training as arrays by key.

The weights have the keys of a weights file. Beside them are the optimizer's state, the weights of the best epoch if
early stopping keeps them, and a record as JSON: how far the run is, its history, and the settings that it must resume
with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from convcli.core.errors import ConvcliError
from convcli.core.records import Record

# A layer may be called `training`, since no variable of a layer has one of these names.
RECORD, BEST, OPTIMIZER = "training/record", "training/best", "training/optimizer"
RECORD_KEYS = ("settings", "epochs", "epoch", "batch", "updates", "history", "sums", "best")
MAX_DIGITS = 15  # of a whole number; converting very long ones takes minutes
Settings = Mapping[str, Any]
# What Python raises on a record that does not have the expected form.
FORM_ERRORS = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


class Checkpoint(Record):
    """The contents of a checkpoint: settings and epochs of the run, weights by key, and the rest of its state.

    `name` is what messages call it.
    """

    settings: Settings
    epochs: int
    weights: dict[str, Any]
    record: dict[str, Any]
    arrays: dict[str, Any]
    name: str = "checkpoint"


def unpack(stored: Mapping[str, Any], name: str = "checkpoint") -> Checkpoint:
    """Return the checkpoint in the arrays of a file. Raises `ConvcliError` where they are not a checkpoint."""
    if RECORD not in stored:
        raise ConvcliError("is not a checkpoint", "a file that fit --checkpoint wrote")
    state_keys = {key for key in stored if key in (RECORD, BEST) or key.startswith(OPTIMIZER)}
    try:
        record = json.loads(bytes(np.asarray(stored[RECORD], np.uint8)).decode(), parse_int=_parse_int)
        _check_record(record)
        settings = dict(record["settings"].items())
        weights = {key: value for key, value in stored.items() if key not in state_keys}
        state = {key: stored[key] for key in state_keys}
        return Checkpoint(settings, int(record["epochs"]), weights, record, state, name)
    except FORM_ERRORS as error:
        raise broken(error) from None


def _parse_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a whole number of {len(text)} digits")
    return int(text)


def _check_record(record: Mapping[str, Any]) -> None:
    """Raise one of `FORM_ERRORS` where a part of the record is missing, or a count or a name has another type."""
    missing = [key for key in RECORD_KEYS if key not in record]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    settings, counts = record["settings"], [record[key] for key in ("epochs", "epoch", "batch", "updates")]
    counts += [record["sums"]["samples"], record["best"][1]]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("a count is not a whole number of at least 0")
    names = [settings["optimizer"], *settings["freeze"], *settings["losses"].values()]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name is not text")


def broken(error: Exception) -> ConvcliError:
    """Return the error that says why a checkpoint cannot be used."""
    return ConvcliError(f"broken checkpoint: {' '.join(str(error).split())}", "a file that fit --checkpoint wrote")
