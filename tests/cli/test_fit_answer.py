"""The answer of `convcli fit`: JSON, CSV and table, the comparison with a hand-made filter, and the plotted curves."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import partial

import numpy as np
import pytest
from fit_runs import LINES, UPRIGHT, read_npz, run_fit, write_data
from PIL import Image


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path)


@pytest.fixture
def fit(convcli, data):
    """Runs fit in the folder of the data: the answer and the weights."""
    return partial(run_fit, convcli, data)


def classify(data):
    """Return the arguments of three epochs on the classes, with a validation."""
    files = (data / "x.npy", data / "classes.npy", data / "network.yaml")
    return "fit", *files, "--validation-split", "0.25", "--epochs", "3", "-o", data / "w.npz"


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_json_holds_options_history_and_counts(fit):
    answer, weights = fit("x.npy", "maps.npy", "--epochs", 2, "--batch-size", 10, "--validation-split", 0.25)
    history = answer.pop("history")
    assert {name: len(values) for name, values in history.items()} == {"loss": 2, "val_loss": 2}
    assert answer.pop("weights").endswith("w.npz")
    assert set(weights) == {"conv2d/kernel", "conv2d/bias"}
    assert {array.dtype.name for array in weights.values()} == {"float32"}
    assert answer == {
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


def test_csv_has_a_line_for_each_epoch_with_the_figures_of_the_table(convcli, data):
    table, lines = (convcli(*classify(data), "-f", form).stdout for form in ("table", "csv"))
    rows = csv_rows(lines)
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        line = re.search(rf"^│ +{row['epoch']} │(.*)│$", table, re.MULTILINE)
        figures = [figure.strip() for figure in line[1].split("│")]
        assert figures[::2] == [f"{float(row[name]):.4f}" for name in ("loss", "val_loss")]
        assert figures[1::2] == [f"{float(row[name]):.1%}" for name in ("accuracy", "val_accuracy")]


def test_the_table_shows_settings_some_epochs_and_the_learned_filters(convcli, data):
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
    epochs = [str(round(number * 19 / 11) + 1) for number in range(12)]  # 12 of 20, at equal distances
    assert re.findall(r"^│ +(\d+) │", head, re.MULTILINE) == epochs
    assert head.splitlines()[-2:] == [
        " 12 of 20 epochs; -f csv or json gives all",
        f" Trained: 20 of 23 params, in {data / 'w.npz'}",  # 2 * 9 + 2, and a frozen 2 + 1
    ]
    weights = read_npz(data / "w.npz")
    kernel, bias = (np.round(weights[f"conv2d/{name}"].astype(float), 4) for name in ("kernel", "bias"))
    assert filters.startswith("conv2d: learned filters, to 4 decimals\n")
    assert "conv2d_1" not in filters
    numbers = "".join(line for line in filters.splitlines() if line.startswith("│"))
    np.testing.assert_array_equal(sorted(map(float, re.findall(r"[-.\d]+", numbers))), np.sort(kernel.ravel()))
    assert re.findall(r"map (\d), bias (\S+)", filters) == [(f"{index}", f"{bias[index]:g}") for index in range(2)]


# ---- beside a hand-made filter ----


def test_the_largest_error_is_that_of_the_cell_farthest_from_the_hand_made_filter(convcli, fit, data):
    answer, weights = fit(*LINES[:2], "--epochs", 3, "--compare-with", "line-vertical")
    error = np.abs(weights["conv2d/kernel"][..., 0, 0] - UPRIGHT).max()
    assert answer["compared"]["filter"] == "line-vertical"
    assert answer["compared"]["layer"] == "conv2d"
    assert answer["compared"]["largest_error"] == {"map 0": pytest.approx(error, rel=1e-6)}
    table = convcli("fit", *LINES, "--epochs", 3, "--compare-with", "line-vertical", "-o", data / "w.npz").stdout
    assert "≈" in table
    assert table.endswith(f" Largest error: {error:.4f}\n")


def test_the_hand_made_filter_may_be_in_a_file(fit, data):
    (data / "own.csv").write_text("0,1,0\n" * 3)
    by_name, by_file = (
        fit(*LINES[:2], "--epochs", 3, "--compare-with", name)[0] for name in ("line-vertical", data / "own.csv")
    )
    assert by_file["compared"]["largest_error"] == by_name["compared"]["largest_error"]


def test_filters_in_three_dimensions_are_shown_slice_by_slice(convcli, data):
    random = np.random.default_rng(0)
    np.save(data / "volumes.npy", random.normal(size=(4, 5, 5, 5, 1)))
    np.save(data / "inner.npy", random.normal(size=(4, 3, 3, 3, 1)))
    files = (data / "volumes.npy", data / "inner.npy", "-l", "Conv3D(1, 3)", "--epochs", "1", "-o", data / "w.npz")
    table = convcli("fit", *files, "--compare-with", "gaussian:rank=3,size=3").stdout
    depths = re.findall(r"map 0, bias \S+ depth (\d) ─╮   ╭─ gaussian:rank=3,size=3, depth (\d)", table)
    assert depths == [("0", "0"), ("1", "1"), ("2", "2")]


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
def test_a_stored_filter_of_the_same_values_has_no_error_however_it_meets_the_input(fit, data, layers, compared):
    """sobel-x is not symmetric, so a filter that is wrongly reversed would show."""
    model = [text for layer in layers for text in ("-l", layer)]
    weights = fit("x.npy", "maps.npy", "--epochs", 1, model=model)[1]
    kernel = next(iter(weights))
    sobel = np.reshape([-1, 0, 1, -2, 0, 2, -1, 0, 1], weights[kernel].shape)
    np.savez(data / "begin.npz", **{**weights, kernel: sobel})
    options = ("--weights", data / "begin.npz", "--learning-rate", 1e-9, "--epochs", 1, "--compare-with", "sobel-x")
    comparison = fit("x.npy", "maps.npy", *options, model=model)[0]["compared"]
    assert comparison["layer"] == compared
    assert list(comparison["largest_error"].values()) == [pytest.approx(0, abs=1e-6)]


# ---- curves ----


def test_a_page_shows_a_curve_for_each_metric(convcli, data):
    last = csv_rows(convcli(*classify(data), "--plot", data / "curves.html", "-f", "csv").stdout)[-1]
    page = (data / "curves.html").read_text()
    for name in ("loss", "val_loss", "accuracy", "val_accuracy"):
        assert f'{name} <output data-name="{name}">{float(last[name]):.4g}</output>' in page
    assert re.findall(r'(?:src=|href="(?!data:)|@import|url\()', page) == []  # it needs no other file
    curves = re.findall(r'<polyline class="(\w+)" points="([^"]*)"', page)
    assert [len(points.split()) for _, points in curves] == [3, 3, 3, 3]
    assert [colour for colour, _ in curves] == ["curve0", "curve1"] * 2


def test_an_image_shows_the_curve_of_the_loss(convcli, data):
    result = convcli("fit", *LINES, "-o", data / "w.npz", "--epochs", "2", "--plot", data / "curves.png")
    assert result.exit_code == 0
    with Image.open(data / "curves.png") as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
        assert (image.format, image.width) == ("PNG", 1800)
    assert {(255, 255, 255), (0, 0x72, 0xB2)} <= colours  # paper, and the loss
    assert (0xD5, 0x5E, 0) not in colours  # there is no validation


def test_a_validation_loss_that_is_not_finite_is_told_and_not_drawn(convcli, data):
    x = np.load(data / "x.npy")
    x[-6:] *= 1e30  # finite, but their squares overflow float32
    np.save(data / "x.npy", x)
    files = (data / "x.npy", data / "maps.npy", "-l", "Conv2D(1, 3)", "--validation-split", "0.25", "--epochs", "2")
    result = convcli("fit", *files, "-o", data / "w.npz", "--plot", data / "c.html", "-f", "json")
    assert json.loads(result.stdout)["history"]["val_loss"] == ["Infinity"] * 2
    assert '<output data-name="val_loss">inf</output>' in (data / "c.html").read_text()
