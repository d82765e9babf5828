"""How a run goes: what layers do in it, where it ends, and what it goes on from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import convcli
from convcli.api import Lesson, Options
from convcli.errors import ConvcliError
from convcli.learning import checkpoints

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(10, 5, 5, 1))
CLASSES = RANDOM.integers(0, 3, 10)
LAYERS = ["Conv2D(2, 3, name='training')", "Dropout(0.5)", "Flatten()", "Dense(3, activation='softmax', name='d')"]


def lesson(layers: list[Any], resume: Any = None, **options: Any) -> Lesson:
    model = convcli.load(layers)
    held = checkpoints.unpack(resume) if resume else None
    goals = {model.outputs[0]: CLASSES}
    options = {"batch_size": 4, **options}
    return Lesson(model, {"input": IMAGES}, goals, Options(**options), resume=held)


def checkpoint(layers: list[Any] = LAYERS, **options: Any) -> dict[str, Any]:
    """What a run of some epochs keeps at its end."""
    kept: dict[str, Any] = {}
    with lesson(layers, **options) as run:
        run.learn(save=lambda found: kept.update({key: np.array(each) for key, each in found.items()}))
    return kept


def changed(kept: dict[str, Any], **record: Any) -> dict[str, Any]:
    """A checkpoint with other entries in its record."""
    own = {**json.loads(bytes(kept[checkpoints.RECORD])), **record}
    return {**kept, checkpoints.RECORD: np.frombuffer(json.dumps(own).encode(), np.uint8)}


def test_a_run_goes_on_whatever_its_layers_are_called():
    whole = checkpoint(epochs=4)
    with lesson(LAYERS, resume=checkpoint(epochs=2), epochs=4) as run:
        found = run.learn().stored
    assert "training/kernel" in found
    for key, each in found.items():
        np.testing.assert_array_equal(each, whole[key], err_msg=key)


@pytest.mark.parametrize(
    "record",
    [
        {"epoch": -1},
        {"epoch": 1},
        {"epoch": float("inf")},
        {"batch": 1},
        {"batch": 99},
        {"updates": -5},
        {"epochs": float("inf")},
        {"settings": [1]},
        {"history": {"loss": [1.0]}},
        {"history": {}},
        {"best": [0.5, 9]},
        {"sums": None},
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_broken(record):
    with pytest.raises(ConvcliError, match="broken checkpoint"):
        lesson(LAYERS, resume=changed(checkpoint(epochs=2), **record)).close()


def test_weights_that_a_checkpoint_lacks_are_not_drawn():
    kept = checkpoint(epochs=2)
    del kept["d/kernel"]
    with pytest.raises(ConvcliError, match=r"layer d: no values for kernel \(18, 3\)"):
        lesson(LAYERS, resume=kept).close()


@pytest.mark.parametrize(
    "other", ["Dropout(0.4)", {"dropout": {"rate": 0.5, "trainable": False}}, "GaussianNoise(0.5)"]
)
def test_a_run_goes_on_with_the_model_that_it_began_with(other):
    with pytest.raises(ConvcliError, match="checkpoint: made with other model"):
        lesson([LAYERS[0], other, *LAYERS[2:]], resume=checkpoint(epochs=2)).close()


def test_a_run_cannot_go_back():
    with pytest.raises(ConvcliError, match=r"checkpoint: epochs 1: 2 are done \(more, or leave it out\)"):
        lesson(LAYERS, resume=checkpoint(epochs=2), epochs=1).close()


def test_dropout_that_is_not_trainable_drops_all_the_same():
    layers = [{"dropout": {"rate": 0.5, "trainable": False}}, "Flatten()", "Dense(3, activation='softmax')"]
    with lesson(layers, epochs=1) as run:
        dropped = run.learn().history["loss"]
    with lesson(layers[1:], epochs=1) as run:
        assert run.learn().history["loss"] != dropped
