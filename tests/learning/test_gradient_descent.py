"""How a run goes: what layers do in it, where it ends, and what it goes on from."""

from __future__ import annotations

import json
import tracemalloc
from itertools import count
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from runs import training

import convcli
from convcli.core.errors import ConvcliError
from convcli.learning import checkpoints
from convcli.learning.gradient_descent import EpochMetrics, GradientDescent, enough_epochs, split
from convcli.learning.losses import LOSSES
from convcli.learning.network import Network
from convcli.learning.options import Options
from convcli.learning.training import Training
from convcli.model.plan import make_plan

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(10, 5, 5, 1))
CLASSES = RANDOM.integers(0, 3, 10)
LAYERS = ["Conv2D(2, 3, name='training')", "Dropout(0.5)", "Flatten()", "Dense(3, activation='softmax', name='d')"]


def lesson(layers: list[Any], resume: Any = None, **options: Any) -> Training:
    model = convcli.load(layers)
    held = checkpoints.unpack(resume) if resume else None
    goals = {model.outputs[0]: CLASSES}
    options = {"batch_size": 4, **options}
    return training(model, {"input": IMAGES}, goals, Options(**options), resume=held)


def stopped(run: Training, asked: int | None = None) -> tuple[str, dict[str, Any]]:
    """How a run ends that is stopped when it asks for the given time, and what it keeps."""
    kept: dict[str, Any] = {}
    times = count(1)
    with run:
        ending = run.learn(
            stop=lambda: next(times) == asked,
            save=lambda found: kept.update({key: np.array(each) for key, each in found.items()}),
        ).ending
    return ending, kept


def checkpoint(**options: Any) -> dict[str, Any]:
    """What a run of some epochs keeps at its end."""
    return stopped(lesson(LAYERS, **options))[1]


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


@pytest.mark.parametrize("asked", range(1, 8))
def test_a_run_that_stops_at_any_time_goes_on_to_the_same(asked):
    options = {"epochs": 2, "validation_split": 0.4, "patience": 2}  # two batches to learn from and one to judge by
    layers = [*LAYERS[:2], "BatchNormalization()", *LAYERS[2:]]
    with lesson(layers, **options) as run:
        whole = run.learn()
    ending, kept = stopped(lesson(layers, **options), asked)
    assert ending == ("interrupted" if asked <= 6 else "done")
    with lesson(layers, resume=kept, **options) as run:
        done = run.learn()
    assert done.history == whole.history
    for key, each in done.stored.items():
        np.testing.assert_array_equal(each, whole.stored[key], err_msg=key)


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


MAPS = RANDOM.normal(size=(10, 5, 5, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": float("inf")}, "learning_rate inf (a number above 0)"),
        ({"learning_rate": True}, "learning_rate True (a number above 0)"),
        ({"loss": {"d": "mse"}}, "loss {'d': 'mse'} (known: binary_crossentropy, categorical_crossentropy, huber,"),
        ({"loss": "sparse_categorical_crossentropy"}, "layer conv2d: sparse_categorical_crossentropy is of"),
        ({"targets": 3.0}, "target conv2d: shape () ((10, 5, 5, 2) for mse here)"),
        ({"targets": MAPS * 1e300}, "target conv2d: holds "),
        ({"inputs": IMAGES * 1e19}, "epoch 1, batch 1: the loss is not finite (smaller inputs or weights, such as by"),
    ],
)
def test_errors_say_what_is_wrong(options, message):
    given = {"inputs": IMAGES, "targets": MAPS, **options}
    if "loss" in options:
        given["targets"] = RANDOM.integers(0, 2, (10, 5, 5))
    with pytest.raises(ConvcliError) as caught, np.errstate(over="ignore"):
        convcli.fit(convcli.load(["Conv2D(2, 3, padding='same')"]), **given)
    assert str(caught.value).startswith(message)


def test_numbers_of_numpy_are_numbers():
    model = convcli.load(["Conv2D(2, 3, padding='same')"])
    rates = [0.5, np.float64(0.5)]
    one, other = (convcli.fit(model, IMAGES, MAPS, learning_rate=rate, epochs=1).history for rate in rates)
    assert one == other


