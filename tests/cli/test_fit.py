"""`convcli fit`: what it learns, what stays as it is, and what is said of a model's settings."""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np
import pytest
from conftest import ROOT
from fit_runs import LINES, SAMPLES, UPRIGHT, assert_same, read_npz, run_fit, write_data

import convcli as library

DIGITS = ("samples/digits.npz:images", "samples/digits.npz:classes", "samples/digits.yaml")


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


@pytest.fixture
def fit(convcli, data):
    """Runs fit in the folder of the data: the answer and the weights."""
    return partial(run_fit, convcli, data)


# ---- what is learned ----


def test_the_detector_of_upright_lines_is_learned_back(convcli, tmp_path):
    result = convcli("fit", *LINES, "-o", tmp_path / "lines.npz")
    assert " Epochs: 313, 5,008 updates\n" in result.stdout  # 512/32 = 16 batches; 313 * 16 is the first above 5,000
    weights = read_npz(tmp_path / "lines.npz")
    assert np.abs(weights["conv2d/kernel"][..., 0, 0] - UPRIGHT).max() < 0.02
    assert np.abs(weights["conv2d/bias"]).max() < 0.02


def test_the_bump_detector_is_learned_back_and_can_be_applied(convcli, tmp_path):
    file = tmp_path / "bump.npz"
    result = convcli("fit", "samples/bumps.npy", "samples/bump-maps.npy", "-l", "Conv1D(1, 3)", "-o", file, "-f", "csv")
    assert len(result.stdout.splitlines()) == 1 + 1250  # 128/32 = 4 batches; 1250 * 4 = 5,000
    assert np.abs(read_npz(file)["conv1d/kernel"].ravel() - [0, 1, 0]).max() < 0.02
    applied = convcli("apply", "samples/bump.yaml", "-l", "Conv1D(1, 3)", "--weights", file, "-f", "json")
    np.testing.assert_allclose(np.ravel(json.loads(applied.stdout)["output"]), [0, 0, 1, 1, 0, 0], atol=0.02)


def test_digits_that_were_not_learned_from_are_recognised(convcli, tmp_path):
    options = ("--validation-split", "0.25", "--epochs", "20", "-f", "json")
    answer = json.loads(convcli("fit", *DIGITS, *options, "-o", tmp_path / "digits.npz").stdout)
    accuracy = answer["history"]["val_accuracy"][-1]
    assert accuracy > 0.97
    assert answer["loss"] == "sparse_categorical_crossentropy"
    assert (answer["samples"], answer["validation_samples"]) == (1347, 450)
    images, classes = (read_npz(ROOT / "samples/digits.npz")[name][1347:] for name in ("images", "classes"))
    outputs = library.apply(library.load(ROOT / "samples/digits.yaml"), images, weights=tmp_path / "digits.npz")
    assert np.mean(outputs.argmax(-1) == classes) == accuracy


def test_a_model_of_several_inputs_and_outputs_learns_them_all(fit, data):
    (data / "two.yaml").write_text(
        "input: {a: [4], b: [4]}\n"
        "layers:\n"
        "  - dense: {name: linear, units: 2, inputs: a}\n"
        "  - add: {name: both, inputs: [a, b]}\n"
        "  - dense: {name: class, units: 3, activation: softmax}\n"
        "outputs: [linear, class]\n"
    )
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, SAMPLES, 4))
    np.savez(data / "in.npz", a=a, b=b)
    np.savez(data / "out.npz", **{"linear": a[:, :2] - 1, "class": np.argmax((a + b)[:, :3], axis=1)})
    options = ("--epochs", 150, "--learning-rate", 0.05)
    answer, weights = fit("in.npz", "out.npz", "two.yaml", *options, model=())
    assert answer["loss"] == {"linear": "mse", "class": "sparse_categorical_crossentropy"}
    assert set(answer["history"]) == {"loss", "accuracy"}
    assert answer["history"]["accuracy"][-1] > 0.9
    np.testing.assert_allclose(weights["linear/kernel"], np.eye(4, 2), atol=0.02)
    np.testing.assert_allclose(weights["linear/bias"], [-1, -1], atol=0.02)
    np.save(data / "a.npy", a)
    np.save(data / "b.npy", b)
    pairs = (f"b={data / 'b.npy'}", f"a={data / 'a.npy'}")
    assert_same(fit(*pairs, "out.npz", "two.yaml", *options, model=())[1], weights)


def test_channels_first_data_give_the_same_weights(fit, data):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(SAMPLES, 6, 5, 2)), random.normal(size=(SAMPLES, 4, 3, 2))
    for name, array in (("x", x), ("y", y)):
        np.save(data / f"{name}-last.npy", array)
        np.save(data / f"{name}-first.npy", np.moveaxis(array, -1, 1))
    model = ("-l", "Conv2D(2, 3)", "--epochs", "2")
    last = fit("x-last.npy", "y-last.npy", model=model)[1]
    first = fit("x-first.npy", "y-first.npy", model=(*model, "--data-format", "channels_first"))[1]
    assert_same(first, last)


