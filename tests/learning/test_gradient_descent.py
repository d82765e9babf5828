"""Gradient descent: epochs and batches by hand, randomness, early stopping, and losses that diverge."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from learning_cases import training

import convcli
from convcli.core.errors import ConvcliError
from convcli.learning.gradient_descent import GradientDescent, default_epochs
from convcli.learning.metrics import EpochMetrics
from convcli.learning.network import Network
from convcli.learning.options import Options
from convcli.learning.samples import training_count

RANDOM = np.random.default_rng(0)


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
def test_by_default_there_are_as_many_epochs_as_make_5000_updates(samples, batch_size, epochs):
    assert default_epochs(samples, batch_size) == epochs


def test_samples_are_split_for_validation_as_keras_splits_them():
    assert [training_count(1797, share) for share in (0.0, 0.25, 0.5)] == [1797, 1347, 898]
    assert training_count(3, 0.1) == 2
    with pytest.raises(ConvcliError, match=r"^validation_split 0.99 of 3 samples: 0 to learn from and 3 for val"):
        training_count(3, 0.99)


def test_metrics_of_an_epoch_are_means_over_its_samples():
    metrics = EpochMetrics()
    metrics.add(3, 2.0, {"a": (1, 3)})
    metrics.add(1, 6.0, {"a": (1, 1)})
    assert metrics.by_name() == {"loss": (3 * 2 + 6) / 4, "accuracy": 2 / 4}
    metrics.correct["b"] = (1, 8)
    assert metrics.by_name("val_") == {"val_loss": 3, "val_a_accuracy": 2 / 4, "val_b_accuracy": 1 / 8}


def test_an_epoch_gives_the_weights_and_losses_computed_by_hand():
    """For y = w·x on the samples (2, 0) and (2, 0), an update changes w by -0.1·2·(y - t)·x."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[1]])"])
    x, t = np.full((2, 1), 2.0), np.zeros((2, 1))
    options = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "dtype": "float64"}
    fitted = convcli.fit(model, x, t, batch_size=1, **options)
    # w = 1 - 0.1·2·2·2 = 0.2, then 0.2 - 0.1·2·0.4·2 = 0.04; the losses are 2² and 0.4².
    np.testing.assert_allclose(fitted.weights["dense/kernel"], [[0.04]], rtol=1e-12)
    assert fitted.history["loss"] == [pytest.approx((4 + 0.16) / 2)]
    fitted = convcli.fit(model, x, t, batch_size=2, validation_split=0.5, **options)
    np.testing.assert_allclose(fitted.weights["dense/kernel"], [[0.2]], rtol=1e-12)
    assert fitted.history == {"loss": [pytest.approx(4)], "val_loss": [pytest.approx(0.16)]}


def test_an_epoch_learns_from_every_sample_once():
    """With x = 1 and a tiny rate, w moves by the sum over the samples: 1 + 2 + 4 + … + 64 shows each of them."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[0]])"])
    t = 2.0 ** np.arange(7)
    rate, moved = 1e-9, []
    for batch_size in (1, 7, 32):
        options = {"optimizer": "sgd", "learning_rate": rate, "epochs": 1, "dtype": "float64", "loss": "mse"}
        fitted = convcli.fit(model, np.ones((7, 1)), t[:, None], batch_size=batch_size, **options)
        moved.append(float(fitted.weights["dense/kernel"][0, 0]) / (2 * rate))
    assert moved[0] == pytest.approx(127, rel=1e-6)  # each sample is a batch
    assert moved[1:] == [pytest.approx(127 / 7, rel=1e-6)] * 2  # one batch, whose loss is the mean


def test_each_epoch_has_another_order_of_samples(monkeypatch):
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[0]])"])
    x, t = RANDOM.normal(size=(2, 8, 1))
    seen = []
    forward = Network.forward

    def recording_forward(network, inputs, *rest):
        seen.append(float(inputs["input"][0, 0]))
        return forward(network, inputs, *rest)

    monkeypatch.setattr(Network, "forward", recording_forward)
    with training(model, x, t, Options(epochs=2, batch_size=1, optimizer="sgd", learning_rate=1e-12)) as run:
        run.run()
    first, second, given = seen[:8], seen[8:], x.astype(np.float32).ravel().tolist()
    assert sorted(first) == sorted(second) == sorted(given)
    assert first != second
    assert first != given


def test_each_batch_of_each_epoch_drops_other_values(monkeypatch):
    model = convcli.load(["Dropout(0.5)", "Dense(1)"])
    seen = []
    forward = Network.forward

    def recording_forward(network, inputs, *rest):
        done = forward(network, inputs, *rest)
        if rest:  # in training
            seen.append(done.outputs["dense"].tobytes())
        return done

    monkeypatch.setattr(Network, "forward", recording_forward)
    options = Options(epochs=3, batch_size=2, validation_split=0.5)
    with training(model, np.ones((8, 64)), np.ones((8, 1)), options) as run:
        run.descent.network.weights.by_layer["dense"]["kernel"][...] = RANDOM.normal(size=(64, 1))
        monkeypatch.setattr(run.descent.optimizer, "update", lambda weights, gradient: None)
        run.run()
    # Inputs and weights are equal in all, so only dropout can make a difference.
    assert len(set(seen)) == len(seen) == 3 * 2


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best"),
    [
        ([3, 2, 2, 1], 1, 3, 2),  # an equal loss is not an improvement
        ([3, 2, 2, 1], 2, 4, 4),
        ([1, 2, nan, 0], 2, 3, 1),
        ([inf, 3, inf, inf, 1], 2, 4, 2),
        ([nan, 1, 1], 2, 3, 1),  # as in Keras: nothing is less than NaN
    ],
)
def test_early_stopping_is_that_of_keras(losses, patience, epochs, best, monkeypatch):
    monkeypatch.setattr(GradientDescent, "validate", lambda run, should_stop: {"val_loss": float(losses[run.epoch])})
    x, t = RANDOM.normal(size=(2, 10, 1))
    with training(convcli.load(["Dense(1)"]), x, t, Options(patience=patience, epochs=len(losses))) as run:
        result = run.run()
    assert (len(result.history["loss"]), result.best_epoch) == (epochs, best)


def test_after_a_loss_diverges_the_weights_are_those_of_the_last_finite_loss():
    """With loss w² and a rate of 5e9, w becomes w·(1 - 1e10): 1, -1e10, 1e20, whose square overflows float32."""
    model = convcli.load(["Dense(1, use_bias=False, kernel=[[1]])"])
    options = Options(optimizer="sgd", learning_rate=5e9, epochs=9)
    with np.errstate(over="ignore"), training(model, np.ones((4, 1)), np.zeros((4, 1)), options) as run:
        result = run.run()
    assert (result.stop_reason, result.updates) == ("diverged", 2)
    assert result.weights["dense"]["kernel"][0, 0] == pytest.approx(-1e10)
    assert str(result.error).startswith("epoch 3, batch 1: the loss is not finite")


def test_dropout_in_a_layer_that_is_not_trainable_still_drops():
    x, t = RANDOM.normal(size=(10, 5, 5, 1)), RANDOM.integers(0, 3, 10)
    layers = [{"dropout": {"rate": 0.5, "trainable": False}}, "Flatten()", "Dense(3, activation='softmax')"]
    with_dropout, without = (convcli.fit(convcli.load(each), x, t, epochs=1).history for each in (layers, layers[1:]))
    assert with_dropout["loss"] != without["loss"]
