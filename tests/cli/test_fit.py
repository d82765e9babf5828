"""`convcli fit`: filters that are learned back, what is reported of them, and runs that stop and go on."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from runs import training

import convcli as library
from convcli.cli.stopping import Stop
from convcli.io import arrays, npy
from convcli.learning import checkpoints
from convcli.learning.options import Options

LINES = ("samples/line-images.npy", "samples/line-maps.npy", "-l", "Conv2D(1, 3)")
DIGITS = ("samples/digits.npz:images", "samples/digits.npz:classes", "samples/digits.yaml")
UPRIGHT = [[0, 1, 0]] * 3
SOME = 24  # samples
# A network in which all that training does is at work: chance, statistics of batches, and what patience keeps.
NETWORK = """
layers:
  - conv2d: {filters: 3, kernel_size: 3, activation: tanh}
  - batch_normalization: {momentum: 0.8}
  - dropout: 0.3
  - flatten
  - dense: {units: 3, activation: softmax}
"""


def held(file):
    """The arrays of an NPZ file."""
    with np.load(file) as archive:
        return dict(archive)


def same(one, other):
    """Whether two sets of weights are equal bit for bit."""
    assert one
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and np.array_equal(one[key], other[key]) for key in one
    )


@pytest.fixture
def data(tmp_path):
    """Files of some samples: images, maps and classes of pure chance, and a network for the classes."""
    random = np.random.default_rng(3)
    np.save(tmp_path / "x.npy", random.normal(size=(SOME, 6, 6, 1)))
    np.save(tmp_path / "maps.npy", random.normal(size=(SOME, 4, 4, 1)))
    np.save(tmp_path / "classes.npy", random.integers(0, 3, SOME))
    (tmp_path / "network.yaml").write_text(NETWORK)
    return tmp_path


@pytest.fixture
def learn(convcli, data):
    """Learns in the folder of the data: the answer as a mapping, and the weights."""

    def run(*arguments, model=("-l", "Conv2D(1, 3)"), code=0, to="w.npz"):
        files = [data / each if (data / each).is_file() else each for each in map(str, arguments)]
        done = convcli("fit", *files, *model, "-o", data / to, "-f", "json")
        assert done.exit_code == code, done.output
        return json.loads(done.stdout), held(data / to)

    return run


# ---- what is learned ----


def test_the_detector_of_upright_lines_is_learned_back(convcli, tmp_path):
    done = convcli("fit", *LINES, "-o", tmp_path / "lines.npz")
    assert done.exit_code == 0
    assert " Epochs: 313, 5,008 updates\n" in done.stdout  # 512/32 = 16 batches; 313 * 16 is the first above 5,000
    weights = held(tmp_path / "lines.npz")
    assert np.abs(weights["conv2d/kernel"][..., 0, 0] - UPRIGHT).max() < 0.02
    assert np.abs(weights["conv2d/bias"]).max() < 0.02


def test_the_bump_detector_is_learned_back(convcli, tmp_path):
    file = tmp_path / "bump.npz"
    done = convcli("fit", "samples/bumps.npy", "samples/bump-maps.npy", "-l", "Conv1D(1, 3)", "-o", file, "-f", "csv")
    assert len(done.stdout.splitlines()) == 1 + 1250  # 128/32 = 4 batches; 1250 * 4 = 5,000
    assert np.abs(held(file)["conv1d/kernel"].ravel() - [0, 1, 0]).max() < 0.02
    applied = convcli("apply", "samples/bump.yaml", "-l", "Conv1D(1, 3)", "--weights", file, "-f", "json")
    values = np.ravel(json.loads(applied.stdout)["output"])
    np.testing.assert_allclose(values, [0, 0, 1, 1, 0, 0], atol=0.02)


def test_digits_that_were_not_learned_from_are_told(convcli, tmp_path):
    options = ("--validation-split", "0.25", "--epochs", "20", "-f", "json")
    done = json.loads(convcli("fit", *DIGITS, *options, "-o", tmp_path / "digits.npz").stdout)
    assert done["history"]["val_accuracy"][-1] > 0.97
    assert (done["loss"], done["samples"], done["validation_samples"]) == ("sparse_categorical_crossentropy", 1347, 450)
    images, classes = (held(ROOT / "samples/digits.npz")[name][1347:] for name in ("images", "classes"))
    found = library.apply(library.load(ROOT / "samples/digits.yaml"), images, weights=tmp_path / "digits.npz")
    assert np.mean(found.argmax(-1) == classes) == done["history"]["val_accuracy"][-1]


def test_several_inputs_and_outputs(learn, data):
    (data / "two.yaml").write_text(
        "input: {a: [4], b: [4]}\n"
        "layers:\n"
        "  - dense: {name: seen, units: 2, inputs: a}\n"
        "  - add: {name: both, inputs: [a, b]}\n"
        "  - dense: {name: told, units: 3, activation: softmax}\n"
        "outputs: [seen, told]\n"
    )
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, SOME, 4))
    np.savez(data / "in.npz", a=a, b=b)
    np.savez(data / "out.npz", seen=a[:, :2] - 1, told=np.argmax((a + b)[:, :3], axis=1))
    options = ("--epochs", 150, "--learning-rate", 0.05)
    done, weights = learn("in.npz", "out.npz", "two.yaml", *options, model=())
    assert done["loss"] == {"seen": "mse", "told": "sparse_categorical_crossentropy"}
    assert set(done["history"]) == {"loss", "accuracy"}
    assert done["history"]["accuracy"][-1] > 0.9
    np.testing.assert_allclose(weights["seen/kernel"], np.eye(4, 2), atol=0.02)
    np.testing.assert_allclose(weights["seen/bias"], [-1, -1], atol=0.02)
    np.save(data / "a.npy", a)
    np.save(data / "b.npy", b)
    pairs = (f"b={data / 'b.npy'}", f"a={data / 'a.npy'}")
    assert same(weights, learn(*pairs, "out.npz", "two.yaml", *options, model=())[1])


def test_channels_first_learns_the_same(learn, data):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(SOME, 6, 5, 2)), random.normal(size=(SOME, 4, 3, 2))
    for name, array in (("last", x), ("first", np.moveaxis(x, -1, 1))):
        np.save(data / f"x-{name}.npy", array)
    np.save(data / "y-last.npy", y)
    np.save(data / "y-first.npy", np.moveaxis(y, -1, 1))
    model = ("-l", "Conv2D(2, 3)", "--epochs", "2")
    last = learn("x-last.npy", "y-last.npy", model=model)[1]
    first = learn("x-first.npy", "y-first.npy", model=(*model, "--data-format", "channels_first"))[1]
    assert same(last, first)


def test_text_is_learned_from_and_a_target_may_leave_its_only_channel_out(convcli, learn, data):
    x = np.random.default_rng(0).integers(-2, 3, (40, 2))
    np.savetxt(data / "x.csv", x, "%d", ",")
    np.savetxt(data / "y.csv", 2 * x[:, 0] - 3 * x[:, 1] + 1, "%d")
    options = ("--optimizer", "sgd", "--learning-rate", "0.1", "--epochs", "60")
    weights = learn("x.csv", "y.csv", model=("-l", "Flatten()", "-l", "Dense(1)", *options))[1]
    np.testing.assert_allclose(weights["dense/kernel"].ravel(), [2, -3], atol=1e-3)
    np.testing.assert_allclose(weights["dense/bias"], [1], atol=1e-3)
    maps = np.load(data / "maps.npy")
    np.save(data / "flat.npy", maps[..., 0])
    with_axis, without = (learn("x.npy", name, "--epochs", "1")[1] for name in ("maps.npy", "flat.npy"))
    assert same(with_axis, without)


def test_pictures_are_learned_from(convcli, learn, data):
    grey = ("--gray", "--scale", "1/255")
    convcli("apply", "samples/house.png", "--filter", "sobel-x", *grey, "-o", data / "edges.npy")
    done, weights = learn(
        "samples/house.png", "edges.npy", *grey, "--epochs", 1200, "--learning-rate", 0.02, "--compare-with", "sobel-x"
    )
    assert (done["samples"], done["updates"]) == (1, 1200)
    assert done["compared"]["largest_error"]["map 0"] < 0.05
    assert np.abs(weights["conv2d/kernel"][..., 0, 0] - [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]).max() < 0.05
    learn("samples/house.png", "samples/house.png", model=("-l", "Conv2D(3, 1)", "--epochs", "1"))  # one sample each


# ---- what is reported ----


def test_json_says_what_was_done(learn):
    done, weights = learn("x.npy", "maps.npy", "--epochs", 2, "--batch-size", 10, "--validation-split", 0.25)
    history = done.pop("history")
    assert {name: len(each) for name, each in history.items()} == {"loss": 2, "val_loss": 2}
    weights_file = done.pop("weights")
    assert weights_file.endswith("w.npz")
    assert set(weights) == {"conv2d/kernel", "conv2d/bias"}
    assert {each.dtype.name for each in weights.values()} == {"float32"}
    assert done == {
        "name": "model",
        "data_format": "channels_last",
        "input_shape": [None, 6, 6, 1],
        "output_shape": [None, 4, 4, 1],
        "params": 10,
        "trainable_params": 10,
        "loss": "mse",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "momentum": 0.0,
        "epochs": 2,
        "batch_size": 10,
        "seed": 0,
        "validation_split": 0.25,
        "freeze": None,
        "patience": None,
        "dtype": "float32",
        "samples": 18,
        "validation_samples": 6,
        "updates": 4,  # 18 samples are 2 batches
        "ended": "done",
        "best_epoch": None,
    }


def test_csv_has_a_line_an_epoch(convcli, data):
    files = (data / "x.npy", data / "classes.npy", data / "network.yaml", "--validation-split", "0.25", "--epochs", "3")
    table, lines = (convcli("fit", *files, "-o", data / "w.npz", "-f", form).stdout for form in ("table", "csv"))
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        shown = re.search(rf"^│ +{row['epoch']} │(.*)│$", table, re.MULTILINE)
        figures = [each.strip() for each in shown[1].split("│")]
        assert figures[::2] == [f"{float(row[name]):.4f}" for name in ("loss", "val_loss")]
        assert figures[1::2] == [f"{float(row[name]):.1%}" for name in ("accuracy", "val_accuracy")]


def test_the_table(convcli, data):
    files = (data / "x.npy", data / "maps.npy", "-l", "Conv2D(2, 3)", "-l", "Conv2D(1, 1)", "--freeze", "conv2d_1")
    options = ("--optimizer", "sgd", "--momentum", "0.5", "--epochs", "20", "--patience", "20", "--batch-size", "7")
    table = convcli("fit", *files, *options, "-o", data / "w.npz").stdout
    head, _, filters = table.partition("\n\n")
    assert head.splitlines()[:5] == [
        "model: (None, 6, 6, 1) → (None, 4, 4, 1)",
        " Loss: mse",
        " Optimizer: sgd, learning rate 0.01, momentum 0.5",
        " Samples: 24 in batches of 7",
        " Epochs: 20, 80 updates; the weights are those of epoch 20",
    ]
    assert re.findall(r"^│ +(\d+) │", head, re.MULTILINE) == [str(round(place * 19 / 11) + 1) for place in range(12)]
    assert head.splitlines()[-2:] == [
        " 12 of 20 epochs; -f csv or json gives all",
        f" Trained: 20 of 23 params, in {data / 'w.npz'}",  # 2 * 9 + 2, and a frozen 2 + 1
    ]
    kernel, bias = (np.round(held(data / "w.npz")[f"conv2d/{name}"].astype(float), 4) for name in ("kernel", "bias"))
    assert filters.startswith("conv2d: learned filters, to 4 decimals\n")
    assert "conv2d_1" not in filters
    rows = "".join(line for line in filters.splitlines() if line.startswith("│"))
    np.testing.assert_array_equal(sorted(map(float, re.findall(r"[-.\d]+", rows))), np.sort(kernel.ravel()))
    assert re.findall(r"map (\d), bias (\S+)", filters) == [(f"{place}", f"{bias[place]:g}") for place in range(2)]


# ---- beside a hand-made filter ----


def test_learned_filters_beside_a_hand_made_one(convcli, learn, data):
    done, weights = learn(*LINES[:2], "--epochs", 3, "--compare-with", "line-vertical")
    away = np.abs(weights["conv2d/kernel"][..., 0, 0] - UPRIGHT).max()
    assert done["compared"]["filter"] == "line-vertical"
    assert done["compared"]["layer"] == "conv2d"
    assert done["compared"]["largest_error"] == {"map 0": pytest.approx(away, rel=1e-6)}
    (data / "own.csv").write_text("0,1,0\n" * 3)
    own = learn(*LINES[:2], "--epochs", 3, "--compare-with", data / "own.csv")[0]
    assert own["compared"]["largest_error"] == done["compared"]["largest_error"]
    table = convcli("fit", *LINES, "--epochs", 3, "--compare-with", "line-vertical", "-o", data / "w.npz").stdout
    assert "≈" in table
    assert table.endswith(f" Largest error: {away:.4f}\n")


def test_filters_in_three_dimensions_are_shown_slice_by_slice(convcli, data):
    random = np.random.default_rng(0)
    np.save(data / "volumes.npy", random.normal(size=(4, 5, 5, 5, 1)))
    np.save(data / "inner.npy", random.normal(size=(4, 3, 3, 3, 1)))
    files = (data / "volumes.npy", data / "inner.npy", "-l", "Conv3D(1, 3)", "--epochs", "1", "-o", data / "w.npz")
    table = convcli("fit", *files, "--compare-with", "gaussian:rank=3,size=3").stdout
    assert re.findall(r"map 0, bias \S+ depth (\d) ─╮   ╭─ gaussian:rank=3,size=3, depth (\d)", table) == [
        (place, place) for place in "012"
    ]


@pytest.mark.parametrize(
    ("layers", "compared"),
    [
        (("Conv2D(1, 3)", "Conv2D(2, 1)", "Conv2D(1, 1)"), "conv2d"),
        (("Conv2D(1, 3, flip_kernel=True)",), "conv2d"),
        (("Conv2DTranspose(1, 3, padding=2)",), "conv2d_transpose"),
        (("DepthwiseConv2D(3)",), "depthwise_conv2d"),
        (("SeparableConv2D(1, 3)",), "separable_conv2d depthwise_kernel"),
    ],
)
def test_a_filter_is_the_hand_made_one_where_its_values_are(learn, data, layers, compared):
    """Whichever way it meets the input: sobel-x is not symmetric."""
    model = [each for layer in layers for each in ("-l", layer)]
    begin = learn("x.npy", "maps.npy", "--epochs", 1, model=model)[1]
    kernel = next(iter(begin))
    sobel = np.reshape([-1, 0, 1, -2, 0, 2, -1, 0, 1], begin[kernel].shape)
    np.savez(data / "begin.npz", **{**begin, kernel: sobel})
    options = ("--weights", data / "begin.npz", "--learning-rate", 1e-9, "--epochs", 1, "--compare-with", "sobel-x")
    found = learn("x.npy", "maps.npy", *options, model=model)[0]["compared"]
    assert found["layer"] == compared
    assert list(found["largest_error"].values()) == [pytest.approx(0, abs=1e-6)]


# ---- curves ----


def test_curves_on_a_page(convcli, data):
    files = (data / "x.npy", data / "classes.npy", data / "network.yaml", "--validation-split", "0.25", "--epochs", "3")
    done = convcli("fit", *files, "-o", data / "w.npz", "--plot", data / "curves.html", "-f", "csv")
    last = list(csv.DictReader(io.StringIO(done.stdout)))[-1]
    page = (data / "curves.html").read_text()
    for name in ("loss", "val_loss", "accuracy", "val_accuracy"):
        assert f">{name} {float(last[name]):.4g}</text>" in page
    assert re.findall(r"(?:src|href|@import|url\()", page) == []  # it needs nothing else
    curves = re.findall(r'<polyline points="([^"]*)" fill="none" stroke="#(\w+)" stroke-width="2"', page)
    assert [len(points.split()) for points, _ in curves] == [3, 3, 3, 3]
    assert [colour for _, colour in curves] == ["0072b2", "d55e00"] * 2


def test_curves_as_a_picture(convcli, data):
    done = convcli("fit", *LINES, "-o", data / "w.npz", "--epochs", "2", "--plot", data / "curves.png")
    assert done.exit_code == 0
    with Image.open(data / "curves.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
        assert (picture.format, picture.width) == ("PNG", 1800)
    assert {(255, 255, 255), (0, 0x72, 0xB2)} <= colours  # paper, and the line of the loss
    assert (0xD5, 0x5E, 0) not in colours  # no validation


def test_without_pillow_a_picture_is_refused_before_anything_is_learned(convcli, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    done = convcli("fit", *LINES, "-o", data / "w.npz", "--plot", data / "curves.png")
    assert (done.exit_code, done.stderr) == (1, "Error: --plot: needs Pillow (pip install 'convcli[images]')\n")
    assert not (data / "w.npz").exists()


def test_curves_of_a_validation_that_comes_to_no_number(convcli, data):
    x = np.load(data / "x.npy")
    x[-6:] *= 1e30  # finite, but not their squares in float32
    np.save(data / "x.npy", x)
    files = (data / "x.npy", data / "maps.npy", "-l", "Conv2D(1, 3)", "--validation-split", "0.25", "--epochs", "2")
    done = convcli("fit", *files, "-o", data / "w.npz", "--plot", data / "c.html", "-f", "json")
    assert json.loads(done.stdout)["history"]["val_loss"] == ["Infinity"] * 2
    assert ">val_loss inf</text>" in (data / "c.html").read_text()


# ---- what may change ----


def test_a_frozen_layer_stays_as_it_is(learn, data):
    model = ("network.yaml",)
    before = learn("x.npy", "classes.npy", *model, "--epochs", 2, "--seed", 5, model=())[1]
    (data / "before.npz").write_bytes((data / "w.npz").read_bytes())
    options = ("--weights", data / "before.npz", "--epochs", 2, "--freeze", "conv2d", "--freeze", "batch_normalization")
    done, after = learn("x.npy", "classes.npy", *model, *options, model=())
    assert done["trainable_params"] == 48 * 3 + 3  # 4·4·3 values to 3 classes
    moved = {key.partition("/")[0] for key in before if not np.array_equal(before[key], after[key])}
    assert moved == {"dense"}
    (data / "fixed.yaml").write_text(NETWORK.replace("activation: tanh", "activation: tanh, trainable: false"))
    fixed = learn("x.npy", "classes.npy", "fixed.yaml", "--weights", data / "before.npz", "--epochs", 2, model=())[1]
    assert same({key: fixed[key] for key in before if "conv2d" in key}, {k: before[k] for k in before if "conv2d" in k})
    assert not np.array_equal(fixed["batch_normalization/moving_mean"], before["batch_normalization/moving_mean"])


def test_the_seed_settles_everything(learn):
    once, again, other = (
        learn("x.npy", "classes.npy", "network.yaml", "--epochs", 2, "--seed", seed, model=())[1] for seed in (4, 4, 5)
    )
    assert same(once, again)
    assert not any(np.array_equal(once[key], other[key]) for key in once)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_learns_the_same(learn, data, threads):
    images = np.random.default_rng(0).normal(size=(SOME, 24, 24, 3)).astype(np.float32)
    np.save(data / "images.npy", images)
    layers = ("Conv2D(8, 3, activation='relu')", "Conv2D(8, 3, strides=2)", "GlobalAveragePooling2D()", "Dense(3)")
    model = [each for layer in layers for each in ("-l", layer)]
    options = ("--loss", "mse", "--epochs", 2, "--threads")
    np.save(data / "goals.npy", np.eye(3)[np.load(data / "classes.npy")])
    one, several = (learn("images.npy", "goals.npy", *options, count, model=model)[1] for count in (1, threads))
    assert same(one, several)


def test_validation_sees_the_last_samples_and_the_weights_that_are_written(learn, data):
    files, options = ("x.npy", "classes.npy", "network.yaml"), ("--validation-split", 0.25, "--epochs", 4)
    done, _ = learn(*files, *options, model=())
    x, classes = np.load(data / "x.npy")[-6:], np.load(data / "classes.npy")[-6:]
    found = library.apply(library.load(data / "network.yaml"), x, weights=data / "w.npz")  # without dropout
    right = found[np.arange(6), classes]
    assert done["history"]["val_loss"][-1] == pytest.approx(-np.mean(np.log(right)), rel=1e-5)
    changed = np.load(data / "x.npy")
    changed[-6:] = 0
    np.save(data / "changed.npy", changed)
    other, _ = learn("changed.npy", *files[1:], *options, model=())
    assert other["history"]["loss"] == done["history"]["loss"]
    assert other["history"]["val_loss"] != done["history"]["val_loss"]


def test_patience_ends_and_gives_the_weights_of_the_best_epoch(learn, data):
    options = ("--validation-split", 0.25, "--epochs", 200, "--learning-rate", 0.05, "--patience", 3)
    done, _ = learn("x.npy", "maps.npy", *options)
    seen = done["history"]["val_loss"]
    assert done["ended"] == "patience"
    assert done["best_epoch"] == 1 + int(np.argmin(seen))
    assert len(seen) == done["best_epoch"] + 3 < 200
    x, y = np.load(data / "x.npy")[-6:], np.load(data / "maps.npy")[-6:]
    found = library.apply(library.load(["Conv2D(1, 3)"]), x, weights=data / "w.npz")
    assert np.mean((found - y) ** 2) == pytest.approx(min(seen), rel=1e-5)


# ---- runs that stop and go on ----


@pytest.mark.parametrize("stop", [1, 3, 4, 6])  # after so many batches, some of the validation
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "rmsprop", "momentum": 0.5, "validation_split": 0.3},
        {"optimizer": "adam", "learning_rate": 0.1, "patience": 2, "validation_split": 0.3, "seed": 7},
    ],
    ids=lambda options: options["optimizer"],
)
def test_a_run_that_stopped_goes_on_as_if_it_had_not(data, options, stop):
    model = library.load(data / "network.yaml")
    inputs, goals = {"input": np.load(data / "x.npy")}, {"dense": np.load(data / "classes.npy")}
    whole = Options(epochs=5, batch_size=8 if "validation_split" not in options else 6, **options)

    def learned(settings, stop=lambda: False, resume=None):
        saved = []

        def save(found):
            saved.append(npy.encode_npz(found))

        with training(model, inputs, goals, settings, checkpoint=resume) as run:
            return run.run(should_stop=stop, save_checkpoint=save), saved[-1:]

    asked = iter([False] * stop + [True])
    through, _ = learned(whole)
    halfway, (kept,) = learned(whole, lambda: next(asked))
    assert halfway.stop_reason == "interrupted"
    assert 0 < halfway.updates <= stop
    onward, _ = learned(Options(), resume=checkpoints.unpack(arrays.decode(kept)))
    assert same(onward.weights_by_key, through.weights_by_key)
    for name in ("history", "updates", "stop_reason", "best_epoch"):
        assert getattr(onward, name) == getattr(through, name)


def test_more_epochs_from_a_checkpoint(learn, data):
    files, model = ("x.npy", "classes.npy", "network.yaml"), ()
    options = ("--loss", "mse", "--momentum", 0.5, "--optimizer", "sgd")
    np.save(data / "classes.npy", np.eye(3)[np.load(data / "classes.npy")])
    learn(*files, *options, "--epochs", 2, "--checkpoint", data / "run.npz", model=model)
    resumed, weights = learn(*files, "--epochs", 4, "--resume", data / "run.npz", model=model)
    through, wanted = learn(*files, *options, "--epochs", 4, model=model)
    assert same(weights, wanted)
    del resumed["weights"], through["weights"]
    assert resumed == through
    done, again = learn(*files, "--resume", data / "run.npz", model=model)  # which was written again
    assert same(again, wanted)
    assert done["updates"] == through["updates"]


def test_ctrl_c_keeps_what_was_learned_and_the_run_goes_on(learn, data):
    run = data / "run.npz"
    arguments = [*(data / name for name in ("x.npy", "classes.npy", "network.yaml")), "--batch-size", "4"]
    command = [sys.executable, "-m", "convcli", "fit", *arguments, "--epochs", "1000000", "--checkpoint", run]
    command += ["-o", data / "w.npz", "-f", "csv"]
    pipe = subprocess.PIPE
    with subprocess.Popen([str(each) for each in command], stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        while not run.exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate()
    assert process.returncode == 130
    epochs = len(output.splitlines()) - 1
    assert epochs > 0
    assert said == (
        f"Interrupted after {epochs} of 1000000 epochs: {data / 'w.npz'} holds what was learned; "
        f"--resume {run} goes on\n"
    )
    assert set(held(data / "w.npz")) <= set(held(run))
    assert not list(data.glob(".convcli-*"))
    done, _ = learn(*arguments, "--resume", run, "--epochs", epochs + 2, model=())
    assert len(done["history"]["loss"]) == epochs + 2
    assert done["updates"] == (epochs + 2) * 6  # 24 samples in batches of 4
    assert [f"{each}" for each in done["history"]["loss"][:epochs]] == [
        row["loss"] for row in csv.DictReader(io.StringIO(output))
    ]


def test_a_run_that_is_stopped_at_once(convcli, data, monkeypatch):
    monkeypatch.setattr("convcli.cli.fit.stoppable", lambda: nullcontext(Stop(signal.SIGINT)))
    plot = data / "c.html"
    done = convcli("fit", *LINES, "-o", data / "w.npz", "--plot", plot, "-f", "csv")
    assert done.exit_code == 130
    assert done.stderr == f"Interrupted after 0 of 313 epochs: {data / 'w.npz'} holds what was learned\n"
    assert plot.exists()


def test_a_loss_that_is_no_number_ends_with_the_weights_from_before(convcli, data):
    options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "9")
    files = (data / "x.npy", data / "maps.npy", "-l", "Conv2D(1, 3)")
    convcli("fit", *files, "--epochs", "1", "-o", data / "w.npz")
    before = held(data / "w.npz")
    options += ("--weights", data / "w.npz")
    done = convcli("fit", *files, *options, "-o", data / "w.npz")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: epoch 2, batch 1: the loss is not finite "
        f"(--learning-rate below 1e+30, or --scale; {data / 'w.npz'} holds the weights from before)\n"
    )
    assert same(held(data / "w.npz"), before)  # the last whose loss was a number
    np.save(data / "x.npy", np.full((SOME, 6, 6, 1), 1e30))
    done = convcli("fit", *files, "-o", data / "none.npz")
    assert done.stderr == (
        "Error: epoch 1, batch 1: the loss is not finite "
        "(smaller inputs or weights, such as by --scale; nothing was learned)"
        "\n"
    )
    assert not (data / "none.npz").exists()


# ---- models of Keras ----


def keras_model(**settings):
    """What Keras writes of two layers with these settings, as `model.to_json()` does."""
    common = {"trainable": True, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}}}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 6, 6, 1], "name": "x"}},
        {"class_name": "Conv2D", "config": {**common, "name": "c", "filters": 2, "kernel_size": [3, 3], **settings}},
        {"class_name": "Dropout", "config": {"name": "d", "rate": 0.1, "noise_shape": [None, 1, 1, 2], "seed": 1}},
        {"class_name": "Conv2D", "config": {**common, "name": "e", "filters": 1, "kernel_size": [1, 1]}},
    ]
    return {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "3.15.1"}


def test_what_a_file_of_keras_says_of_training_and_is_not_done_is_a_warning_of_fit_alone(convcli, data):
    file = data / "m.json"
    file.write_text(json.dumps(keras_model(bias_constraint={"class_name": "NonNeg"}, activity_regularizer=None)))
    done = convcli("fit", data / "x.npy", data / "maps.npy", file, "-o", data / "w.npz", "--epochs", "1")
    assert (done.exit_code, done.stderr.splitlines()) == (
        0,
        [
            f"Warning: {file}: layers c, e: kernel_regularizer is ignored in training",
            f"Warning: {file}: layer c: bias_constraint is ignored in training",
            f"Warning: {file}: layer d: noise_shape is ignored in training",
        ],
    )
    quiet = convcli("fit", data / "x.npy", data / "maps.npy", file, "-o", data / "w.npz", "--epochs", "1", "-q")
    shape, applied = convcli("shape", file), convcli("apply", data / "x.npy", file, "--weights", data / "w.npz")
    explained = convcli("explain", data / "x.npy", file, "--weights", data / "w.npz", "--at", "0,0")
    assert [each.stderr for each in (quiet, shape, applied, explained)] == [""] * 4


@pytest.mark.parametrize("option", ["-o", "--checkpoint"])
@pytest.mark.parametrize("named", ["{}:x", "input={}:x"])
def test_what_is_learned_from_is_not_replaced(convcli, tmp_path, option, named):
    data = tmp_path / "data.npz"
    np.savez(data, x=np.ones((4, 6, 1)), y=np.ones((4, 4, 1)))
    before = data.read_bytes()
    files = [named.format(data), f"{data}:y"]
    other = ("-o", tmp_path / "w.npz") if option == "--checkpoint" else ()
    done = convcli("fit", *files, "-l", "Conv1D(1, 3)", option, data, *other)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == f"Error: {data} would replace what is learned from (another file)"
    assert data.read_bytes() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_what_asks_the_program_to_end_is_heeded_like_ctrl_c(tmp_path, number, code):
    run, out = tmp_path / "run.npz", tmp_path / "w.npz"
    command = [sys.executable, "-m", "convcli", "fit", *map(str, LINES), "--epochs", "100000"]
    files = ["-o", str(out), "--checkpoint", str(run), "-f", "csv"]
    with subprocess.Popen([*command, *files], cwd=ROOT, stdout=-1, stderr=-1, text=True) as program:
        while not run.exists():
            time.sleep(0.05)
        program.send_signal(number)
        _, told = program.communicate()
    assert program.returncode == code
    assert told.startswith("Interrupted after ")
    assert out.exists()
