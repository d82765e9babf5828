"""Epochs, batches and figures of training."""

from __future__ import annotations

import numpy as np
import pytest

import convcli
from convcli import api
from convcli.errors import ConvcliError
from convcli.learning.network import Network
from convcli.learning.training import Sums, enough_epochs, split


@pytest.mark.parametrize(
    ("samples", "batch_size", "epochs"),
    [
        (512, 32, 313),  # 16 batches; 312 * 16 = 4992
        (513, 32, 295),  # 17 batches; 294 * 17 = 4998
        (1, 32, 5000),
        (16_000, 32, 10),  # 500 batches; 10 * 500 = 5000
        (100_000, 32, 10),
    ],
)
def test_enough_epochs(samples, batch_size, epochs):
    assert enough_epochs(samples, batch_size) == epochs


def test_what_is_kept_for_validation():
    # as Keras splits: the whole part of what is left
    assert [split(1797, share) for share in (0.0, 0.25, 0.5)] == [1797, 1347, 898]
    assert split(3, 0.1) == 2
    with pytest.raises(ConvcliError, match=r"^validation_split 0.99 of 3 samples: 0 to learn from and 3 for val"):
        split(3, 0.99)


def test_figures_of_an_epoch():
    sums = Sums()
    sums.add(3, 2.0, {"a": (1, 3), "b": None})
    sums.add(1, 6.0, {"a": (1, 1), "b": None})
    assert sums.figures() == {"loss": (3 * 2 + 6) / 4, "accuracy": 2 / 4}
    sums.right["b"] = (1, 8)
    assert sums.figures("val_") == {"val_loss": 3, "val_a_accuracy": 2 / 4, "val_b_accuracy": 1 / 8}


def test_an_epoch_by_hand():
    """y = w·x from w = 1 on the samples (2, 0), twice: one update of 0.1·2·(y - t)·x, the second batch from there."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[1]])"])
    x, t = np.full((2, 1), 2.0), np.zeros((2, 1))
    options = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "dtype": "float64"}
    done = convcli.fit(model, x, t, batch_size=1, **options)
    # w = 1 - 0.1·2·2·2 = 0.2, then 0.2 - 0.1·2·0.4·2 = 0.04; losses 4 and 0.16
    np.testing.assert_allclose(done.weights["dense/kernel"], [[0.04]], rtol=1e-12)
    assert done.history["loss"] == [pytest.approx((4 + 0.16) / 2)]
    whole = convcli.fit(model, x, t, batch_size=2, validation_split=0.5, **options)
    np.testing.assert_allclose(whole.weights["dense/kernel"], [[0.2]], rtol=1e-12)
    assert whole.history == {"loss": [pytest.approx(4)], "val_loss": [pytest.approx(0.16)]}


def test_every_sample_is_learned_from_once_an_epoch():
    """Of a constant input and rate, w moves by the sum over the samples: none twice, none left out, in any batches."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[0]])"])
    t = 2.0 ** np.arange(7)
    rate, moved = 1e-9, []
    for batch_size in (1, 7, 32):
        options = {"optimizer": "sgd", "learning_rate": rate, "epochs": 1, "dtype": "float64", "loss": "mse"}
        done = convcli.fit(model, np.ones((7, 1)), t[:, None], batch_size=batch_size, **options)
        moved.append(float(done.weights["dense/kernel"][0, 0]) / (2 * rate))
    assert moved[0] == pytest.approx(127, rel=1e-6)  # 1 + 2 + 4 + … + 64, each a batch
    assert moved[1:] == [pytest.approx(127 / 7, rel=1e-6)] * 2  # their mean; 32 is more than there are


def test_samples_come_in_another_order_in_each_epoch(monkeypatch):
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[0]])"])
    data = np.random.default_rng(0).normal(size=(8, 1))
    goals = np.random.default_rng(1).normal(size=(8, 1))
    seen = []
    options = api.Options(epochs=2, batch_size=1, optimizer="sgd", learning_rate=1e-12)
    with api.Lesson(model, {"input": data}, {"dense": goals}, options) as lesson:
        forward = Network.forward

        def watched(network, inputs, *rest):
            seen.append(float(inputs["input"][0, 0]))
            return forward(network, inputs, *rest)

        monkeypatch.setattr(Network, "forward", watched)
        lesson.learn()
    first, second = seen[:8], seen[8:]
    assert sorted(first) == sorted(second) == sorted(data.astype(np.float32).ravel().tolist())
    assert first != second
    assert first != data.astype(np.float32).ravel().tolist()


def test_chance_is_another_in_every_batch_of_every_epoch(monkeypatch):
    model = convcli.load(["Dropout(0.5)", "Dense(1)"])
    seen = []
    options = api.Options(epochs=3, batch_size=2, validation_split=0.5)
    with api.Lesson(model, {"input": np.ones((8, 64))}, {"dense": np.ones((8, 1))}, options) as lesson:
        forward = lesson._network.forward

        def watched(inputs, *rest):
            passed = forward(inputs, *rest)
            seen.append(passed.values["dense"].tobytes()) if rest else None
            return passed

        lesson._network.weights["dense"]["kernel"][...] = np.random.default_rng(0).normal(size=(64, 1))
        monkeypatch.setattr(lesson._run.optimizer, "update", lambda weights, gradient: None)
        monkeypatch.setattr(lesson._network, "forward", watched)
        lesson.learn()
    assert len(set(seen)) == len(seen) == 3 * 2  # equal inputs and weights, never the same values dropped


def test_a_loss_that_diverges_step_by_step():
    """By w·1 - 0, at a rate of 5e9, w becomes w·(1 - 1e10): 1, -1e10, 1e20, whose square is no float32 any more."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[1]])"])
    options = api.Options(optimizer="sgd", learning_rate=5e9, epochs=9)
    data = {"input": np.ones((4, 1))}, {"dense": np.zeros((4, 1))}
    with np.errstate(over="ignore"), api.Lesson(model, *data, options) as lesson:
        learned = lesson.learn()
    assert (learned.ending, learned.updates) == ("diverged", 2)
    assert learned.weights["dense"]["kernel"][0, 0] == pytest.approx(-1e10)
    assert str(learned.problem).startswith("epoch 3, batch 1: the loss is not finite")


def test_the_library_refuses_what_the_options_would():
    model, x = convcli.load(["Dense(1)"]), np.ones((4, 1))
    for options, message in (
        ({"optimizer": "adan"}, "optimizer 'adan' (did you mean adam?)"),
        ({"loss": "msa"}, "loss 'msa' (did you mean mse?)"),
        ({"momentum": 0.5}, "momentum 0.5: adam has its own (sgd or rmsprop)"),
        ({"momentum": 1, "optimizer": "sgd"}, "momentum 1 (at least 0, and below 1)"),
        ({"learning_rate": 0}, "learning_rate 0 (a number above 0)"),
        ({"learning_rate": float("nan")}, "learning_rate nan (a number above 0)"),
        ({"epochs": 0}, "epochs 0 (a whole number of at least 1)"),
        ({"batch_size": 1.5}, "batch_size 1.5 (a whole number of at least 1)"),
        ({"seed": -1}, "seed -1 (a whole number of at least 0)"),
        ({"patience": True}, "patience True (a whole number of at least 1)"),
        ({"validation_split": 1.0}, "validation_split 1.0 (at least 0, and below 1)"),
    ):
        with pytest.raises(ConvcliError) as caught:
            convcli.fit(model, x, x, **options)
        assert str(caught.value) == message
