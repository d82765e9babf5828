"""Trainings: which are refused and with what message, how they resume, and how much memory they take."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from learning_cases import run_until, training

import convcli
from convcli.core.errors import ConvcliError
from convcli.learning.options import Options
from convcli.model.plan import make_plan

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(10, 5, 5, 1))
CLASSES = RANDOM.integers(0, 3, 10)
MAPS = RANDOM.normal(size=(10, 5, 5, 2))
# The first layer is called as the keys of a checkpoint's own arrays begin.
LAYERS = ["Conv2D(2, 3, name='training')", "Dropout(0.5)", "Flatten()", "Dense(3, activation='softmax', name='d')"]


def classifier(layers, checkpoint=None, **options):
    """Return a training of these layers on images and their classes."""
    return training(convcli.load(layers), IMAGES, CLASSES, Options(**{"batch_size": 4, **options}), checkpoint)


def checkpoint(**options):
    """Return the last checkpoint of a training of `LAYERS`."""
    return run_until(classifier(LAYERS, **options))[1]


def assert_same(weights, expected):
    assert weights.keys() == expected.keys()
    for key, array in weights.items():
        np.testing.assert_array_equal(array, expected[key], err_msg=key)


# ---- resuming ----


def test_a_training_resumes_whatever_its_layers_are_called():
    through, _ = run_until(classifier(LAYERS, epochs=4))
    resumed, _ = run_until(classifier(LAYERS, checkpoint(epochs=2), epochs=4))
    assert "training/kernel" in resumed.weights_by_key
    assert_same(resumed.weights_by_key, through.weights_by_key)


@pytest.mark.parametrize("call", range(1, 8))
def test_a_training_that_is_stopped_at_any_time_resumes_to_the_same_result(call):
    # Two batches of training and one of validation in each epoch: it asks three times whether to stop.
    options = {"epochs": 2, "validation_split": 0.4, "patience": 2}
    layers = [*LAYERS[:2], "BatchNormalization()", *LAYERS[2:]]
    through, _ = run_until(classifier(layers, **options))
    stopped, saved = run_until(classifier(layers, **options), call)
    assert stopped.stop_reason == ("interrupted" if call <= 6 else "done")
    resumed, _ = run_until(classifier(layers, saved, **options))
    assert resumed.history == through.history
    assert_same(resumed.weights_by_key, through.weights_by_key)


def test_weights_that_a_checkpoint_lacks_are_not_drawn():
    arrays = checkpoint(epochs=2)
    del arrays["d/kernel"]
    with pytest.raises(ConvcliError, match=r"layer d: no values for kernel \(18, 3\)"):
        classifier(LAYERS, arrays)


@pytest.mark.parametrize(
    "other", ["Dropout(0.4)", {"dropout": {"rate": 0.5, "trainable": False}}, "GaussianNoise(0.5)"], ids=str
)
def test_a_training_does_not_resume_with_another_model(other):
    with pytest.raises(ConvcliError, match="checkpoint: made with another model"):
        classifier([LAYERS[0], other, *LAYERS[2:]], checkpoint(epochs=2))


def test_a_training_does_not_resume_to_fewer_epochs_than_are_done():
    with pytest.raises(ConvcliError, match=r"checkpoint: epochs 1: 2 are done \(more, or leave it out\)"):
        classifier(LAYERS, checkpoint(epochs=2), epochs=1)


# ---- variables that training leaves alone ----


def test_statistics_that_were_measured_before_and_their_count_are_left_alone():
    weights = {"n/mean": np.full(1, 0.5), "n/variance": np.full(1, 4.0), "n/count": np.array(7)}
    model = convcli.load(["Normalization(name='n')", "Conv2D(2, 3, padding='same')"])
    fitted = convcli.fit(model, IMAGES, MAPS, weights=weights, epochs=1)
    assert set(fitted.weights) == {"n/mean", "n/variance", "conv2d/kernel", "conv2d/bias"}
    assert (fitted.weights["n/mean"], fitted.weights["n/variance"]) == (0.5, 4)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": float("inf")}, "learning_rate inf (a number above 0)"),
        ({"learning_rate": True}, "learning_rate True (a number above 0)"),
        ({"loss": {"d": "mse"}}, "loss {'d': 'mse'} (known: binary_crossentropy, categorical_crossentropy, huber,"),
        ({"loss": "sparse_categorical_crossentropy"}, "layer conv2d: sparse_categorical_crossentropy takes"),
        ({"targets": 3.0}, "target conv2d: shape () ((10, 5, 5, 2) for mse here)"),
        ({"targets": MAPS * 1e300}, "target conv2d: holds "),
        ({"inputs": IMAGES * 1e19}, "epoch 1, batch 1: the loss is not finite (smaller inputs or weights)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, message):
    arguments = {"inputs": IMAGES, "targets": MAPS, **options}
    if "loss" in options:
        arguments["targets"] = RANDOM.integers(0, 2, (10, 5, 5))
    with pytest.raises(ConvcliError) as caught, np.errstate(over="ignore"):
        convcli.fit(convcli.load(["Conv2D(2, 3, padding='same')"]), **arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
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
    ],
)
def test_values_of_options_that_the_command_line_refuses_are_refused(options, message):
    with pytest.raises(ConvcliError) as caught:
        convcli.fit(convcli.load(["Dense(1)"]), np.ones((4, 1)), np.ones((4, 1)), **options)
    assert str(caught.value) == message


def test_errors_name_the_file_of_the_model(tmp_path):
    path = tmp_path / "still.yaml"
    path.write_text("[{conv2d: {filters: 2, kernel_size: 3, padding: same, trainable: false}}]")
    model = convcli.load(str(path))
    with pytest.raises(ConvcliError, match=r"still\.yaml: nothing to learn"):
        convcli.fit(model, IMAGES, MAPS)
    with pytest.raises(ConvcliError, match=r"still\.yaml: layer conv2d: categorical_crossentropy takes probabilities"):
        convcli.fit(model, IMAGES, np.abs(MAPS) % 1, loss="categorical_crossentropy")
    with pytest.raises(ConvcliError, match=r"^target conv2d: shape"):
        convcli.fit(model, IMAGES, MAPS[1:])


def test_options_may_be_numbers_of_numpy():
    model = convcli.load(["Conv2D(2, 3, padding='same')"])
    python, numpy = (
        convcli.fit(model, IMAGES, MAPS, learning_rate=rate, epochs=1).history for rate in (0.5, np.float64(0.5))
    )
    assert python == numpy


# ---- memory ----


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
def test_training_takes_no_more_memory_than_is_checked_for(layers, shape, batch_size, monkeypatch):
    model = convcli.load(layers)
    (target,) = make_plan(model, {"input": shape}).output_shapes.values()
    checked = []
    monkeypatch.setattr("convcli.core.memory.require", lambda needed, remedy: checked.append(needed))
    options = Options(epochs=2, batch_size=batch_size, loss="mse")
    with training(model, np.ones((batch_size, *shape)), np.zeros((batch_size, *target)), options) as run:
        tracemalloc.start()
        run.run()
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert taken <= checked[-1] <= 8 * taken + (128 << 20)
