"""Checkpoints that are none, or not of this run: one clear line each."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from runs import training

import convcli
from convcli.core.errors import ConvcliError
from convcli.learning import checkpoints
from convcli.learning.checkpoints import BEST, OPTIMIZER, RECORD
from convcli.learning.options import Options

MODEL = convcli.load(["Conv1D(1, 3)"])
X, Y = np.random.default_rng(0).normal(size=(2, 8, 6, 1))
Y = Y[:, 1:-1]
OPTIONS = Options(epochs=2, batch_size=4, patience=3)


def lesson(options, inputs=X, targets=Y, model=MODEL, resume=None):
    return training(model, {"input": inputs}, {model.outputs[0]: targets}, options, resume=resume)


@pytest.fixture(scope="module")
def good():
    """What a checkpoint file holds."""
    kept = []
    with lesson(OPTIONS) as run:
        run.learn(save=lambda found: kept.append({key: np.array(each) for key, each in found.items()}))
    return kept[-1]


def record(good):
    return json.loads(bytes(good[RECORD]))


def with_record(good, value):
    text = value if isinstance(value, str) else json.dumps(value)
    return {**good, RECORD: np.frombuffer(text.encode(), np.uint8)}


def resumed(held, options=None, **changes):
    """The line that is said of a checkpoint."""
    with (
        pytest.raises(ConvcliError) as caught,
        lesson(options or Options(), **changes, resume=checkpoints.unpack(held)),
    ):
        pass
    return str(caught.value)


def changed(good, path, value):
    """The checkpoint with another value in its record."""
    whole = found = record(good)
    for key in path[:-1]:
        found = found[key]
    found[path[-1]] = value
    return with_record(good, whole)


def is_broken(said, what):
    return re.fullmatch(rf"(checkpoint: )?broken checkpoint: {what} \(what fit --checkpoint writes\)", said)


def test_another_file_is_none(good):
    for held in ({}, {"conv1d/kernel": good["conv1d/kernel"]}):
        assert resumed(held) == "is no checkpoint (what fit --checkpoint writes)"


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        (("epoch",), -1, "a count that is none"),
        (("updates",), 1.5, "a count that is none"),
        (("batch",), 2, "it cannot be at epoch 2, batch 2"),
        (("epochs",), 10**20, "a whole number of 21 digits"),
        (("settings", "freeze"), [[1]], "a name that is none"),
        (("settings", "losses"), {"conv1d": 1}, "a name that is none"),
        (("settings",), [], ".*"),
        (("history", "loss"), [1.0], "it cannot be at epoch 2, batch 0"),
        (("history", "loss"), 1.0, ".*"),
        (("sums", "right"), {"conv1d": 1}, ".*"),
        (("best",), [], ".*"),
    ],
)
def test_a_record_that_makes_no_sense(good, path, value, what):
    assert is_broken(resumed(changed(good, path, value)), what)


@pytest.mark.parametrize("part", checkpoints.PARTS)
def test_a_record_that_lacks_a_part(good, part):
    whole = record(good)
    del whole[part]
    assert is_broken(resumed(with_record(good, whole)), f"no {part}")


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "\0", "[" * 100_000])
def test_a_record_that_is_no_mapping(good, text):
    assert is_broken(resumed(with_record(good, text)), ".*")


@pytest.mark.parametrize("key", [BEST, f"{OPTIMIZER}_0", f"{OPTIMIZER}_1"])
def test_arrays_that_are_missing_or_of_another_shape(good, key):
    assert is_broken(resumed({**good, key: np.zeros(3)}), r"an array of shape \(3,\) in place of \(4,\)")
    assert is_broken(resumed({name: each for name, each in good.items() if name != key}), f"'{key}'")


OTHER_MODEL = convcli.load(["Conv1D(1, 3, name='conv1d', activation='tanh')"])


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"seed": 1}, {}, "made with seed 0, not 1 (the same, or leave it out)"),
        ({"batch_size": 8}, {}, "made with batch_size 4, not 8 (the same, or leave it out)"),
        ({"optimizer": "sgd"}, {}, "made with optimizer adam, not sgd (the same, or leave it out)"),
        ({"loss": "mae"}, {}, "made with loss mse, not mae (the same, or leave it out)"),
        ({"freeze": ("conv1d",)}, {}, "made with freeze None, not ('conv1d',) (the same, or leave it out)"),
        ({}, {"model": OTHER_MODEL}, "made with other model (the same again)"),
        ({}, {"inputs": X + 1}, "made with other inputs and targets (the same again)"),
        ({}, {"targets": Y + 1}, "made with other inputs and targets (the same again)"),
    ],
)
def test_another_run_is_refused(good, options, changes, message):
    assert resumed(good, Options(**options), **changes) == f"checkpoint: {message}"


def test_weights_of_another_shape(good):
    held = {**good, "conv1d/kernel": np.zeros((5, 1, 1))}
    assert resumed(held) == "checkpoint: conv1d/kernel: shape (5, 1, 1) ((3, 1, 1) here)"