def test_a_linear_function_is_learned_from_text(fit, data):
    x = np.random.default_rng(0).integers(-2, 3, (40, 2))
    np.savetxt(data / "x.csv", x, "%d", ",")
    np.savetxt(data / "y.csv", 2 * x[:, 0] - 3 * x[:, 1] + 1, "%d")
    options = ("--optimizer", "sgd", "--learning-rate", "0.1", "--epochs", "60")
    weights = fit("x.csv", "y.csv", model=("-l", "Flatten()", "-l", "Dense(1)", *options))[1]
    np.testing.assert_allclose(weights["dense/kernel"].ravel(), [2, -3], atol=1e-3)
    np.testing.assert_allclose(weights["dense/bias"], [1], atol=1e-3)


def test_a_target_may_lack_the_axis_of_its_only_channel(fit, data):
    np.save(data / "flat.npy", np.load(data / "maps.npy")[..., 0])
    with_axis, without = (fit("x.npy", name, "--epochs", "1")[1] for name in ("maps.npy", "flat.npy"))
    assert_same(without, with_axis)


def test_a_filter_is_learned_from_an_image(convcli, fit, data):
    gray = ("--gray", "--scale", "1/255")
    convcli("apply", "samples/house.png", "--filter", "sobel-x", *gray, "-o", data / "edges.npy")
    options = ("--epochs", 1200, "--learning-rate", 0.02, "--compare-with", "sobel-x")
    answer, weights = fit("samples/house.png", "edges.npy", *gray, *options)
    assert (answer["samples"], answer["updates"]) == (1, 1200)
    assert answer["compared"]["largest_error"]["map 0"] < 0.05
    assert np.abs(weights["conv2d/kernel"][..., 0, 0] - [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).max() < 0.05


def test_an_image_can_be_input_and_target(fit):
    answer, _ = fit("samples/house.png", "samples/house.png", model=("-l", "Conv2D(3, 1)", "--epochs", "1"))
    assert (answer["samples"], answer["input_shape"][-1]) == (1, 3)


# ---- what may change ----


def changed_layers(before, after):
    return {key.partition("/")[0] for key in before if not np.array_equal(before[key], after[key])}


def test_a_frozen_layer_keeps_its_weights_and_its_statistics(fit, data):
    before = fit("x.npy", "classes.npy", "network.yaml", "--epochs", 2, "--seed", 5, model=())[1]
    (data / "before.npz").write_bytes((data / "w.npz").read_bytes())
    options = ("--weights", data / "before.npz", "--epochs", 2, "--freeze", "conv2d", "--freeze", "batch_normalization")
    answer, after = fit("x.npy", "classes.npy", "network.yaml", *options, model=())
    assert answer["trainable_params"] == 48 * 3 + 3  # 4·4·3 values to 3 classes
    assert changed_layers(before, after) == {"dense"}


def test_a_layer_that_is_not_trainable_keeps_its_weights(fit, data):
    text = (data / "network.yaml").read_text()
    (data / "fixed.yaml").write_text(text.replace("activation: tanh", "activation: tanh, trainable: false"))
    before = fit("x.npy", "classes.npy", "network.yaml", "--epochs", 2, "--seed", 5, model=())[1]
    (data / "before.npz").write_bytes((data / "w.npz").read_bytes())
    after = fit("x.npy", "classes.npy", "fixed.yaml", "--weights", data / "before.npz", "--epochs", 2, model=())[1]
    assert changed_layers(before, after) == {"batch_normalization", "dense"}
    assert not np.array_equal(after["batch_normalization/moving_mean"], before["batch_normalization/moving_mean"])


def test_the_seed_determines_all_weights(fit):
    once, again, other = (
        fit("x.npy", "classes.npy", "network.yaml", "--epochs", 2, "--seed", seed, model=())[1] for seed in (4, 4, 5)
    )
    assert_same(again, once)
    assert not any(np.array_equal(once[key], other[key]) for key in once)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_same_weights(fit, data, threads):
    images = np.random.default_rng(0).normal(size=(SAMPLES, 24, 24, 3)).astype(np.float32)
    np.save(data / "images.npy", images)
    np.save(data / "one-hot.npy", np.eye(3)[np.load(data / "classes.npy")])
    layers = ("Conv2D(8, 3, activation='relu')", "Conv2D(8, 3, strides=2)", "GlobalAveragePooling2D()", "Dense(3)")
    model = [text for layer in layers for text in ("-l", layer)]
    options = ("--loss", "mse", "--epochs", 2, "--threads")
    one, several = (fit("images.npy", "one-hot.npy", *options, count, model=model)[1] for count in (1, threads))
    assert_same(several, one)


def test_validation_sees_the_last_samples_and_the_weights_that_are_written(fit, data):
    files, options = ("x.npy", "classes.npy", "network.yaml"), ("--validation-split", 0.25, "--epochs", 4)
    answer, _ = fit(*files, *options, model=())
    x, classes = np.load(data / "x.npy")[-6:], np.load(data / "classes.npy")[-6:]
    outputs = library.apply(library.load(data / "network.yaml"), x, weights=data / "w.npz")  # without dropout
    loss = -np.mean(np.log(outputs[np.arange(6), classes]))
    assert answer["history"]["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    changed = np.load(data / "x.npy")
    changed[-6:] = 0
    np.save(data / "changed.npy", changed)
    other, _ = fit("changed.npy", *files[1:], *options, model=())
    assert other["history"]["loss"] == answer["history"]["loss"]
    assert other["history"]["val_loss"] != answer["history"]["val_loss"]


def test_patience_ends_the_run_and_writes_the_weights_of_the_best_epoch(fit, data):
    options = ("--validation-split", 0.25, "--epochs", 200, "--learning-rate", 0.05, "--patience", 3)
    answer, _ = fit("x.npy", "maps.npy", *options)
    losses = answer["history"]["val_loss"]
    assert answer["ended"] == "patience"
    assert answer["best_epoch"] == 1 + int(np.argmin(losses))
    assert len(losses) == answer["best_epoch"] + 3 < 200
    x, y = np.load(data / "x.npy")[-6:], np.load(data / "maps.npy")[-6:]
    outputs = library.apply(library.load(["Conv2D(1, 3)"]), x, weights=data / "w.npz")
    assert np.mean((outputs - y) ** 2) == pytest.approx(min(losses), rel=1e-5)


# ---- settings of models, and files ----


def keras_model(**settings):
    """Return what Keras writes of two convolutions, the first with these settings, as `model.to_json()` does."""
    common = {"trainable": True, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}}}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 6, 6, 1], "name": "x"}},
        {"class_name": "Conv2D", "config": {**common, "name": "c", "filters": 2, "kernel_size": [3, 3], **settings}},
        {"class_name": "Dropout", "config": {"name": "d", "rate": 0.1, "noise_shape": [None, 1, 1, 2], "seed": 1}},
        {"class_name": "Conv2D", "config": {**common, "name": "e", "filters": 1, "kernel_size": [1, 1]}},
    ]
    return {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "3.15.1"}


