"""Checkpoints that are broken, contradict themselves, or belong to another run: one clear message for each."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from learning_cases import record_of, run_until, training, with_record

import convcli
from convcli.core.errors import ConvcliError
from convcli.learning.checkpoints import BEST, OPTIMIZER, RECORD, RECORD_KEYS, unpack
from convcli.learning.options import Options

MODEL = convcli.load(["Conv1D(1, 3)"])
X, Y = np.random.default_rng(0).normal(size=(2, 8, 6, 1))
Y = Y[:, 1:-1]
OPTIONS = Options(epochs=2, batch_size=4, patience=3)


@pytest.fixture(scope="module")
def checkpoint():
    """The arrays of a checkpoint after two epochs."""
    return run_until(training(MODEL, X, Y, OPTIONS))[1]


def refusal(checkpoint, options=None, inputs=X, targets=Y, model=MODEL):
    """Return the message with which resuming from the checkpoint is refused."""
    with pytest.raises(ConvcliError) as caught:
        training(model, inputs, targets, options or Options(), checkpoint).close()
    return str(caught.value)


def changed(checkpoint, path, value):
    """Return the checkpoint with another value at this path in its record."""
    record = record_of(checkpoint)
    mapping = record
    for key in path[:-1]:
        mapping = mapping[key]
    mapping[path[-1]] = value
    return with_record(checkpoint, record)


def says_broken(message, reason):
    pattern = rf"(checkpoint: )?broken checkpoint: {reason} \(a file that fit --checkpoint wrote\)"
    return re.fullmatch(pattern, message) is not None


def test_a_file_without_a_record_is_not_a_checkpoint(checkpoint):
    for arrays in ({}, {"conv1d/kernel": checkpoint["conv1d/kernel"]}):
        assert refusal(arrays) == "is not a checkpoint (a file that fit --checkpoint wrote)"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("epoch",), -1, "a count is not a whole number of at least 0"),
        (("updates",), 1.5, "a count is not a whole number of at least 0"),
        (("batch",), 2, "its numbers contradict epoch 2, batch 2"),
        (("epochs",), 10**20, "a whole number of 21 digits"),
        (("settings", "freeze"), [[1]], "a name is not text"),
        (("settings", "losses"), {"conv1d": 1}, "a name is not text"),
        (("settings",), [], ".*"),
        (("history", "loss"), [1.0], "its numbers contradict epoch 2, batch 0"),
        (("history", "loss"), 1.0, ".*"),
        (("sums", "right"), {"conv1d": 1}, ".*"),
        (("best",), [], ".*"),
    ],
)
def test_a_record_with_a_wrong_value_is_broken(checkpoint, path, value, reason):
    assert says_broken(refusal(changed(checkpoint, path, value)), reason)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("epoch",), 1),
        (("epoch",), float("inf")),
        (("batch",), 1),
        (("batch",), 99),
        (("updates",), -5),
        (("epochs",), float("inf")),
        (("settings",), [1]),
        (("history",), {"loss": [1.0]}),
        (("history",), {}),
        (("best",), [0.5, 9]),
        (("sums",), None),
    ],
)
def test_a_record_that_contradicts_itself_is_broken(checkpoint, path, value):
    assert says_broken(refusal(changed(checkpoint, path, value)), ".*")


@pytest.mark.parametrize("key", RECORD_KEYS)
def test_a_record_without_one_of_its_parts_is_broken(checkpoint, key):
    record = record_of(checkpoint)
    del record[key]
    assert says_broken(refusal(with_record(checkpoint, record)), f"{key} is missing")


INFINITIES = json.dumps(dict.fromkeys(RECORD_KEYS, float("inf")))


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "\0", "[" * 100_000, INFINITIES])
def test_a_record_of_another_form_is_broken(checkpoint, text):
    assert says_broken(refusal(with_record(checkpoint, text)), ".*")


def test_a_record_that_is_not_text_is_broken():
    with pytest.raises(ConvcliError, match=r"^broken checkpoint: "):
        unpack({RECORD: np.frombuffer(b"\xff", np.uint8)})


@pytest.mark.parametrize("key", [BEST, f"{OPTIMIZER}_0", f"{OPTIMIZER}_1"])
def test_arrays_that_are_missing_or_have_another_shape_are_broken(checkpoint, key):
    assert says_broken(refusal({**checkpoint, key: np.zeros(3)}), r"an array has shape \(3,\), not \(4,\)")
    without = {name: array for name, array in checkpoint.items() if name != key}
    assert says_broken(refusal(without), f"'{key}'")


OTHER_MODEL = convcli.load(["Conv1D(1, 3, name='conv1d', activation='tanh')"])


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"seed": 1}, {}, "made with seed 0, not 1 (the same, or leave it out)"),
        ({"batch_size": 8}, {}, "made with batch_size 4, not 8 (the same, or leave it out)"),
        ({"optimizer": "sgd"}, {}, "made with optimizer adam, not sgd (the same, or leave it out)"),
        ({"loss": "mae"}, {}, "made with loss mse, not mae (the same, or leave it out)"),
        ({"freeze": ("conv1d",)}, {}, "made with freeze none, not conv1d (the same, or leave it out)"),
        ({}, {"model": OTHER_MODEL}, "made with another model (the same as before)"),
        ({}, {"inputs": X + 1}, "made with other data (the same as before)"),
        ({}, {"targets": Y + 1}, "made with other data (the same as before)"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(checkpoint, options, changes, message):
    assert refusal(checkpoint, Options(**options), **changes) == f"checkpoint: {message}"


def test_weights_of_another_shape_are_refused(checkpoint):
    arrays = {**checkpoint, "conv1d/kernel": np.zeros((5, 1, 1))}
    assert refusal(arrays) == "checkpoint: conv1d/kernel: shape (5, 1, 1) ((3, 1, 1) here)"


def test_a_model_keeps_its_checksum_from_version_to_version():
    layers = [
        {"conv2d": {"filters": 2, "kernel_size": 3, "activation": "relu", "name": "c"}},
        {"conv2d": {"filters": 2, "kernel_size": 3, "inputs": "input", "name": "d"}},
        {"add": {"inputs": ["c", "d"]}},
        "Permute((3, 1, 2))",
        "Reshape((2, 2, 2))",
        "GlobalAveragePooling2D()",
    ]
    model = convcli.load({"input": [4, 4, 1], "layers": layers})
    _, arrays = run_until(training(model, np.zeros((2, 4, 4, 1)), np.ones((2, 2)), Options(epochs=1)))
    assert record_of(arrays)["settings"]["model"] == 1392607697