def test_errors_of_training_name_the_file(tmp_path):
    path = tmp_path / "still.yaml"
    path.write_text("[{conv2d: {filters: 2, kernel_size: 3, padding: same, trainable: false}}]")
    model = convcli.load(str(path))
    with pytest.raises(ConvcliError, match=r"still\.yaml: nothing to learn"):
        convcli.fit(model, IMAGES, MAPS)
    with pytest.raises(ConvcliError, match=r"still\.yaml: layer conv2d: categorical_crossentropy is of probabilities"):
        convcli.fit(model, IMAGES, np.abs(MAPS) % 1, loss="categorical_crossentropy")
    with pytest.raises(ConvcliError, match=r"^target conv2d: shape"):
        convcli.fit(model, IMAGES, MAPS[1:])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_classes_of_places_may_have_an_axis_for_channels(data_format):
    model = convcli.load(["Conv2D(3, 3, activation='softmax')"], data_format=data_format)
    last = data_format == "channels_last"
    classes = RANDOM.integers(0, 3, (10, 3, 3))
    images, axis = (IMAGES, -1) if last else (IMAGES.transpose(0, 3, 1, 2), 1)
    bare, with_axis = (
        convcli.fit(model, images, each, epochs=2).history for each in (classes, np.expand_dims(classes, axis))
    )
    assert bare == with_axis


def test_classes_of_what_is_not_shares_are_judged_as_in_keras():
    y, right = np.array([[0.5, 2.0, 0.25], [0.0, 0.5, 1.0]]), np.array([1, 1])
    value, gradient = LOSSES["sparse_categorical_crossentropy"].function(y, np.eye(3)[right])
    # Cut off at 1, then shares of the sum: 1/1.75 and 0.5/1.5. A cell that was cut off has no slope.
    assert value == pytest.approx((np.log(1.75) + np.log(3)) / 2, rel=1e-6)
    np.testing.assert_allclose(gradient, [[1 / 3.5, 0, 1 / 3.5], [0, (1 / 1.5 - 2) / 2, 0]], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("losses", "patience", "epochs", "best"),
    [
        ([3, 2, 2, 1], 1, 3, 2),  # a tie is no better
        ([3, 2, 2, 1], 2, 4, 4),
        ([1, 2, nan, 0], 2, 3, 1),
        ([inf, 3, inf, inf, 1], 2, 4, 2),
        ([nan, 1, 1], 2, 3, 1),  # as in Keras, nothing is less than that
    ],
)
def test_patience_is_that_of_keras(losses, patience, epochs, best, monkeypatch):
    monkeypatch.setattr(GradientDescent, "validation", lambda run, stop: {"val_loss": float(losses[run.epoch])})
    with lesson(LAYERS, patience=patience, epochs=len(losses)) as run:
        done = run.learn()
    assert (len(done.history["loss"]), done.best_epoch) == (epochs, best)


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
    sums = EpochMetrics()
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
    options = Options(epochs=2, batch_size=1, optimizer="sgd", learning_rate=1e-12)
    with training(model, {"input": data}, {"dense": goals}, options) as lesson:
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
    options = Options(epochs=3, batch_size=2, validation_split=0.5)
    with training(model, {"input": np.ones((8, 64))}, {"dense": np.ones((8, 1))}, options) as lesson:
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
    options = Options(optimizer="sgd", learning_rate=5e9, epochs=9)
    data = {"input": np.ones((4, 1))}, {"dense": np.zeros((4, 1))}
    with np.errstate(over="ignore"), training(model, *data, options) as lesson:
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


@pytest.mark.parametrize(
    ("layers", "shape", "batch_size"),
    [
        (["Conv2D(32, 3, padding='same')", "BatchNormalization()", "ReLU()"], (48, 48, 3), 32),
        (["Conv2D(8, 15, padding='same')"], (96, 96, 8), 8),
        (["Conv2DTranspose(16, 4, strides=2, padding='same')"], (32, 32, 16), 16),
        (["Dense(1000)", "Dense(2000, activation='gelu')"], (1000,), 8),
        (["DepthwiseConv2D(5, padding='same')", "LayerNormalization()"], (48, 48, 32), 8),
    ],
)
def test_a_batch_takes_no_more_memory_than_is_said(layers, shape, batch_size, monkeypatch):
    model = convcli.load(layers)
    (target,) = make_plan(model, {"input": shape}).output_shapes.values()
    data = {"input": np.ones((batch_size, *shape))}, {model.outputs[0]: np.zeros((batch_size, *target))}
    said = []
    monkeypatch.setattr("convcli.core.memory.require", lambda needed, remedy: said.append(needed))
    with training(model, *data, Options(epochs=2, batch_size=batch_size, loss="mse")) as run:
        tracemalloc.start()
        run.learn()
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert taken <= said[-1] <= 8 * taken + (128 << 20)