def test_settings_of_a_keras_file_that_training_ignores_are_warnings_of_fit_alone(convcli, data):
    file = data / "m.json"
    file.write_text(json.dumps(keras_model(bias_constraint={"class_name": "NonNeg"}, activity_regularizer=None)))
    command = ("fit", data / "x.npy", data / "maps.npy", file, "-o", data / "w.npz", "--epochs", "1")
    result = convcli(*command)
    assert (result.exit_code, result.stderr.splitlines()) == (
        0,
        [
            f"Warning: {file}: layers c, e: kernel_regularizer is ignored in training",
            f"Warning: {file}: layer c: bias_constraint is ignored in training",
            f"Warning: {file}: layer d: noise_shape is ignored in training",
        ],
    )
    with_weights = (data / "x.npy", file, "--weights", data / "w.npz")
    for other in (
        (*command, "-q"),
        ("shape", file),
        ("apply", *with_weights),
        ("explain", *with_weights, "--at", "0,0"),
    ):
        result = convcli(*other)
        assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("option", ["-o", "--checkpoint"])
@pytest.mark.parametrize("argument", ["{}:x", "input={}:x"])
def test_a_file_that_is_learned_from_is_not_replaced(convcli, tmp_path, option, argument):
    file = tmp_path / "data.npz"
    np.savez(file, x=np.ones((4, 6, 1)), y=np.ones((4, 4, 1)))
    before = file.read_bytes()
    weights = ("-o", tmp_path / "w.npz") if option == "--checkpoint" else ()
    result = convcli("fit", argument.format(file), f"{file}:y", "-l", "Conv1D(1, 3)", option, file, *weights)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {file} would replace what is learned from (another file)"
    assert file.read_bytes() == before


def test_without_pillow_a_plot_as_an_image_is_refused_before_the_training(convcli, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = convcli("fit", *LINES, "-o", data / "w.npz", "--plot", data / "curves.png")
    assert (result.exit_code, result.stderr) == (1, "Error: --plot: needs Pillow (pip install 'convcli[images]')\n")
    assert not (data / "w.npz").exists()
